"""Logits and true labels -> numbers, from sums that take the same memory for any number of documents."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch


class Tally:
    """What judging needs of the documents seen so far.

    matrix (C, C): how many there are of each true (row) and predicted (column) class. loss_sum: of cross-entropies.
    """

    def __init__(self, num_classes: int) -> None:
        self.matrix = np.zeros((num_classes, num_classes), dtype=np.int64)
        self.loss_sum = 0.0

    def add(self, logits: torch.Tensor, labels: np.ndarray) -> None:
        """logits (n, C), labels (n,)."""
        truth = torch.from_numpy(np.asarray(labels, dtype=np.int64))
        pairs = truth * len(self.matrix) + logits.argmax(dim=1)
        self.matrix += np.bincount(pairs.numpy(), minlength=self.matrix.size).reshape(self.matrix.shape)
        self.loss_sum += float(torch.nn.functional.cross_entropy(logits, truth, reduction="sum"))


def summary(logits: torch.Tensor, labels: np.ndarray) -> dict[str, float]:
    """Loss (mean cross-entropy), accuracy and macro-F1 over all classes of the model."""
    tally = Tally(logits.shape[1])
    tally.add(logits, labels)
    return totals(tally)


def totals(tally: Tally) -> dict[str, float]:
    """Loss (mean cross-entropy), accuracy and macro-F1 over all classes of the model."""
    count = int(tally.matrix.sum())
    return {
        "loss": tally.loss_sum / count,
        "accuracy": int(np.trace(tally.matrix)) / count,
        "macro_f1": float(_by_class(tally.matrix)[:, 2].mean()),
    }


def all_metrics(tally: Tally, labels: list[str]) -> dict[str, Any]:
    """The content of metrics.json but for the time. A class that neither occurs nor is predicted has F1 0."""
    by_class, support = _by_class(tally.matrix), tally.matrix.sum(axis=1)
    sums = totals(tally)
    return {
        "accuracy": sums["accuracy"],
        "macro_f1": sums["macro_f1"],
        "weighted_f1": float(np.average(by_class[:, 2], weights=support)),
        "loss": sums["loss"],
        "n": int(support.sum()),
        "labels": labels,
        "per_class": {
            label: {"precision": float(p), "recall": float(r), "f1": float(f), "support": int(s)}
            for label, (p, r, f), s in zip(labels, by_class, support, strict=True)
        },
        "confusion_matrix": tally.matrix.tolist(),
    }


def _by_class(matrix: np.ndarray) -> np.ndarray:
    """(C, 3): precision, recall and F1 of each class; 0 where there is nothing to divide by."""
    right, true, predicted = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    parts, wholes = np.stack([right, right, 2 * right], axis=1), np.stack([predicted, true, true + predicted], axis=1)
    return np.divide(parts, wholes, out=np.zeros(parts.shape), where=wholes > 0)
