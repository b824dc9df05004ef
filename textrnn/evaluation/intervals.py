"""Counts of documents -> the 95 % intervals of their scores."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

CONFIDENCE = 0.95
DRAWS = 1000
_MOST_NUMBERS = 20_000_000  # drawn in all, which takes some two seconds: past 20,000 cells there are fewer draws
_FEWEST_DRAWS = 100
_NUMBERS_AT_ONCE = 2_000_000


def accuracy_interval(right: int, documents: int) -> list[float]:
    """[low, high]: Wilson's score interval."""
    from scipy.stats import binomtest

    found = binomtest(right, documents).proportion_ci(CONFIDENCE, method="wilson")
    return [float(found.low), float(found.high)]


def macro_f1_interval(cells: tuple[np.ndarray, np.ndarray, np.ndarray], classes: int, macro_f1: float) -> list[float]:
    """[low, high]: percentiles of the macro-F1 of as many documents drawn again and again from those that there are,
    less their bias.

    cells: see weighted_cells. Drawing their counts is drawing documents, in time that does not grow with these. The
    draws are seeded, so equal cells have equal intervals. With few documents a class, draws are on average lower than
    macro_f1, and that is as much lower than the macro-F1 of all documents that there could be.
    """
    truth, predicted, counts = cells
    found = np.concatenate([macro_f1_of_draws(truth, predicted, drawn, classes) for drawn in _draws(counts, classes)])
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(found, [tail, 100 - tail]) - 2 * (np.mean(found) - macro_f1)
    return [max(min(float(low), macro_f1), 0.0), min(max(float(high), macro_f1), 1.0)]


def _draws(counts: np.ndarray, classes: int) -> Iterator[np.ndarray]:
    """(draws, cells): as many documents as there are, drawn from them, some draws at a time."""
    random, shares = np.random.default_rng(0), counts / counts.sum()
    for size in draws_at_once(draw_count(len(counts)), max(len(counts), classes)):
        yield random.multinomial(counts.sum(), shares, size=size)


def draw_count(cells: int) -> int:
    """How many draws there are of documents in so many cells."""
    return min(DRAWS, max(_FEWEST_DRAWS, _MOST_NUMBERS // cells))


def draws_at_once(draws: int, numbers: int) -> Iterator[int]:
    """The draws in parts that fit into memory. numbers: that each draw takes."""
    at_once = max(1, _NUMBERS_AT_ONCE // numbers)
    for begin in range(0, draws, at_once):
        yield min(at_once, draws - begin)


def macro_f1_of_draws(truth: np.ndarray, predicted: np.ndarray, drawn: np.ndarray, classes: int) -> np.ndarray:
    """(draws,) from truth (cells,), predicted (cells,) and drawn (draws, cells).

    A class has F1 0 where there is none of it in any cell. Where only a draw lacks it, that draw tells nothing of it,
    and the mean is over the others.
    """
    f1, times = f1_of_draws(truth, predicted, drawn, classes)
    occurring = len(np.union1d(truth, predicted)) / classes
    return f1.sum(axis=1) / np.count_nonzero(times, axis=1) * occurring


def f1_of_draws(
    truth: np.ndarray, predicted: np.ndarray, drawn: np.ndarray, classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """(draws, classes): F1, 0 where the draw lacks the class, and how often the class is true or predicted in it."""
    from scipy.sparse import csr_array

    # a class's F1 is twice its hits by the number of times that it is true or predicted
    numbers, hits = np.arange(len(truth)), truth == predicted
    shape, ones = (len(truth), classes), np.ones(len(truth))
    doubled_hits = drawn @ csr_array((2 * ones[hits], (numbers[hits], truth[hits])), shape)
    times = drawn @ (csr_array((ones, (numbers, truth)), shape) + csr_array((ones, (numbers, predicted)), shape))
    return np.divide(doubled_hits, times, out=np.zeros_like(times), where=times > 0), times
