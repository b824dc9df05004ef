"""The linear model that stands beside the network: texts -> margins, with numpy alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from textrnn.data.tokenizer import fold
from textrnn.linear.features import MOST_CHARACTERS, Features


@dataclass(frozen=True)
class Folding:
    """What is done to texts before anything is counted: the tokenizer's options, and white space becomes one space."""

    lowercase: bool
    normalize: bool

    def __call__(self, text: str) -> str:
        return " ".join(fold(text[:MOST_CHARACTERS], self.lowercase, self.normalize).split())


class LinearModel:
    """Linear classifiers of one class against the rest (LIBLINEAR: Fan et al. 2008) on TF-IDF features.

    features: of one kind or two, side by side. weight: (terms, classes) float32, of two classes (terms, 1), for the
    second one. bias: (classes,) or (1,) float32.
    """

    def __init__(self, folding: Folding, features: Sequence[Features], weight: np.ndarray, bias: np.ndarray) -> None:
        self.folding, self.features, self.weight, self.bias = folding, list(features), weight, bias

    def margins(self, texts: Sequence[str]) -> np.ndarray:
        """(n, classes) float32: of two classes, the margin of the second one and its negative, halved, so that their
        difference is the margin."""
        folded = [self.folding(text) for text in texts]
        return self.margins_of(sparse.hstack([each.transform(folded) for each in self.features], format="csr"))

    def margins_of(self, features: sparse.csr_matrix) -> np.ndarray:
        """As `margins`, of features (n, terms)."""
        return both_sides(features @ self.weight + self.bias)

    def terms(self) -> list[str]:
        """What is counted, in the order of the rows of `weight`."""
        return [
            term for each in self.features for term in each.vocabulary.terms(" " if each.kind.unit == "words" else "")
        ]


def both_sides(margins: np.ndarray) -> np.ndarray:
    """(n, 1) of two classes -> (n, 2); of more classes as they are."""
    return np.hstack([-margins / 2, margins / 2]) if margins.shape[1] == 1 else margins
