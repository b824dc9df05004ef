"""A run's records beside its model, and the differences between runs: the environment, config and data with which it
began, and history.jsonl with a line for each evaluation. The lines of cross-fitted networks have a `fold`; a last line
without it is about all of them."""

from __future__ import annotations

import contextlib
import json
import math
import os
import platform
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import textrnn
from textrnn.config import SECTIONS, Config, is_of_network, known_keys, read_yaml
from textrnn.errors import CheckpointError, TextRNNError
from textrnn.runtime.distributed import world_size
from textrnn.runtime.files import write_text
from textrnn.runtime.terminal import json_text

if TYPE_CHECKING:
    import torch

ENVIRONMENT, HISTORY = "environment.json", "history.jsonl"  # in a run's folder
_LARGEST = 1e100  # curves of much larger numbers cannot be drawn
_COUNTS, _LARGEST_COUNT = ("step", "epoch", "fold", "seconds"), 1e12
_LEFT_OUT = ("data.cache_dir", "train.save_minutes", "train.tensorboard")  # no result depends on them
# the files of the texts, their weights and their division
_OF_A_RUN = ("data.train", "data.dev", "data.test", "data.unlabelled", "data.dev_fraction", "data.weight_column")
_ORDER = ["preset", "networks", *known_keys()]


def describe_environment(device: torch.device) -> dict[str, str | int]:
    import numpy
    import torch  # here, because `vocab` also looks for runs and needs no torch

    from textrnn.runtime.device import cores_to_share, device_name

    return {
        "textrnn": textrnn.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
        "platform": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "cores_shared": cores_to_share(),  # determines how batches are split, and thus how sums are rounded
        "processes": world_size(),
        "device": device_name(device),
    }


def save_environment(
    path: Path, environment: dict[str, str | int], digests: dict[str, str], config: dict[str, Any] | None = None,
    planned: dict[str, Any] | None = None,
) -> None:  # fmt: skip
    """Write environment.json. config: its sections when the run began, because the user may change the run's
    config.yaml. planned: the number of texts of each split, and the values chosen for `auto`."""
    began = datetime.now(timezone.utc).isoformat(timespec="seconds")
    content = {**environment, "began": began, "planned": planned or {}, "data_sha256": digests, "config": config or {}}
    write_text(path, json_text(content, indent=2))


def load_environment(path: Path) -> dict[str, Any]:
    """The saved content without missing or damaged parts, because it only serves for comparison."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(content, dict):
        return {}
    saved: dict[str, Any] = {key: value for key, value in content.items() if isinstance(value, (str, int))}
    for key in ("planned", "data_sha256", "config"):
        saved[key] = content[key] if isinstance(content.get(key), dict) else {}
    saved["data_sha256"] = {key: value for key, value in saved["data_sha256"].items() if isinstance(value, str)}
    return saved


def is_environment(path: Path) -> bool:
    """Whether `save_environment` wrote the file."""
    environment = load_environment(path)
    return all(isinstance(environment.get(key), str) for key in ("textrnn", "torch"))


def compare_environment(
    before: dict[str, Any], now: dict[str, str | int], digests: dict[str, str], restart: str
) -> list[str]:
    """A phrase for each difference. restart: the command that starts the run over. Raises CheckpointError if the data
    has changed."""
    data = before.get("data_sha256", {})
    changed = [name for name, digest in digests.items() if data.get(name, digest) != digest]
    if changed:
        raise CheckpointError(
            f"{', '.join(changed)}: the content has changed since the run began; put it back, or start over with: "
            f"{restart}"
        )
    return [f"{key} was {before[key]}, is {value}" for key, value in now.items() if before.get(key, value) != value]


def add_to_history(path: Path, record: dict[str, Any]) -> None:
    """Add a line and sync it to disk, after the lines of the same and of earlier folds, so that the order does not
    depend on which fold was faster. Raises TextRNNError if that fails."""
    if record.get("fold") is not None:
        records = sorted([*read_history(path), record], key=history_order)
        write_text(path, "".join(json.dumps(line, allow_nan=False) + "\n" for line in records))
        return
    try:
        with path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(record, allow_nan=False) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise TextRNNError(f"{path}: cannot be written: {error.strerror}") from error


def history_order(record: dict[str, Any]) -> tuple[float, int]:
    """The place of a record in the history, as a key to sort by: first by fold, those of all folds together last."""
    return record.get("fold") or math.inf, record["epoch"]


def read_history(path: Path) -> list[dict[str, Any]]:
    """The records, without invalid lines; a crash may have cut the last one short."""
    records: list[dict[str, Any]] = []
    with contextlib.suppress(FileNotFoundError):
        for line in path.read_text(encoding="utf-8", errors="replace").split("\n"):
            with contextlib.suppress(ValueError, RecursionError):
                if _is_record(record := json.loads(line)):
                    records.append(record)
    return records


def training_seconds(history: list[dict[str, Any]]) -> float | None:
    """The time of the optimizer steps of all networks; None if it was not recorded."""
    last = {record.get("fold"): record.get("seconds") for record in history}
    if (total := last.pop(None, None)) is not None:  # the time of the only network, or of all folds
        return total
    seconds = [fold for fold in last.values() if fold is not None]
    return sum(seconds) if seconds else None


def _is_record(value: Any) -> bool:
    """Whether a value is a dict of numbers that training can have recorded, none below 0, with a whole `step` and
    `epoch` and, if there is one, a whole `fold`."""
    if not isinstance(value, dict) or any(type(value.get(key)) is not int for key in ("step", "epoch")):
        return False
    return type(value.get("fold")) in (int, type(None)) and all(
        type(number) in (int, float) and 0 <= number < (_LARGEST_COUNT if key in _COUNTS else _LARGEST)
        for key, number in value.items()
        if number is not None
    )


def cut_history(path: Path, step: int, fold: int | None = None) -> None:
    """Remove the records of a fold's network after `step`, which will be computed and recorded again, and the summary
    of all folds."""
    kept = [
        json.dumps(record, allow_nan=False) + "\n"
        for record in read_history(path)
        if (record["step"] <= step if record.get("fold") == fold else fold is not None and "fold" in record)
    ]
    write_text(path, "".join(kept))


def effective_values(run: Path, model: Config, networks: int, *, is_run: bool) -> dict[str, Any]:
    """Dotted key -> value in effect; without a network, none of its keys. model: the config saved with the model, which
    supplies keys that the run's config lacks, or all keys without a run. networks: the number of the model's networks.
    Raises ConfigError."""
    saved = model.model_dump(include={"data", "tokenizer", "model"})
    tree = read_yaml(run / "config.yaml") if is_run else {}
    values: dict[str, Any] = {"networks": networks} | ({"preset": tree["preset"]} if "preset" in tree else {})
    for section in SECTIONS:
        given = tree.get(section)
        keys = saved.get(section, {}) | (given if isinstance(given, dict) else {})
        values |= {f"{section}.{key}": value for key, value in keys.items()}
    if is_run:
        _explain_auto(values, run)
    values["model.embedding_dim"] = model.model.embedding_dim  # null has become a number,
    values["model.rare_dim"] = model.model.rare_dim  # and a number has become null if vectors are given
    for key in _LEFT_OUT if is_run else (*_LEFT_OUT, *_OF_A_RUN):
        values.pop(key, None)
    return {key: value for key, value in values.items() if model.model.has_network or not is_of_network(key)}


def _explain_auto(values: dict[str, Any], run: Path) -> None:
    """Replace `auto`, which depends on the number of texts, by the values that the history shows."""
    history = [record for record in read_history(run / HISTORY) if record["epoch"] > 0]
    network_records = [record for record in history if "fold" in record] or history
    if network_records:
        epochs = max(record["epoch"] for record in network_records)
        steps = round(network_records[0]["step"] / network_records[0]["epoch"])
        for key, meaning in (("epochs", f"{epochs} trained"), ("batch_size", f"{steps} steps an epoch")):
            if values.get(f"train.{key}") == "auto":
                values[f"train.{key}"] = f"auto ({meaning})"


def config_differences(values: list[dict[str, Any]], digests: list[dict[str, str]]) -> list[dict[str, Any]]:
    """The keys whose values differ, with the value of each run, in the order of the config; keys of other versions come
    last. Keys that some runs lack (runs of other versions, models without a run) are left out.

    digests: for each run, key -> sha256 of the content of a file that the key names. Two paths with the same content
    are equal; one path whose content has changed is not.
    """
    differences = []
    common = set.intersection(*map(set, values))
    for key in [*(key for key in _ORDER if key in common), *sorted(common.difference(_ORDER))]:
        differing = [run[key] for run in values]
        contents = [run[key] for run in digests if run.get(key)]
        if len(contents) == len(values):
            if len(set(contents)) == 1:
                continue
            if all(value == differing[0] for value in differing):
                path = ", ".join(differing[0]) if isinstance(differing[0], list) else differing[0]
                differing = [f"{path} (sha256 {content[:12]})" for content in contents]
        if any(value != differing[0] for value in differing):
            differences.append({"key": key, "values": differing})
    return differences


def saved_digests(run: Path) -> dict[str, str]:
    """Config key -> sha256 of the content of the files that it names, as of the start of the run."""
    return load_environment(run / ENVIRONMENT).get("data_sha256", {})
