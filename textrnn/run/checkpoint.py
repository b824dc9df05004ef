"""The training state of a network: one file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import nn

from textrnn.errors import CheckpointError
from textrnn.models.network import not_finite
from textrnn.run.folder import RunFolder
from textrnn.runtime.tensors import UNREADABLE, difference, load_tensors, opened, save_tensors


def save_state(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, progress: dict[str, Any]) -> None:
    """Save the whole training state in one file, which replaces the previous one only when it is complete."""
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    for number, values in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{name}": tensor for name, tensor in values.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_tensors(path, tensors, {"progress": json.dumps(progress, allow_nan=False)})


def read_progress(path: Path) -> dict[str, Any]:
    """The progress in a saved state, read without its tensors. Raises CheckpointError where it is damaged."""
    try:
        with opened(path) as file:
            return dict(json.loads(file.metadata()["progress"]))
    except (OSError, *UNREADABLE) as error:
        raise CheckpointError(_damaged_state(path, error)) from None


def load_state(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Restore model and optimizer; returns the progress. Raises CheckpointError where the file does not fit."""
    try:
        tensors, metadata = load_tensors(path)
        progress = json.loads(metadata["progress"])
        begun = progress["step"] > 0
    except (OSError, *UNREADABLE) as error:
        raise CheckpointError(_damaged_state(path, error)) from None
    expected = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    moments: dict[int, dict[str, torch.Tensor]] = {}
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for number, parameter in enumerate(parameters if begun else ()):
        moments[number] = {"step": torch.zeros(()), "exp_avg": parameter, "exp_avg_sq": parameter}
        expected |= {f"optimizer.{number}.{name}": tensor for name, tensor in moments[number].items()}
    problem = difference(tensors, expected)
    if problem is None and (name := not_finite(tensors)):
        problem = f"{name} has a number that is NaN or infinite"
    if problem is not None:
        raise CheckpointError(_damaged_state(path, problem))
    model.load_state_dict({name: tensors[f"model.{name}"] for name in model.state_dict()})
    state = {number: {name: tensors[f"optimizer.{number}.{name}"] for name in moments[number]} for number in moments}
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    return dict(progress)


def _damaged_state(path: Path, problem: Exception | str) -> str:
    reason = (str(problem).strip().splitlines() or [type(problem).__name__])[0]
    restart = RunFolder(path.parents[1]).restart_command()
    return f"{path}: the saved state is damaged or of another model ({reason}); start over with: {restart}"
