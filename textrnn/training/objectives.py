"""What training minimizes: functions (model, batch) -> loss summed over the batch's documents."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from textrnn.data.batching import Batch

Objective = Callable[[nn.Module, Batch], torch.Tensor]


def cross_entropy(*, class_weights: torch.Tensor | None = None, label_smoothing: float = 0.0) -> Objective:
    """Cross-entropy, each document times the weight of its class; smoothing after Szegedy et al. 2016."""
    loss = nn.CrossEntropyLoss(weight=class_weights, label_smoothing=label_smoothing, reduction="sum")

    def objective(model: nn.Module, batch: Batch) -> torch.Tensor:
        return loss(model(batch.token_ids, batch.lengths).float(), batch.labels)

    return objective


def balanced_weights(labels: np.ndarray, num_classes: int) -> torch.Tensor:
    """(num_classes,): n / (classes present x documents of the class), whose mean over the documents is 1; 0 for a class
    without documents (King and Zeng 2001, as in scikit-learn)."""
    counts = np.bincount(labels, minlength=num_classes)
    present = counts > 0
    weights = np.zeros(num_classes, dtype=np.float32)
    weights[present] = len(labels) / (present.sum() * counts[present])
    return torch.from_numpy(weights)
