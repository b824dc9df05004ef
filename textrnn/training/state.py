"""How far training has come, and what it has measured on the way."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import torch

from textrnn.errors import TextRNNError
from textrnn.runtime.distributed import total


@dataclass
class TrainingState:
    """Whatever outlives a step, beside weights and optimizer."""

    epoch: int = 1
    steps_in_epoch: int = 0
    step: int = 0
    seconds: float = 0.0
    pending_evaluation: bool = False
    finished: bool = False
    # the best evaluation so far: its value of train.monitor, its dev loss, and how many came after it
    best: float | None = None
    best_loss: float = 0.0
    best_epoch: int = 0
    worse_evaluations: int = 0
    # sums since the last evaluation
    loss_sum: float = 0.0
    documents: int = 0
    tokens: int = 0
    steps: int = 0
    grad_norm_sum: float = 0.0
    grad_norm_max: float = 0.0
    clipped: int = 0
    train_seconds: float = 0.0

    def reset_sums(self) -> None:
        self.loss_sum = self.grad_norm_sum = self.grad_norm_max = self.train_seconds = 0.0
        self.documents = self.tokens = self.steps = self.clipped = 0


@dataclass
class Step:
    """One optimizer step. documents, tokens: over all processes. seconds: in which it was handed to the device.

    loss: (), summed over this process's documents; grad_norm: (), before clipping, the same in each process. Both stay
    on the device: to read them is to wait until it has come so far.
    """

    epoch: int
    number: int
    documents: int
    tokens: int
    learning_rate: float
    seconds: float
    loss: torch.Tensor
    grad_norm: torch.Tensor


def settle(steps: list[Step], state: TrainingState, grad_clip_norm: float | None) -> None:
    """Wait for these steps, add them to the sums of the state, and empty the list.

    All processes must come here after the same step. Before weights are saved they must have come here: the list may
    hold a step that spoilt them.

    Raises: TextRNNError, naming epoch and step, at the first step whose loss or gradient is not finite.
    """
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
                + ("" if grad_clip_norm else ", or set train.grad_clip_norm")
            )
        state.loss_sum += loss
        state.documents += step.documents
        state.tokens += step.tokens
        state.steps += 1
        state.grad_norm_sum += norm
        state.grad_norm_max = max(state.grad_norm_max, norm)
        state.clipped += grad_clip_norm is not None and norm > grad_clip_norm
    seconds = sum(step.seconds for step in steps) + time.perf_counter() - begin
    state.seconds += seconds
    state.train_seconds += seconds
    steps.clear()
