"""`textrnn info`: describes this installation, or a run. The latter does not import torch, so that it takes no time."""

from __future__ import annotations

import os
import platform
import re
from importlib import metadata
from pathlib import Path
from typing import Any

import textrnn
from textrnn.config import build_config
from textrnn.errors import command
from textrnn.reports.architecture import network_line
from textrnn.run import overview
from textrnn.run.folder import RunFolder
from textrnn.run.records import describe_environment
from textrnn.runtime.files import folder_size
from textrnn.runtime.process import TORCH_ADDRESS_SPACE, check_memory
from textrnn.runtime.terminal import count_of, display_width, visible, wrapped

_LABELS_SHOWN = 12
_PRECISIONS = {
    "float32": "--precision auto computes in float32: the default device has no bfloat16 units",
    "bfloat16": "--precision auto computes in bfloat16 if it gave the run's held-out texts the same labels as float32",
}
_FROM_TORCH = ("torch", "numpy", "cpu_capability", "threads", "cores_shared", "processes", "device")


def describe_installation() -> dict[str, Any]:
    """Versions, devices and the cache; docs/reference/json.md describes the keys. `torch_error` has the reason if torch
    cannot be loaded, which is when such a description is needed most."""
    environment: dict[str, Any] = dict.fromkeys(_FROM_TORCH) | {
        "textrnn": textrnn.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": platform.processor() or platform.machine(),
    }
    error, devices, precision = None, [], None
    check_memory(TORCH_ADDRESS_SPACE)
    try:
        from textrnn.runtime.device import choose_device, has_bfloat16_units

        device = choose_device("auto")
        environment = describe_environment(device)
        devices = _devices()
        precision = "bfloat16" if has_bfloat16_units(device) else "float32"
    except (ImportError, OSError) as problem:
        error = f"{type(problem).__name__}: {problem}"
    cache = Path(os.path.abspath(build_config({}, origin="").data.cache_dir))
    return {
        **environment,
        "cores": os.cpu_count(),
        "packages": _packages(),
        "torch_error": error,
        "devices": devices,
        "auto_precision": precision,
        "cache_dir": str(cache),
        "cache_bytes": folder_size(cache) if cache.is_dir() else 0,
    }


def _packages() -> dict[str, str | None]:
    """Name -> version of each package that textrnn requires, None if it is missing; empty if textrnn runs from a folder
    of sources that was not installed."""
    versions: dict[str, str | None] = {}
    try:
        requirements = metadata.requires("textrnn") or []
    except metadata.PackageNotFoundError:
        return {}
    for requirement in sorted(requirement for requirement in requirements if "extra ==" not in requirement):
        name = re.split(r"[^\w.-]", requirement)[0]
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = None
    return versions


def _devices() -> list[dict[str, Any]]:
    """The CPU and each CUDA device, and whether it multiplies in bfloat16 natively."""
    import torch

    from textrnn.runtime.device import device_name, has_bfloat16_units

    names = ["cpu", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))]
    devices = map(torch.device, names)
    return [{"name": device_name(device), "bfloat16": has_bfloat16_units(device)} for device in devices]


def installation_text(described: dict[str, Any], columns: int | None) -> str:
    """columns: of the terminal, None for a file or pipe."""
    packages = ", ".join(f"{name} {version or '(missing)'}" for name, version in described["packages"].items())
    devices = ", ".join(
        f"{device['name']}, {'with' if device['bfloat16'] else 'no'} bfloat16 units" for device in described["devices"]
    )
    rows = [("textrnn", described["textrnn"]), ("Python", described["python"])]
    rows += [("platform", f"{described['platform']}, {described['processor']}")]
    rows += [("packages", packages or "unknown: textrnn is not installed, it runs from its sources")]
    if described["torch_error"]:
        rows.append(("torch", f"cannot be loaded: {described['torch_error']}"))
    else:
        threads = f"torch uses {count_of(described['threads'], 'thread')} ({described['cpu_capability']})"
        rows += [
            ("devices", devices),
            ("threads", f"{threads}, {count_of(described['cores'], 'core')}"),
            ("precision", _PRECISIONS[described["auto_precision"]]),
        ]
    return _table([*rows, ("cache", f"{described['cache_dir']}, {_size(described['cache_bytes'])}")], columns)


def describe_run(path: Path) -> dict[str, Any]:
    """A run or model, with the commands to go on with. Raises CheckpointError and ConfigError."""
    described = overview.describe_run(path)
    return described | {"next": _next(path, described)}


def _next(path: Path, described: dict[str, Any]) -> list[str]:
    """Commands for the next step."""
    run, state = RunFolder(path), described["state"]
    if state in (overview.UNFINISHED, overview.NOT_SAVED):
        return [run.resume_command()]
    has_test, evaluated = "test" in described["data"], {result["name"] for result in described["evaluations"]}
    if state != overview.MODEL and not evaluated and (has_test or described["held_out"]):
        return [run.eval_command(), command("predict", path, "FILE")]
    return [command("predict", path, "FILE"), command("eval", path, "FILE")]


def run_text(described: dict[str, Any], columns: int | None) -> str:
    """columns: of the terminal, None for a file or pipe."""
    rows = [("run", f"{described['name']}: {_state_phrase(described)}")]
    if described["data"]:
        rows.append(("data", "; ".join(_data_phrase(name, part) for name, part in described["data"].items())))
    if labels := described["labels"]:
        more = f" and {len(labels) - _LABELS_SHOWN:,} more" * (len(labels) > _LABELS_SHOWN)
        rows.append(("classes", f"{len(labels):,}: {', '.join(labels[:_LABELS_SHOWN])}{more}"))
    if described["model"] is not None:
        rows.append(("model", _model_phrase(described["model"])))
    if held_out := described["held_out"]:
        count = "" if held_out["n"] is None else f"{held_out['n']:,} texts: "
        rows.append(("held out", f"{count}{_scores_phrase(held_out)}{_parts_phrase(held_out['parts'])}"))
    for evaluation in described["evaluations"]:
        rows.append(("evaluated", f"{evaluation['name']}, {evaluation['n']:,} texts: {_scores_phrase(evaluation)}"))
    if training := _training_phrase(described):
        rows.append(("training", training))
    model = f", of which model/ {_size(described['model_bytes'])}" if described["state"] != overview.MODEL else ""
    rows.append(("size", f"{_size(described['bytes'])}{model}"))
    return _table([*rows, *(("next", line) for line in described["next"])], columns)


def _state_phrase(described: dict[str, Any]) -> str:
    state, progress = described["state"], described["progress"]
    if state != overview.UNFINISHED:
        return {
            overview.COMPLETE: "complete",
            overview.MODEL: "a model without its run",
            overview.WITHOUT_STATE: "trained, but its training state was removed: it cannot be resumed",
            overview.NOT_SAVED: "nothing was saved: training ended before its first step",
        }[state]
    if progress is None:
        return "unfinished, and its training state is damaged"
    epochs = "" if progress["epochs"] is None else f" of {progress['epochs']}"
    networks = progress["networks"] or 1
    network = f" of network {progress['network']} of {networks}" if networks > 1 else ""
    return f"unfinished, in epoch {progress['epoch']}{epochs}{network}"


def _data_phrase(name: str, part: dict[str, Any]) -> str:
    count = "" if part["n"] is None else f" {part['n']:,} texts"
    return f"{name}{count} ({', '.join(part['paths']) or 'part of train'})"


def _model_phrase(model: dict[str, Any]) -> str:
    if model["parameters"] is None:
        return f"no weights, or damaged ones; format version {model['format_version']}"
    config, weight = build_config(model["config"], origin=""), model["linear_weight"]
    tokens = f"{model['vocabulary']:,} tokens ({config.tokenizer.kind}); format version {model['format_version']}"
    if not config.model.has_network:
        return f"a linear model without a network, {model['parameters']:,} parameters; {tokens}"
    line = network_line(config.model, model["network_parameters"], model["networks"])
    linear = {None: "no linear model", 0: "a linear model with no weight", 1: "a linear model with all the weight"}.get(
        weight, f"a linear model with a weight of {weight:.2f}" if weight else ""
    )
    return f"{line}; {linear}; {tokens}"


def _scores_phrase(scores: dict[str, Any]) -> str:
    return f"accuracy {scores['accuracy']:.4f}, macro-F1 {scores['macro_f1']:.4f}"


def _parts_phrase(parts: dict[str, Any]) -> str:
    if not parts["network"] or not parts["linear"]:
        return ""
    network, linear = (parts[part]["accuracy"] for part in ("network", "linear"))
    return f" (accuracy of the network alone {network:.4f}, of the linear model alone {linear:.4f})"


def _training_phrase(described: dict[str, Any]) -> str:
    seconds, environment = described["training_seconds"], described["environment"]
    versions = [f"{name} {environment[name]}" for name in ("textrnn", "torch") if name in environment]
    versions += [f"Python {environment['python']}"] if "python" in environment else []
    time = [] if seconds is None else [f"{seconds:,.0f} s" if seconds >= 10 else f"{seconds:.1f} s"]
    began = [f"begun {described['began']}"] if described["began"] else []
    return ", ".join([*time, *began, *versions, *([environment["device"]] if "device" in environment else [])])


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB" if count >= 1e6 else f"{count / 1e3:,.0f} kB"


def _table(rows: list[tuple[str, str]], columns: int | None) -> str:
    """Lines of a name and what it stands for."""
    width = 2 + max(display_width(name) for name, _ in rows)
    return "".join(f"{wrapped(f'{name:{width}}{visible(text)}', columns, indent=width)}\n" for name, text in rows)
