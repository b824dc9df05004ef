"""A summary of a run from its folder alone: without its texts, and without importing torch, which takes a second.
Entries from missing or damaged files are None."""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
from pathlib import Path
from typing import Any

from textrnn.config import build_config, read_yaml
from textrnn.errors import ConfigError
from textrnn.run.folder import LABELS, MODEL_CONFIG, RunFolder, model_folder
from textrnn.run.model_config import read_description, saved_version
from textrnn.run.records import is_environment, load_environment, read_history, training_seconds
from textrnn.runtime.files import folder_size
from textrnn.runtime.tensor_files import UNREADABLE, read_header
from textrnn.texts.vocab import load_labels, read_name_lines

COMPLETE, UNFINISHED, WITHOUT_STATE, NOT_SAVED, MODEL = "complete", "unfinished", "without state", "not saved", "model"
_SPLITS = ("train", "dev", "test")
_SCORES = ("accuracy", "macro_f1", "loss")
_BUFFER = re.compile(r"\.(projection|keys_\d+)$")  # saved with a network and not trained (models/embedding.py)
_VERSIONS = ("textrnn", "python", "torch", "numpy", "platform", "processor", "device", "threads", "processes")


def describe_run(path: Path) -> dict[str, Any]:
    """The summary of a run or model; docs/reference/json.md describes the keys. Raises CheckpointError if `path` is
    neither, and CheckpointError or ConfigError if the model's labels, vocabulary or config cannot be read."""
    run = RunFolder(path)
    is_run = is_environment(run.environment) or model_folder(path) != path
    model = run.model if is_run else path
    environment = load_environment(run.environment) if is_run else {}
    history = read_history(run.history) if is_run else []
    return {
        "name": Path(os.path.abspath(path)).name,
        "path": os.path.abspath(path),
        "state": _state(run) if is_run else MODEL,
        "progress": _progress(run, environment) if is_run else None,
        "data": _data(run, environment) if is_run else {},
        **(_describe_model(model) if (model / MODEL_CONFIG).is_file() else {"labels": [], "model": None}),
        "held_out": _held_out(run, history),
        "training_seconds": training_seconds(history),
        "began": environment.get("began"),
        "environment": {key: environment[key] for key in _VERSIONS if key in environment},
        "evaluations": _evaluations(run) if is_run else [],
        "bytes": folder_size(path),
        "model_bytes": folder_size(model),
    }


def _state(run: RunFolder) -> str:
    last = run.weights if _section(run, "model").get("linear") != "only" else run.model / "decision.json"
    if not last.exists() and not run.states():
        return NOT_SAVED
    if run.held_out.exists():
        return COMPLETE
    return UNFINISHED if run.states() else WITHOUT_STATE


def _progress(run: RunFolder, environment: dict[str, Any]) -> dict[str, Any] | None:
    """The progress of the last network started; None if there is none."""
    states = list(run.states().values())
    saved = _saved_progress(states[-1]) if states else {}
    if "epoch" not in saved:
        return None
    planned = _whole_numbers(environment.get("planned"))
    epochs = _whole_numbers(_section(run, "train")).get("epochs", planned.get("epochs"))  # the user may have raised it
    epoch = saved["epoch"] if epochs is None else min(saved["epoch"], epochs)
    return {"epoch": epoch, "epochs": epochs, "network": len(states), "networks": planned.get("networks")}


def _section(run: RunFolder, name: str) -> dict[str, Any]:
    """A section of the run's config, unchecked: a run of an older version may have keys that no longer exist."""
    section = None
    with contextlib.suppress(ConfigError):
        section = read_yaml(run.config).get(name)
    return section if isinstance(section, dict) else {}


def _whole_numbers(value: Any) -> dict[str, int]:
    """The entries of a dict that are whole numbers; an empty dict for any other value."""
    return {key: number for key, number in value.items() if type(number) is int} if isinstance(value, dict) else {}


def _saved_progress(state: Path) -> dict[str, Any]:
    with contextlib.suppress(OSError, *UNREADABLE):
        progress = json.loads(read_header(state)[1]["progress"])
        if all(type(progress[key]) is int for key in ("epoch", "best_epoch")):
            return progress
    return {}


def _data(run: RunFolder, environment: dict[str, Any]) -> dict[str, Any]:
    """Split -> its files and the number of its texts. A dev part of the training texts does not have its own files."""
    texts, given = _whole_numbers(environment.get("planned", {}).get("texts")), _section(run, "data")
    paths = {name: _file_names(given.get(name)) for name in _SPLITS}
    return {name: {"paths": names, "n": texts.get(name)} for name, names in paths.items() if names or name in texts}


def _file_names(value: Any) -> list[str]:
    """A path, or those in a list; none of another value, as in a config that was changed by hand."""
    names = value if isinstance(value, list) else [value]
    return [name for name in names if isinstance(name, str)]


def _describe_model(model: Path) -> dict[str, Any]:
    """The entries `labels` and `model`."""
    config = build_config(read_description(model / MODEL_CONFIG)[0], origin=str(model / MODEL_CONFIG))
    sizes, linear_size = _network_sizes(model / "model.safetensors"), _linear_size(model / "linear.safetensors")
    weight = None
    with contextlib.suppress(OSError, *UNREADABLE):
        decision = json.loads((model / "decision.json").read_bytes())
        if decision["linear"] and 0 <= float(decision["weight"]) <= 1:
            weight = float(decision["weight"])
    is_saved = bool(sizes if config.model.has_network else linear_size)
    parameters = (sum(sizes) if weight is None or weight < 1 else 0) + (linear_size if weight else 0)
    return {
        "labels": load_labels(model / LABELS),
        "model": {
            "config": config.model_dump(include={"tokenizer", "model"}),
            "networks": len(sizes),
            "network_parameters": sizes[0] if sizes else None,
            "parameters": parameters if is_saved else None,
            "linear_weight": weight,
            "vocabulary": len(read_name_lines(model / "vocab.txt")),
            "format_version": saved_version(model / MODEL_CONFIG),
        },
    }


def _network_sizes(weights: Path) -> list[int]:
    """The number of parameters of each network; an empty list if the file is missing or damaged."""
    sizes: dict[str, int] = {}
    with contextlib.suppress(OSError, *UNREADABLE):
        for name, shape in read_header(weights)[0].items():
            if not _BUFFER.search(name):
                network = name.split(".")[1]  # networks.0.head.weight
                sizes[network] = sizes.get(network, 0) + math.prod(shape)
    return list(sizes.values())


def _linear_size(weights: Path) -> int:
    with contextlib.suppress(OSError, *UNREADABLE):
        shapes = read_header(weights)[0]
        return math.prod(shapes["weight"]) + math.prod(shapes["bias"])
    return 0


def _held_out(run: RunFolder, history: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The scores on held-out texts: those of all folds, or of the only network in its best epoch."""
    line = next((record for record in reversed(history) if "fold" not in record), None)
    if not any("fold" in record for record in history):
        best = _saved_progress(run.state).get("best_epoch", 0)  # a linear model has the epoch 0
        line = next((record for record in history if record["epoch"] == best), None)
    if line is None or line.get("dev_accuracy") is None:
        return None
    parts = {
        part: {score: line[f"dev_{part}_{score}"] for score in _SCORES}
        if line.get(f"dev_{part}_accuracy") is not None
        else None
        for part in ("network", "linear")
    }
    count = None
    with contextlib.suppress(OSError, *UNREADABLE):
        (count,) = read_header(run.held_out)[0]["labels"]
    return {"n": count, **{score: line.get(f"dev_{score}") for score in _SCORES}, "parts": parts}


def _evaluations(run: RunFolder) -> list[dict[str, Any]]:
    """The evaluations of the run, by name."""
    evaluations = []
    for file in sorted(run.evaluations.glob("*/metrics.json")):
        with contextlib.suppress(OSError, *UNREADABLE):
            metrics = json.loads(file.read_bytes())
            scores = {key: metrics[key] for key in ("n", "accuracy", "macro_f1", "loss")}
            if all(type(value) in (int, float) and math.isfinite(value) for value in scores.values()):
                evaluations.append({"name": file.parent.name, "path": str(file.parent), **scores})
    return evaluations
