"""What training minimizes: functions (model, batch) that yield losses summed over the batch's documents.

Each loss is gone back through before the next one is asked for; the gradients add up. The first one is reported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import nn

from textrnn.data.batching import Batch

Loss = nn.Module  # of logits (n, classes) and labels (n,)
Objective = Callable[[nn.Module, Batch], Iterator[torch.Tensor]]


def cross_entropy(*, class_weights: torch.Tensor | None = None, label_smoothing: float = 0.0) -> Loss:
    """Summed cross-entropy, each document times the weight of its class; smoothing after Szegedy et al. 2016."""
    return nn.CrossEntropyLoss(weight=class_weights, label_smoothing=label_smoothing, reduction="sum")


def plain(loss: Loss) -> Objective:
    """The loss of the batch."""

    def objective(model: nn.Module, batch: Batch) -> Iterator[torch.Tensor]:
        yield loss(model(batch.token_ids, batch.lengths).float(), batch.labels)

    return objective


def adversarial(loss: Loss, *, norm: float, dim: int) -> Objective:
    """`loss`, and once more `loss` where the embeddings of each text are shifted by `norm` in the direction in which it
    grows fastest (Miyato, Dai and Goodfellow 2017, equations 3 to 5)."""

    def objective(model: nn.Module, batch: Batch) -> Iterator[torch.Tensor]:
        embedding_offset = torch.zeros(*batch.token_ids.shape, dim, device=batch.token_ids.device, requires_grad=True)
        yield loss(model(batch.token_ids, batch.lengths, embedding_offset).float(), batch.labels)
        gradient = embedding_offset.grad
        assert gradient is not None
        size = gradient.square().sum((0, 2), keepdim=True).sqrt_()
        yield loss(model(batch.token_ids, batch.lengths, gradient * (norm / (size + 1e-12))).float(), batch.labels)

    return objective


def balanced_weights(labels: np.ndarray, num_classes: int) -> torch.Tensor:
    """(num_classes,): n / (classes present x documents of the class), whose mean over the documents is 1; 0 for a class
    without documents (King and Zeng 2001, as in scikit-learn)."""
    counts = np.bincount(labels, minlength=num_classes)
    present = counts > 0
    weights = np.zeros(num_classes, dtype=np.float32)
    weights[present] = len(labels) / (present.sum() * counts[present])
    return torch.from_numpy(weights)
