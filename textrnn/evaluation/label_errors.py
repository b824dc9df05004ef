"""Which labels are likely to be wrong, from what a model says of texts that it was not trained on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

_COOLEST, _HOTTEST = 0.01, 20.0  # limits of the temperature


class LabelErrors(NamedTuple):
    """confidence (n,): the probability of each text's own label, calibrated: the lower, the likelier it is wrong.
    suggested (n,): the likeliest other label. is_other (n,) bool: whether that is likelier than the own one. suspect
    (n,) bool: whether the own one is counted as wrong."""

    confidence: np.ndarray
    suggested: np.ndarray
    is_other: np.ndarray
    suspect: np.ndarray


def find_label_errors(margins: np.ndarray, labels: np.ndarray, *, fewest: int = 1) -> LabelErrors:
    """margins (n, classes): out-of-fold. labels (n,): as they were given. fewest: texts of a class to which others may
    be counted: of a class that is hardly known, the mean is so low that any text would reach it.

    Texts are ranked by the probability of their own label (`self-confidence`), and counted by the confident joint of
    confident learning (Northcutt, Jiang and Chuang 2021, equations 1 and 2): a label is suspect where another class has
    a probability of at least its own mean over the texts that are labelled with it, and the highest of those that do.
    Of the rankings that the paper compares, this one finds labels that were changed at random best (docs/check.md).
    """
    rows, classes = np.arange(len(labels)), margins.shape[1]
    probabilities = calibrated(margins, labels)
    confidence = probabilities[rows, labels]
    counts = np.bincount(labels, minlength=classes)
    thresholds = np.bincount(labels, confidence, minlength=classes) / np.maximum(counts, 1)
    above = np.where((probabilities >= thresholds) & (counts >= fewest), probabilities, -1.0)
    suspect = (above.max(axis=1) >= 0) & (above.argmax(axis=1) != labels)
    probabilities[rows, labels] = -1.0
    return LabelErrors(confidence, probabilities.argmax(axis=1), probabilities.max(axis=1) > confidence, suspect)


def calibrated(margins: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(n, classes) float64: the softmax of margins divided by the temperature of the least cross-entropy (Guo et al.
    2017)."""
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    margins, rows = margins.astype(np.float64), np.arange(len(labels))

    def loss(log_temperature: float) -> float:
        return -float(log_softmax(margins / np.exp(log_temperature), axis=1)[rows, labels].mean())

    found = minimize_scalar(loss, bounds=(np.log(_COOLEST), np.log(_HOTTEST)), method="bounded")
    return np.exp(log_softmax(margins / np.exp(found.x), axis=1))
