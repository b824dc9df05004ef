"""Scores of predicted labels, their intervals, and comparisons with another program's labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score

from textrnn.evaluation.comparison import mcnemar_p
from textrnn.evaluation.metrics import calibration_bins

RESAMPLES = 2000


def scores(truth: list[str], labels: list[str], linear: list[str] | None, measure: str) -> dict[str, Any]:
    """Accuracy, macro-F1, the interval of `measure` ("accuracy" or "macro-F1"), and the comparison with the labels of
    the linear model, if any."""
    return {
        "accuracy": float(accuracy_score(truth, labels)),
        "macro_f1": float(f1_score(truth, labels, average="macro")),
        "interval": list(interval(confusion_matrix(truth, labels), measure)),
        **({"p": None, "right_more": None} if linear is None else compare(truth, labels, linear)),
    }


def calibration_error(truth: list[str], labels: list[str], probabilities: list[float]) -> float:
    """The expected calibration error (Guo et al. 2017) of the probabilities of predicted labels, in 15 bins."""
    confidence, right = np.array(probabilities), np.array(truth) == np.array(labels)
    excess = np.bincount(calibration_bins(confidence), weights=confidence - right)
    return float(np.abs(excess).sum() / len(right))


def interval(confusion: np.ndarray, measure: str) -> tuple[float, float]:
    """95 % bootstrap interval (Efron 1979) of a measure, from a confusion matrix (classes, classes).

    Texts drawn with replacement fall into the cells of the matrix as a multinomial draw does. So all resamples are one
    array here; 2,000 calls of f1_score would take minutes on the larger test sets.
    """
    size = confusion.sum()
    drawn = np.random.default_rng(0).multinomial(size, confusion.ravel() / size, RESAMPLES)
    counts = drawn.reshape(RESAMPLES, *confusion.shape)
    hits = np.diagonal(counts, axis1=1, axis2=2)  # (resamples, classes)
    if measure == "accuracy":
        scores = hits.sum(axis=1) / size
    else:
        scores = (2 * hits / np.maximum(counts.sum(axis=1) + counts.sum(axis=2), 1)).mean(axis=1)
    low, high = np.percentile(scores, [2.5, 97.5])
    return float(low), float(high)


def compare(truth: list[str], labels: list[str], linear: list[str]) -> dict[str, Any]:
    """p: of McNemar's exact test. right_more: the texts that are right beyond those of the linear model."""
    right, linear_right = np.array(labels) == np.array(truth), np.array(linear) == np.array(truth)
    won, lost = int((right & ~linear_right).sum()), int((linear_right & ~right).sum())
    return {"p": mcnemar_p(won, lost), "right_more": won - lost}
