"""Logits and true labels -> numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.metrics import confusion_matrix, f1_score, precision_recall_fscore_support


def summary(logits: torch.Tensor, labels: np.ndarray) -> dict[str, float]:
    """Loss (mean cross-entropy), accuracy and macro-F1 over all classes of the model."""
    truth = torch.from_numpy(np.asarray(labels, dtype=np.int64))
    predicted = logits.argmax(dim=1).numpy()
    return {
        "loss": float(torch.nn.functional.cross_entropy(logits, truth)),
        "accuracy": float((predicted == labels).mean()),
        "macro_f1": float(
            f1_score(labels, predicted, labels=np.arange(logits.shape[1]), average="macro", zero_division=0)
        ),
    }


def all_metrics(logits: torch.Tensor, true_labels: np.ndarray, labels: list[str]) -> dict[str, Any]:
    """The content of metrics.json but for the time. A class that neither occurs nor is predicted has F1 0."""
    predicted = logits.argmax(dim=1).numpy()
    ids = np.arange(len(labels))
    columns = precision_recall_fscore_support(true_labels, predicted, labels=ids, zero_division=0)
    totals = summary(logits, true_labels)
    return {
        "accuracy": totals["accuracy"],
        "macro_f1": totals["macro_f1"],
        "weighted_f1": float(f1_score(true_labels, predicted, labels=ids, average="weighted", zero_division=0)),
        "loss": totals["loss"],
        "n": len(true_labels),
        "labels": labels,
        "per_class": {
            label: {"precision": float(p), "recall": float(r), "f1": float(f), "support": int(s)}
            for label, p, r, f, s in zip(labels, *columns, strict=True)
        },
        "confusion_matrix": confusion_matrix(true_labels, predicted, labels=ids).tolist(),
    }
