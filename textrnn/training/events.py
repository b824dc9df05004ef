"""What training yields: optimizer steps and evaluations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch

from textrnn.linear.mixture import Decision
from textrnn.training.decision import Scores

_NOT_RECORDED = ("is_best", "stopped_early", "decision")


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
    """The end of an epoch: what training measured since the last one, and the scores on held-out texts (None without
    any): of network and linear model together, and of each alone.

    clipped: the share of steps whose gradient was clipped. is_best: whether the weights are the best so far.
    stopped_early: whether training ends here for lack of improvement. decision: of the held-out texts.
    """

    epoch: int
    step: int
    train_loss: float
    dev_loss: float | None
    dev_accuracy: float | None
    dev_macro_f1: float | None
    dev_network_loss: float | None
    dev_network_accuracy: float | None
    dev_network_macro_f1: float | None
    dev_linear_loss: float | None
    dev_linear_accuracy: float | None
    dev_linear_macro_f1: float | None
    learning_rate: float
    grad_norm_mean: float
    grad_norm_max: float
    clipped: float
    tokens_per_second: float
    seconds: float
    is_best: bool
    stopped_early: bool
    decision: Decision | None = None

    def record(self) -> dict[str, Any]:
        """The line of history.jsonl."""
        return {key: value for key, value in vars(self).items() if key not in _NOT_RECORDED}


def dev_scores(scores: Scores | None) -> dict[str, float | None]:
    """The scores by their names in history.jsonl; all None where there are none."""
    parts = {
        "dev": None if scores is None else scores.together,
        "dev_network": None if scores is None else scores.network,
        "dev_linear": None if scores is None else scores.linear,
    }
    return {
        f"{name}_{key}": None if part is None else part[key]
        for name, part in parts.items()
        for key in ("loss", "accuracy", "macro_f1")
    }


def summing_up(history: Sequence[dict[str, Any]], scores: Scores) -> dict[str, Any]:
    """The last line of history.jsonl where networks are cross-fitted: the scores on the held-out texts of all folds.
    history: its other lines; some may have been lost."""
    last = {record["fold"]: record for record in history if "fold" in record}
    unknown = dict.fromkeys(field.name for field in fields(Evaluation) if field.name not in _NOT_RECORDED)
    return {
        **unknown,
        **dev_scores(scores),
        "epoch": max((record["epoch"] for record in last.values()), default=0),
        "step": sum(record["step"] for record in last.values()),
        "seconds": sum(record.get("seconds") or 0.0 for record in last.values()),
    }
