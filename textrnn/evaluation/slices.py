"""Predictions -> how accuracy depends on the probability, the length and the unknown tokens of a text.

Common arguments, for n texts: probabilities (n,) of the predicted labels, and right (n,) bool, whether these are true.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from textrnn.evaluation.intervals import accuracy_interval
from textrnn.evaluation.metrics import CALIBRATION_BINS, calibration_bins
from textrnn.texts.rows import in_blocks

LENGTH_GROUPS = 6
UNKNOWN_EDGES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
_CURVE_STEPS = 10_000  # steps of probability
_CURVE_POINTS = 200


@dataclass
class Predictions:
    """Predictions for texts, (n,) each, in the order of their source.

    rows: positions of the texts in the source. truth, predicted: label ids. probabilities: those of the predicted
    labels. hashes: the hashes of all texts of the source, see Corpus.
    """

    rows: np.ndarray
    hashes: np.ndarray
    truth: np.ndarray
    predicted: np.ndarray
    probabilities: np.ndarray


@dataclass(frozen=True)
class Part:
    """A part of the texts. right: the number of right predictions. interval: the 95 % interval of the accuracy."""

    texts: int
    right: int

    @property
    def accuracy(self) -> float:
        return self.right / self.texts

    @property
    def interval(self) -> list[float]:
        return accuracy_interval(self.right, self.texts)


@dataclass(frozen=True)
class Slice(Part):
    """Texts of similar length or similar share of unknown tokens."""

    name: str


@dataclass(frozen=True)
class Bin(Part):
    """Texts with similar probabilities of the predicted label, and the mean of these probabilities."""

    mean_probability: float


@dataclass(frozen=True)
class Coverage:
    """The texts whose predicted label has at least the probability `threshold`, as a share of all texts, and their
    accuracy, None without such texts."""

    threshold: float
    share: float
    accuracy: float | None


def by_length(lengths: np.ndarray, right: np.ndarray) -> list[Slice]:
    """At most six groups of about equal size; texts of equal length share a group. lengths (n,), in tokens."""
    values, counts = np.unique(lengths, return_counts=True)
    equal_parts = np.arange(1, LENGTH_GROUPS + 1) * len(lengths) / LENGTH_GROUPS
    ends = values[np.unique(np.searchsorted(np.cumsum(counts), equal_parts))]
    begins = [values[0], *(values[np.searchsorted(values, end) + 1] for end in ends[:-1])]
    names = [f"{begin:,}" if begin == end else f"{begin:,} to {end:,}" for begin, end in zip(begins, ends, strict=True)]
    return _slices(np.searchsorted(ends, lengths), right, names)


def by_unknown(unknown: np.ndarray, right: np.ndarray) -> list[Slice]:
    """Groups by the share of unknown tokens. unknown (n,) float32: this share for each text."""
    edges = UNKNOWN_EDGES[1:]
    names = ["none", f"up to {100 * edges[0]:g} %"]
    names += [f"{100 * low:g} to {100 * high:g} %" for low, high in pairwise(edges)]
    return _slices(np.searchsorted(np.asarray(UNKNOWN_EDGES, np.float32), unknown), right, names)


def _slices(groups: np.ndarray, right: np.ndarray, names: list[str]) -> list[Slice]:
    texts = np.bincount(groups, minlength=len(names))
    rights = np.bincount(groups[right], minlength=len(names))
    return [Slice(int(count), int(hits), name) for name, count, hits in zip(names, texts, rights, strict=True) if count]


def reliability(probabilities: np.ndarray, right: np.ndarray) -> list[Bin]:
    """The bins of the calibration error (Guo et al. 2017, figure 1) without empty ones."""
    texts, hits, sums = _binned(probabilities, right, calibration_bins, CALIBRATION_BINS)
    occurring = texts > 0
    means = sums[occurring] / texts[occurring]
    return list(map(Bin, texts[occurring].tolist(), hits[occurring].tolist(), means.tolist()))


def coverage_curve(probabilities: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The share of answered texts and their accuracy (El-Yaniv and Wiener 2010), (points,) each, from the most probable
    predictions to all."""
    steps = _CURVE_STEPS + 1
    texts, hits, _ = _binned(
        probabilities, right, lambda block: (block * _CURVE_STEPS).astype(np.int64).clip(0, _CURVE_STEPS), steps
    )
    occurring = np.flatnonzero(texts)[::-1]
    answered, rights = np.cumsum(texts[occurring]), np.cumsum(hits[occurring])
    chosen = np.unique(np.searchsorted(answered, np.linspace(0, answered[-1], _CURVE_POINTS + 1)[1:]))
    return answered[chosen] / answered[-1], rights[chosen] / answered[chosen]


def _binned(
    probabilities: np.ndarray, right: np.ndarray, assign_bins: Callable[[np.ndarray], np.ndarray], bins: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(bins,) each: the number of texts, the number predicted right, and the sum of the probabilities."""
    texts, hits, sums = np.zeros(bins, np.int64), np.zeros(bins, np.int64), np.zeros(bins)
    for block, block_right in zip(in_blocks(probabilities), in_blocks(right), strict=True):
        numbers = assign_bins(block)
        texts += np.bincount(numbers, minlength=bins)
        hits += np.bincount(numbers[block_right], minlength=bins)
        sums += np.bincount(numbers, weights=block, minlength=bins)
    return texts, hits, sums


def thresholds(probabilities: np.ndarray, right: np.ndarray) -> list[Coverage]:
    """The coverage without a threshold, then with each threshold that leaves some texts unanswered."""
    coverages = []
    for threshold in (0.0, *THRESHOLDS):
        answered = probabilities >= threshold
        count = int(np.count_nonzero(answered))
        if count < len(answered) or not threshold:
            hits = int(np.count_nonzero(answered & right))
            coverages.append(Coverage(threshold, count / len(answered), hits / count if count else None))
    return coverages
