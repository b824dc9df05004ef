"""Finds weights and soft labels that a user may not have meant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from textrnn.checking.findings import Finding
from textrnn.corpus.corpus import Corpus
from textrnn.reading.targets import TOLERANCE
from textrnn.runtime.terminal import count_of

_USUAL_MEANS = 0.01, 100.0  # of weights


def find_target_faults(corpora: Mapping[str, Corpus]) -> Iterator[Finding]:
    """corpora: split -> corpus."""
    for name, corpus in corpora.items():
        if corpus.normalized:
            soft_labels = count_of(corpus.normalized, "soft label")
            yield Finding(
                "labels",
                f"the probabilities of {soft_labels} of {name} add up to 1 only within {TOLERANCE:g}: they were "
                f"divided by their sum",
                remedy="write them with more digits",
                split=name,
                count=corpus.normalized,
            )
    if corpora["train"].weights is not None:
        yield from _weights(np.asarray(corpora["train"].weights))


def _weights(weights: np.ndarray) -> Iterator[Finding]:
    positive = weights[weights > 0]
    if zeros := len(weights) - len(positive):
        yield Finding(
            "weights",
            f"{zeros:,} of {count_of(len(weights), 'training text')} {'have' if zeros > 1 else 'has'} weight 0 and "
            f"{'are' if zeros > 1 else 'is'} left out of training",
            split="train",
            count=zeros,
        )
    mean = float(positive.mean(dtype=np.float64))
    least, most = _USUAL_MEANS
    if not least <= mean <= most:
        effect = "closely" if mean > most else "loosely"
        yield Finding(
            "weights",
            f"the mean weight is {mean:.3g}: a weight counts as so many copies of a text, with which the linear model "
            f"fits all texts much more {effect}",
            remedy=f"divide all weights by {mean:.3g}",
            split="train",
        )
