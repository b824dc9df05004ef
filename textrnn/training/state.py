"""How far training has come, and what it has measured since the last evaluation."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from textrnn.errors import TextRNNError, short
from textrnn.models.network import not_finite
from textrnn.runtime.distributed import total
from textrnn.training.events import Step


@dataclass
class TrainingState:
    """Everything kept between steps, except weights and optimizer."""

    epoch: int = 1
    steps_in_epoch: int = 0
    step: int = 0
    seconds: float = 0.0
    pending_evaluation: bool = False  # the epoch's last step is done, its evaluation is not
    finished: bool = False
    # the best evaluation so far: its value of train.monitor, its dev loss, and how many came after it
    best: float | None = None
    best_loss: float = 0.0
    best_epoch: int = 0
    evaluations_since_best: int = 0
    # sums since the last evaluation
    loss_sum: float = 0.0
    documents: int = 0
    tokens: int = 0
    steps: int = 0
    grad_norm_sum: float = 0.0
    grad_norm_max: float = 0.0
    clipped: int = 0
    train_seconds: float = 0.0
    # steps that are not in the sums yet; never saved
    unflushed: list[Step] = field(default_factory=list)

    def progress(self) -> dict[str, Any]:
        """What is saved: plain numbers. `flush_metrics` must have been called."""
        assert not self.unflushed
        return {key: value for key, value in vars(self).items() if key != "unflushed"}

    def reset_sums(self) -> None:
        self.loss_sum = self.grad_norm_sum = self.grad_norm_max = self.train_seconds = 0.0
        self.documents = self.tokens = self.steps = self.clipped = 0


def progress_problem(saved: dict[str, Any]) -> str | None:
    """What is wrong with numbers that should be those of `TrainingState.progress`; None where nothing is."""
    for key, default in TrainingState().progress().items():
        value = saved[key]
        if isinstance(default, bool):
            good = isinstance(value, bool)
        elif isinstance(default, int):
            good = type(value) is int and 0 <= value < 2**53
        else:
            good = type(value) is float and 0 <= value < math.inf
        if not (good or (value is None and default is None)):
            return f"{key}: {short(value)}"
    state = TrainingState(**saved)
    if state.steps != state.steps_in_epoch or (state.steps and not (state.documents and state.train_seconds)):
        return f"sums of {state.steps} steps, {state.documents} documents, at step {state.steps_in_epoch} of the epoch"
    if state.best_epoch + state.evaluations_since_best != state.epoch - 1:
        return f"best epoch {state.best_epoch}, {state.evaluations_since_best} evaluations later in epoch {state.epoch}"
    return None


def flush_metrics(state: TrainingState) -> None:
    """Wait for the unflushed steps and add them to the sums, in their order.

    All processes must call this after the same step.

    Raises: TextRNNError, naming epoch and step, at the first step whose loss or gradient is not finite.
    """
    steps = state.unflushed
    if not steps:
        return
    begin = time.perf_counter()
    measured = torch.stack([torch.stack([step.loss.double(), step.grad_norm.double()]) for step in steps]).cpu()
    losses = total(measured[:, 0].contiguous()).tolist()
    for step, loss, norm in zip(steps, losses, measured[:, 1].tolist(), strict=True):
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise TextRNNError(
                f"training stopped: the {'gradient' if math.isfinite(loss) else 'loss'} is not finite at epoch "
                f"{step.epoch}, step {step.number}; try a lower train.learning_rate"
                + ("" if step.grad_clip_norm else ", or set train.grad_clip_norm")
            )
        state.loss_sum += loss
        state.documents += step.documents
        state.tokens += step.tokens
        state.steps += 1
        state.grad_norm_sum += norm
        state.grad_norm_max = max(state.grad_norm_max, norm)
        state.clipped += step.grad_clip_norm is not None and norm > step.grad_clip_norm
    seconds = sum(step.seconds for step in steps) + time.perf_counter() - begin
    state.seconds += seconds
    state.train_seconds += seconds
    steps.clear()


def check_weights(state: TrainingState, model: nn.Module) -> None:
    """Raises TextRNNError where a weight is not finite, so that none such is kept. It waits for the device: the last
    step may have changed weights from which no loss has been computed yet."""
    name = not_finite(model.state_dict())
    if name is not None:
        raise TextRNNError(
            f"training stopped: {name} is not finite at epoch {state.epoch}, step {state.step}; try a lower "
            f"train.learning_rate"
        )
