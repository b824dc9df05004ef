"""Whether one part of a model, the network or the linear model, is too weak to have a say, by macro-F1."""

from __future__ import annotations

import numpy as np

DEVIATIONS = 1.96  # of a normal distribution: half of its 95 % interval
FEWEST_TEXTS = 20  # with fewer, neither part can be called weak


def is_chance(truth: np.ndarray, predicted: np.ndarray, classes: int) -> bool:
    """Whether predictions (n,) of the labels (n,) are no better than chance: whether their macro-F1 is inside the 95 %
    interval of the macro-F1 that they would have if they were shuffled among the texts, or below it."""
    if len(truth) < FEWEST_TEXTS:
        return False
    mean, deviation = chance_macro_f1(truth, predicted, classes)
    return macro_f1(truth, predicted, classes) <= mean + DEVIATIONS * deviation


def is_below(truth: np.ndarray, one: np.ndarray, other: np.ndarray, classes: int) -> bool:
    """Whether the macro-F1 of the predictions `one` (n,) is below that of `other` (n,), and 0 is outside the 95 %
    interval of the difference. Its standard error is that of the delta method: a text moves macro-F1 by the sum of what
    it moves each class's F1 (Efron and Stein 1981, "The Jackknife Estimate of Variance")."""
    if len(truth) < FEWEST_TEXTS:
        return False
    difference = macro_f1(truth, one, classes) - macro_f1(truth, other, classes)
    moved = _influences(truth, one, classes) - _influences(truth, other, classes)
    return bool(difference + DEVIATIONS * np.sqrt((moved**2).sum()) < 0)


def macro_f1(truth: np.ndarray, predicted: np.ndarray, classes: int) -> float:
    """The mean F1 of all classes; 0 for one that neither occurs nor is predicted."""
    times, hits = _times_and_hits(truth, predicted, classes)
    return float((2 * hits / times.clip(min=1)).mean())


def chance_macro_f1(truth: np.ndarray, predicted: np.ndarray, classes: int) -> tuple[float, float]:
    """The mean and the standard deviation of macro-F1 over all orders of the predictions. The hits of all classes
    have the moments of Hoeffding 1951, "A Combinatorial Central Limit Theorem"."""
    texts = len(truth)
    true, given = (np.bincount(ids, minlength=classes).astype(float) for ids in (truth, predicted))
    weights = 2 / (true + given).clip(min=1) / classes  # what a hit of each class adds to macro-F1
    products = true * given
    mean = float((weights * products).sum() / texts)
    if texts < 2:
        return mean, 0.0
    own = weights**2 * products * ((texts - true) * (texts - given) - products)
    variance = ((weights * products).sum() ** 2 + own.sum()) / (texts**2 * (texts - 1))
    return mean, float(np.sqrt(max(variance, 0.0)))


def _influences(truth: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """(n,): by how much each text moves macro-F1, to first order; their sum is 0."""
    times, hits = _times_and_hits(truth, predicted, classes)
    times = times.clip(min=1)
    f1 = 2 * hits / times
    of_hits = 2 * (truth == predicted) / times[truth]
    return (of_hits - f1[truth] / times[truth] - f1[predicted] / times[predicted]) / classes


def _times_and_hits(truth: np.ndarray, predicted: np.ndarray, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """(classes,) how often each class is true or predicted, counted separately, and how often it is both at once."""
    times = np.bincount(truth, minlength=classes) + np.bincount(predicted, minlength=classes)
    return times, np.bincount(truth[truth == predicted], minlength=classes)
