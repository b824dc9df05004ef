"""What results depend on: versions, threads, machine, and the config and data with which a run began."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any

import textrnn
from textrnn.errors import CheckpointError
from textrnn.runtime.distributed import world_size
from textrnn.runtime.files import write_text
from textrnn.runtime.terminal import json_text

if TYPE_CHECKING:
    import torch


def describe_environment(device: torch.device) -> dict[str, str | int]:
    import numpy
    import torch  # here, since `vocab` also looks for runs and needs no torch

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
        "cores_shared": cores_to_share(),  # decides how batches are split, and so how sums round
        "processes": world_size(),
        "device": device_name(device),
    }


def save_environment(
    path: Path, environment: dict[str, str | int], digests: dict[str, str], config: dict[str, Any] | None = None
) -> None:
    """config: its sections when the run began; the user may change the run's config.yaml."""
    write_text(path, json_text({**environment, "data_sha256": digests, "config": config or {}}, indent=2))


def load_environment(path: Path) -> dict[str, Any]:
    """What was saved, without missing or damaged parts, since it only serves for comparison."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(content, dict):
        return {}
    saved: dict[str, Any] = {key: value for key, value in content.items() if isinstance(value, (str, int))}
    for key in ("data_sha256", "config"):
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
    """A phrase for each difference. Raises CheckpointError if the data has changed. restart: the command that starts
    the run over."""
    data = before.get("data_sha256", {})
    changed = [name for name, digest in digests.items() if data.get(name, digest) != digest]
    if changed:
        raise CheckpointError(
            f"{', '.join(changed)}: the content has changed since the run began; put it back, or start over with: "
            f"{restart}"
        )
    return [f"{key} was {before[key]}, is {value}" for key, value in now.items() if before.get(key, value) != value]
