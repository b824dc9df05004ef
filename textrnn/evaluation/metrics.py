"""Logits and true labels -> metrics, in memory that does not grow with the number of documents.

scikit-learn computes them. It is imported when needed: training and prediction start without it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from textrnn.errors import NotFiniteError
from textrnn.inference import predicted_classes

Cells = tuple[np.ndarray, np.ndarray, np.ndarray]


class RunningTotals:
    """Sums over the documents seen so far, from which all metrics follow.

    matrix (C, C): documents of each true (row) and predicted (column) class. loss_sum: of cross-entropies.
    """

    def __init__(self, num_classes: int) -> None:
        self.matrix = np.zeros((num_classes, num_classes), dtype=np.int64)
        self.loss_sum = 0.0

    def add(self, logits: torch.Tensor, labels: np.ndarray) -> None:
        """logits (n, C), labels (n,). Raises NotFiniteError where the loss overflows."""
        from sklearn.metrics import confusion_matrix

        truth, predicted = np.asarray(labels, dtype=np.int64), predicted_classes(logits)
        self.matrix += confusion_matrix(truth, predicted, labels=range(len(self.matrix)))
        self.loss_sum += float(torch.nn.functional.cross_entropy(logits, torch.from_numpy(truth), reduction="sum"))
        if not math.isfinite(self.loss_sum):
            raise NotFiniteError.of("loss is")


def summary(logits: torch.Tensor, labels: np.ndarray) -> dict[str, float]:
    """Loss (mean cross-entropy), accuracy, and macro-F1 over all classes of the model. logits (n, C), labels (n,)."""
    totals = RunningTotals(logits.shape[1])
    totals.add(logits, labels)
    metrics = all_metrics(totals, [str(number) for number in range(logits.shape[1])])
    return {key: metrics[key] for key in ("loss", "accuracy", "macro_f1")}


def all_metrics(totals: RunningTotals, labels: list[str]) -> dict[str, Any]:
    """The content of metrics.json except for the time. A class that neither occurs nor is predicted has F1 0."""
    from sklearn.metrics import accuracy_score, precision_recall_fscore_support

    truth, predicted, counts = weighted_cells(totals.matrix)
    by_class = precision_recall_fscore_support(
        truth, predicted, labels=range(len(labels)), sample_weight=counts, zero_division=0.0
    )
    scores, support = np.transpose(by_class[:3]), totals.matrix.sum(axis=1)
    return {
        "accuracy": float(accuracy_score(truth, predicted, sample_weight=counts)),
        "macro_f1": float(scores[:, 2].mean()),
        "weighted_f1": float(np.average(scores[:, 2], weights=support)),
        "loss": totals.loss_sum / int(support.sum()),
        "n": int(support.sum()),
        "labels": labels,
        "per_class": {
            label: {"precision": float(p), "recall": float(r), "f1": float(f), "support": int(s)}
            for label, (p, r, f), s in zip(labels, scores, support, strict=True)
        },
        "confusion_matrix": totals.matrix.tolist(),
    }


def weighted_cells(matrix: np.ndarray) -> Cells:
    """(cells,) true classes, predicted classes and counts: a few weighted samples with the metrics of all documents."""
    truth, predicted = np.nonzero(matrix)
    return truth, predicted, matrix[truth, predicted]
