"""Counts of texts -> the 95 % intervals of scores, and of the differences between the scores of two models.

Two scores differ if and only if the interval of their difference excludes 0, so that a sentence and its interval agree.
With the models in the other order, every result is mirrored to the last bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

CONFIDENCE, SIGNIFICANCE = 0.95, 0.05
_TAIL = (1 - CONFIDENCE) / 2
_DRAWS, _FEWEST_DRAWS = 1000, 100
_MOST_NUMBERS = 20_000_000  # drawn in total, which takes about two seconds; above 20,000 cells there are fewer draws
_NUMBERS_AT_ONCE = 2_000_000
_QUANTILES = (np.arange(1000) + 0.5) / 1000
PairedCells = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # (cells,) each, see `paired_cells`


def accuracy_interval(right: int, texts: int) -> list[float]:
    """[low, high]: Wilson's score interval."""
    from scipy.stats import binomtest

    low, high = binomtest(right, texts).proportion_ci(CONFIDENCE, method="wilson")
    return [float(low), float(high)]


def macro_f1_interval(cells: tuple[np.ndarray, np.ndarray, np.ndarray], classes: int, macro_f1: float) -> list[float]:
    """[low, high]: percentiles of the macro-F1 of resampled texts (as many as there are), less their bias.

    cells: see weighted_cells. Drawing their counts amounts to drawing texts, in time that does not grow with the number
    of texts. The draws are seeded, so equal cells have equal intervals. With few texts per class, draws are on average
    lower than macro_f1, which is lower than the macro-F1 of all possible texts by about as much.
    """
    truth, predicted, counts = cells
    draws = _multinomial(counts, classes, _draw_count(len(counts)))
    drawn_f1 = np.concatenate([macro_f1_of_draws(truth, predicted, drawn, classes) for drawn in draws])
    low, high = np.percentile(drawn_f1, [100 * _TAIL, 100 - 100 * _TAIL]) - 2 * (np.mean(drawn_f1) - macro_f1)
    return [max(min(float(low), macro_f1), 0.0), min(max(float(high), macro_f1), 1.0)]


def _draw_count(cells: int) -> int:
    return min(_DRAWS, max(_FEWEST_DRAWS, _MOST_NUMBERS // cells))


def _draws_at_once(draws: int, numbers: int) -> Iterator[int]:
    """The number of draws in each part that fits into memory. numbers: the size of a draw."""
    at_once = max(1, _NUMBERS_AT_ONCE // numbers)
    for begin in range(0, draws, at_once):
        yield min(at_once, draws - begin)


def macro_f1_of_draws(truth: np.ndarray, predicted: np.ndarray, drawn: np.ndarray, classes: int) -> np.ndarray:
    """(draws,) from truth (cells,), predicted (cells,) and drawn (draws, cells).

    A class in no cell has F1 0. If only a draw lacks a class, the mean of that draw is over the other classes.
    """
    f1, times = _f1_of_draws(truth, predicted, drawn, classes)
    occurring = len(np.union1d(truth, predicted)) / classes
    return f1.sum(axis=1) / np.count_nonzero(times, axis=1) * occurring


def _f1_of_draws(
    truth: np.ndarray, predicted: np.ndarray, drawn: np.ndarray, classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """(draws, classes): F1, 0 if the draw lacks the class, and how often the class is true or predicted in the draw."""
    from scipy.sparse import csr_array

    # a class's F1 is twice its hits divided by the number of times that it is true or predicted
    numbers, hits = np.arange(len(truth)), truth == predicted
    shape, ones = (len(truth), classes), np.ones(len(truth))
    doubled_hits = drawn @ csr_array((2 * ones[hits], (numbers[hits], truth[hits])), shape)
    times = drawn @ (csr_array((ones, (numbers, truth)), shape) + csr_array((ones, (numbers, predicted)), shape))
    return np.divide(doubled_hits, times, out=np.zeros_like(times), where=times > 0), times


class F1Differences(NamedTuple):
    """Differences of the second model to the first. macro_f1, interval: the difference and its [low, high]. p: the
    p-value of the randomization test. classes: [low, high] of each chosen class's F1 difference. resamples: the number
    of draws behind the intervals."""

    macro_f1: float
    interval: list[float]
    p: float
    classes: list[list[float]]
    resamples: int


def accuracy_gain_interval(only_first: int, only_second: int, texts: int) -> list[float]:
    """[low, high] of the second model's accuracy less that of the first: it includes 0 if and only if McNemar's exact
    test finds no difference (p >= 0.05).

    Fay and Lumbard 2021, "Confidence intervals for difference in proportions for matched pairs compatible with exact
    McNemar's or sign tests": the difference is the share of texts that only one model gets right, times how much more
    often that is the second model; the interval combines the exact (Clopper-Pearson) limits of both factors.

    only_first, only_second: the number of texts that only this model gets right.
    """
    return [_lowest_gain(only_second, only_first, texts), -_lowest_gain(only_first, only_second, texts)]


def _lowest_gain(wins: int, losses: int, texts: int) -> float:
    """The lower end of the interval: the gain at which this many wins, or more, have a probability of 2.5 %."""
    from scipy.optimize import brentq
    from scipy.special import bdtrc, betaincinv

    differing = wins + losses
    is_gain = bdtrc(wins - 1, differing, 0.5) < _TAIL  # half the p-value of McNemar's test
    # the distribution of the lower limit (upper, for a loss) of the share of texts that only one model gets right
    a, b = differing + (not is_gain), texts - differing + is_gain
    share = betaincinv(a, b, _QUANTILES) if b else np.ones(1)

    def excess(gain: float) -> float:
        chance = 0.5 + gain / (2 * share)  # of a win, given that only one model is right
        p = np.where(chance < 0, 0.0, bdtrc(wins - 1, differing, chance.clip(0, 1)))
        return float(np.mean(p)) - _TAIL

    if is_gain:
        return max(float(brentq(excess, 0, 1, xtol=1e-7)), 1e-9)
    return float(brentq(excess, -1, 0, xtol=1e-7)) if excess(-1) < 0 else -1.0


def paired_cells(truth: np.ndarray, first: np.ndarray, second: np.ndarray, classes: int) -> PairedCells:
    """(cells,) true classes, predictions of the first and of the second model, and the number of texts with these
    three. truth, first, second: (n,) for all texts."""
    shape = (classes,) * 3
    codes, counts = np.unique(np.ravel_multi_index((truth, first, second), shape), return_counts=True)
    true, first_class, second_class = np.unravel_index(codes, shape)
    return true, first_class, second_class, counts


def f1_differences(cells: PairedCells, classes: int, chosen: Sequence[int]) -> F1Differences:
    """By the paired bootstrap (Efron and Tibshirani 1993, "An Introduction to the Bootstrap"; Koehn 2004, "Statistical
    Significance Tests for Machine Translation Evaluation"): texts are resampled, each with the predictions of both
    models, and the intervals are percentiles. The bias is subtracted from that of macro-F1, as in `macro_f1_interval`:
    in a simulation with 300 classes of five texts, it included the true difference in 56 of 60 cases.

    If few texts differ, a bootstrap is far too certain. So the interval of macro-F1 is extended to 0 unless a
    randomization test also finds a difference (Yeh 2000, "More accurate tests for the statistical significance of
    result differences"). Intervals of classes are not extended.

    cells: see `paired_cells`. chosen: the classes to compute F1 differences for. The draws are seeded; half of the
    resamples are drawn with the models in either order.
    """
    truth, first, second, counts = cells
    drawn = -(-_draw_count(len(counts)) // 2)
    forward = _resampled_gains((truth, first, second, counts), classes, chosen, drawn)
    backward = _resampled_gains((truth, second, first, counts), classes, chosen, drawn)
    difference = float(_f1_gains(truth, first, second, counts[None], classes).mean())
    bias = float(forward[0].mean() - backward[0].mean()) / 2 - difference
    low, high = (float(end) - 2 * bias for end in _ends(np.concatenate([forward[0], -backward[0]])))
    low, high = min(low, difference), max(high, difference)
    p = _randomization_p(cells, classes, abs(difference))
    if p >= SIGNIFICANCE:
        low, high = min(low, 0.0), max(high, 0.0)
    class_intervals = np.stack(_ends(np.concatenate([forward[1], -backward[1]])), axis=1)
    return F1Differences(difference, [low, high], p, class_intervals.tolist(), 2 * drawn)


def _ends(gains: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The low and the high end (...) of the interval of gains (draws, ...)."""
    return np.percentile(gains, 100 * _TAIL, axis=0), -np.percentile(-gains, 100 * _TAIL, axis=0)


def _resampled_gains(
    cells: PairedCells, classes: int, chosen: Sequence[int], draws: int
) -> tuple[np.ndarray, np.ndarray]:
    """The second model's gains over the first: of macro-F1 (draws,), and of F1 (draws, chosen)."""
    truth, first, second, counts = (column[np.lexsort(cells[2::-1])] for column in cells)
    gains = [_f1_gains(truth, first, second, drawn, classes) for drawn in _multinomial(counts, classes, draws)]
    return np.concatenate([part.mean(axis=1) for part in gains]), np.concatenate([part[:, chosen] for part in gains])


def _multinomial(counts: np.ndarray, classes: int, draws: int) -> Iterator[np.ndarray]:
    """(draws, cells): the counts of resampled texts, as many as there are, several draws at a time."""
    random, shares = np.random.default_rng(0), counts / counts.sum()
    for size in _draws_at_once(draws, max(len(counts), classes)):
        yield random.multinomial(counts.sum(), shares, size=size)


def _randomization_p(cells: PairedCells, classes: int, difference: float) -> float:
    """The probability of a difference of macro-F1 at least this large if each text's two predictions are swapped at
    random."""
    truth, first, second, counts = cells
    shape = (classes,) * 3
    codes = np.ravel_multi_index((truth, np.minimum(first, second), np.maximum(first, second)), shape)
    pairs, places = np.unique(codes, return_inverse=True)  # (pairs,): the texts with the same two predictions
    true, low, high = np.unravel_index(pairs, shape)
    texts = np.bincount(places, weights=counts).astype(np.int64)
    true, first, second = (np.concatenate(pair) for pair in ((true, true), (low, high), (high, low)))
    random, draws, extreme = np.random.default_rng(0), _draw_count(2 * len(pairs)), 0
    for size in _draws_at_once(draws, max(2 * len(pairs), classes)):
        kept = random.binomial(texts, 0.5, size=(size, len(texts)))
        gains = _f1_gains(true, first, second, np.hstack([kept, texts - kept]), classes).mean(axis=1)
        extreme += int(np.count_nonzero(np.abs(gains) > difference - 1e-12))
    return (extreme + 1) / (draws + 1)


def _f1_gains(truth: np.ndarray, first: np.ndarray, second: np.ndarray, drawn: np.ndarray, classes: int) -> np.ndarray:
    """(draws, classes): the second model's F1 less the first's. A class that is neither true nor predicted has F1 0."""
    return _f1_of_draws(truth, second, drawn, classes)[0] - _f1_of_draws(truth, first, drawn, classes)[0]
