"""Predictions -> how accuracy depends on the probability, the length and the unknown tokens of a text."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from textrnn.evaluation.intervals import accuracy_interval
from textrnn.evaluation.metrics import CALIBRATION_BINS, calibration_bins
from textrnn.texts.rows import in_blocks

LENGTH_GROUPS = 6
UNKNOWN_EDGES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
_CURVE_STEPS = 10_000  # of probability
_CURVE_POINTS = 200


@dataclass(frozen=True)
class Slice:
    """A part of the texts. right: how many were predicted right. interval: the 95 % interval of the accuracy."""

    name: str
    texts: int
    right: int

    @property
    def accuracy(self) -> float:
        return self.right / self.texts

    @property
    def interval(self) -> list[float]:
        return accuracy_interval(self.right, self.texts)


@dataclass(frozen=True)
class Bin(Slice):
    """Texts of like probability. mean_probability: of their predicted labels."""

    mean_probability: float = 0.0


@dataclass(frozen=True)
class Coverage:
    """What is answered where the predicted label has at least the probability `threshold`.

    share: of the texts that are answered. accuracy: of these; None where none is.
    """

    threshold: float
    share: float
    accuracy: float | None


def by_length(lengths: np.ndarray, right: np.ndarray) -> list[Slice]:
    """At most six groups of about equal size; texts of equal length are in the same one. lengths, right (n,): tokens of
    each text, and whether its label is the predicted one."""
    values, counts = np.unique(lengths, return_counts=True)
    wanted = np.arange(1, LENGTH_GROUPS + 1) * len(lengths) / LENGTH_GROUPS
    ends = values[np.unique(np.searchsorted(np.cumsum(counts), wanted))]
    begins = [values[0], *(values[np.searchsorted(values, end) + 1] for end in ends[:-1])]
    names = [f"{begin:,}" if begin == end else f"{begin:,} to {end:,}" for begin, end in zip(begins, ends, strict=True)]
    return _slices(np.searchsorted(ends, lengths), right, names)


def by_unknown(unknown: np.ndarray, right: np.ndarray) -> list[Slice]:
    """unknown (n,) float32: the share of each text's tokens that the model's vocabulary lacks."""
    edges = UNKNOWN_EDGES[1:]
    names = ["none", f"up to {_percent(edges[0])}"]
    names += [f"{_percent(low, '')} to {_percent(high)}" for low, high in pairwise(edges)]
    return _slices(np.searchsorted(np.asarray(UNKNOWN_EDGES, np.float32), unknown), right, names)


def _slices(groups: np.ndarray, right: np.ndarray, names: list[str]) -> list[Slice]:
    texts = np.bincount(groups, minlength=len(names))
    rights = np.bincount(groups[right], minlength=len(names))
    return [Slice(name, int(count), int(hits)) for name, count, hits in zip(names, texts, rights, strict=True) if count]


def reliability(probabilities: np.ndarray, right: np.ndarray) -> list[Bin]:
    """The bins of the calibration error (Guo et al. 2017, figure 1), empty ones left out. probabilities (n,): of the
    predicted labels."""
    texts, hits = np.zeros(CALIBRATION_BINS, np.int64), np.zeros(CALIBRATION_BINS, np.int64)
    sums = np.zeros(CALIBRATION_BINS)
    for block, block_right in zip(in_blocks(probabilities), in_blocks(right), strict=True):
        bins = calibration_bins(block)
        texts += np.bincount(bins, minlength=CALIBRATION_BINS)
        hits += np.bincount(bins[block_right], minlength=CALIBRATION_BINS)
        sums += np.bincount(bins, weights=block, minlength=CALIBRATION_BINS)
    edges = np.linspace(0, 1, CALIBRATION_BINS + 1)
    return [
        Bin(f"{edges[at]:.2f} to {edges[at + 1]:.2f}", int(texts[at]), int(hits[at]), sums[at] / texts[at])
        for at in range(CALIBRATION_BINS)
        if texts[at]
    ]


def coverage_curve(probabilities: np.ndarray, right: np.ndarray) -> list[Coverage]:
    """The accuracy of the texts that are answered against their share (El-Yaniv and Wiener 2010), from few to all."""
    texts, hits = np.zeros(_CURVE_STEPS + 1, np.int64), np.zeros(_CURVE_STEPS + 1, np.int64)
    for block, block_right in zip(in_blocks(probabilities), in_blocks(right), strict=True):
        steps = (block * _CURVE_STEPS).astype(np.int64).clip(0, _CURVE_STEPS)
        texts += np.bincount(steps, minlength=_CURVE_STEPS + 1)
        hits += np.bincount(steps[block_right], minlength=_CURVE_STEPS + 1)
    occurring = np.flatnonzero(texts)[::-1]
    answered, rights = np.cumsum(texts[occurring]), np.cumsum(hits[occurring])
    chosen = np.unique(np.searchsorted(answered, np.linspace(0, answered[-1], _CURVE_POINTS + 1)[1:]))
    return [
        Coverage(occurring[at] / _CURVE_STEPS, answered[at] / answered[-1], rights[at] / answered[at]) for at in chosen
    ]


def thresholds(probabilities: np.ndarray, right: np.ndarray) -> list[Coverage]:
    """Answering everything, then what each threshold that leaves some texts unanswered gives."""
    found = [Coverage(0.0, 1.0, float(right.mean()))]
    for threshold in THRESHOLDS:
        answered = probabilities >= threshold
        count = int(np.count_nonzero(answered))
        if count < len(answered):
            hits = int(np.count_nonzero(answered & right))
            found.append(Coverage(threshold, count / len(answered), hits / count if count else None))
    return found


def _percent(share: float, unit: str = " %") -> str:
    return f"{100 * share:g}{unit}"
