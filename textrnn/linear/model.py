"""The linear model beside the network: texts -> margins, with numpy alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from textrnn.linear.features import MOST_CHARACTERS, Features
from textrnn.texts.folding import Folded, fold, fold_located

_CHARACTERS_AT_ONCE = 2_000_000
_NOT_SPACE = re.compile(r"\S+")  # as `str.split` finds them


@dataclass(frozen=True)
class Folding:
    """What is done to texts before anything is counted: the tokenizer's options, and white space becomes one space."""

    lowercase: bool
    normalize: bool

    def __call__(self, text: str) -> str:
        return " ".join(fold(text[:MOST_CHARACTERS], self.lowercase, self.normalize).split())

    def located(self, text: str) -> Folded:
        """The same text, located in the original; a space is where the first white space after a word is."""
        folded = fold_located(text[:MOST_CHARACTERS], self.lowercase, self.normalize)
        words = [match.span() for match in _NOT_SPACE.finditer(folded.text)]
        kept = np.concatenate([np.arange(0), *(np.arange(begin, end + 1) for begin, end in words)])[:-1]
        joined = " ".join(folded.text[begin:end] for begin, end in words)
        return Folded(joined, folded.starts[kept], folded.ends[kept])


@dataclass(frozen=True)
class LinearModel:
    """Linear classifiers of one class against the rest (LIBLINEAR: Fan et al. 2008) on TF-IDF features.

    features: of one kind or two, side by side. weight: (terms, classes) float32, of two classes (terms, 1), for the
    second one. bias: (classes,) or (1,) float32.
    """

    folding: Folding
    features: list[Features]
    weight: np.ndarray
    bias: np.ndarray

    def margins(self, texts: Sequence[str]) -> np.ndarray:
        """(n, classes) float32: of two classes, the margin of the second one and its negative, halved, so that their
        difference is the margin."""
        margins = [np.zeros((0, len(self.bias)), np.float32)]
        for block in _blocks(texts):  # some hundred bytes for each character are needed
            folded = [self.folding(text) for text in block]
            features = sparse.hstack([each.transform(folded) for each in self.features], format="csr")
            margins.append(features @ self.weight + self.bias)
        return both_sides(np.concatenate(margins))


def _blocks(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """Adjacent texts of a few million characters."""
    begin = characters = 0
    for end, text in enumerate(texts, start=1):
        characters += min(len(text), MOST_CHARACTERS)
        if characters >= _CHARACTERS_AT_ONCE or end == len(texts):
            yield texts[begin:end]
            begin, characters = end, 0


def both_sides(margins: np.ndarray) -> np.ndarray:
    """(n, 1) of two classes -> (n, 2); of more classes as they are."""
    return np.hstack([-margins / 2, margins / 2]) if margins.shape[1] == 1 else margins
