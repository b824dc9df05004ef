"""Active learning: which texts to label next. The texts of which the model is least certain, spread over the topics of
all of them and without near copies, as in farthest-first traversal (Gonzalez 1985) weighted by uncertainty."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from textrnn.linear.fit import candidate_kinds
from textrnn.linear.model import ppmi, rarity, smooth_idf, tf_idf
from textrnn.linear.ngrams import count_ngrams, most_frequent
from textrnn.linear.projection import MOST_TERMS, directions

COMPONENTS = 100  # of the projection in which texts are compared
CANDIDATES = 5  # texts from which one is chosen: fewer are less spread, more are less uncertain
SIMILAR = 0.8  # least cosine of the TF-IDF values of near copies


def uncertainty(probabilities: np.ndarray) -> np.ndarray:
    """(n,): 1 minus the margin between the two likeliest classes. probabilities (n, classes), of two or more."""
    highest = np.partition(probabilities, -2, axis=1)[:, -2:]
    return 1 - (highest[:, 1] - highest[:, 0])


def most_useful(texts: Sequence[str], uncertainties: np.ndarray, count: int) -> list[int]:
    """The rows of at most `count` texts, the most useful first: each has the greatest product of uncertainty and
    distance to the nearest one before it. There are fewer if all others are near copies of these.

    texts: folded, at least one. uncertainties (n,), 0 or more.
    """
    values, projected = _vectors(texts)
    order, step = np.argsort(-uncertainties, kind="stable"), CANDIDATES * count
    distances, is_free = np.ones(len(texts)), np.ones(len(texts), bool)
    chosen: list[int] = []
    for begin in range(0, len(texts), step):  # the next block only if the others of this one are near copies
        block = order[begin : begin + step]
        while len(chosen) < count and is_free[block].any():
            free = block[is_free[block]]
            row = int(free[np.argmax(uncertainties[free] * distances[free])])
            chosen.append(row)
            is_free[values @ values[row].toarray().ravel() >= SIMILAR] = False
            is_free[row] = False
            distances = np.minimum(distances, (1 - projected @ projected[row]).clip(min=0))
    return chosen


def _vectors(texts: Sequence[str]) -> tuple[sparse.csr_matrix, np.ndarray]:
    """The TF-IDF values of all n-grams (n, terms), by which near copies are recognized, and the projection by PPMI of
    the frequent ones (n, components), by which topics are. All rows have the norm 1, or 0."""
    kind = candidate_kinds(texts)[-1][0]
    _, counts = count_ngrams(kind, texts)
    frequent = counts[:, most_frequent(np.bincount(counts.indices, minlength=counts.shape[1]), MOST_TERMS)]
    values = ppmi(frequent, rarity(frequent))
    projected = values @ directions(values, COMPONENTS, seed=0)
    norms = np.linalg.norm(projected, axis=1, keepdims=True)
    return tf_idf(counts, smooth_idf(counts)), projected / np.where(norms > 0, norms, 1)
