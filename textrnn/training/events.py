"""What training yields: optimizer steps and evaluations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch


@dataclass
class Step:
    """One optimizer step.

    documents, tokens: over all processes. seconds: until the step was handed to the device.
    loss: (), summed over this process's documents. grad_norm: (), before clipping, the same in each process. Both stay
    on the device: reading them waits until the device has computed them. grad_clip_norm: the limit, or None.
    """

    epoch: int
    number: int
    documents: int
    tokens: int
    learning_rate: float
    seconds: float
    loss: torch.Tensor
    grad_norm: torch.Tensor
    grad_clip_norm: float | None


@dataclass
class Evaluation:
    """The end of an epoch: what training measured since the last one, and the scores on dev (None without dev).

    clipped: the share of steps whose gradient was clipped. is_best: whether the weights are the best so far.
    stopped_early: whether training ends here for lack of improvement.
    """

    epoch: int
    step: int
    train_loss: float
    dev_loss: float | None
    dev_accuracy: float | None
    dev_macro_f1: float | None
    learning_rate: float
    grad_norm_mean: float
    grad_norm_max: float
    clipped: float
    tokens_per_second: float
    seconds: float
    is_best: bool
    stopped_early: bool

    def record(self) -> dict[str, Any]:
        """The line of history.jsonl."""
        return {key: value for key, value in vars(self).items() if key not in ("is_best", "stopped_early")}
