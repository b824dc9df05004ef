"""How good labels are, how sure that is, and whether they are better than others."""

from __future__ import annotations

import numpy as np
from scipy.stats import binomtest

RESAMPLES = 2000


def coded(names: list[str], *columns: list[str]) -> list[np.ndarray]:
    number = {name: at for at, name in enumerate(names)}
    return [np.array([number[label] for label in column]) for column in columns]


def accuracy(true: np.ndarray, predicted: np.ndarray) -> float:
    return float((true == predicted).mean())


def macro_f1(true: np.ndarray, predicted: np.ndarray, classes: int) -> float:
    """The mean over the classes of 2 tp / (2 tp + fp + fn); 0 for a class that neither has."""
    hits = np.bincount(true[true == predicted], minlength=classes)
    sizes = np.bincount(true, minlength=classes) + np.bincount(predicted, minlength=classes)
    return float(np.divide(2 * hits, sizes, out=np.zeros(classes), where=sizes > 0).mean())


def interval(true: np.ndarray, predicted: np.ndarray, measure: str, classes: int) -> tuple[float, float]:
    """95 % bootstrap interval (Efron 1979), texts drawn with replacement."""
    random = np.random.default_rng(0)
    found = []
    for _ in range(RESAMPLES):
        rows = random.integers(len(true), size=len(true))
        one, other = true[rows], predicted[rows]
        found.append(accuracy(one, other) if measure == "accuracy" else macro_f1(one, other, classes))
    low, high = np.percentile(found, [2.5, 97.5])
    return float(low), float(high)


def better_by_chance(true: np.ndarray, ours: np.ndarray, theirs: np.ndarray) -> float:
    """p of McNemar's exact two-sided test (McNemar 1947): that texts which one of the two alone has right fall so
    unevenly to them, were both as good."""
    won = int(((ours == true) & (theirs != true)).sum())
    lost = int(((ours != true) & (theirs == true)).sum())
    return float(binomtest(won, won + lost).pvalue) if won + lost else 1.0
