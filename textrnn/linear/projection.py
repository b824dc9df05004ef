"""Projections learnt from texts without labels: n-grams weighted by TF-IDF (latent semantic analysis, Deerwester et al.
1990) or by PPMI (Levy and Goldberg 2014), onto the directions in which the texts differ most."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from textrnn.linear.model import Features, rarity, smooth_idf, text_blocks
from textrnn.linear.ngrams import UNKNOWN, UNSAVED, WORD, Kind, NgramVocabulary, Symbols, most_frequent

MOST_TERMS = 200_000
COMPONENTS, ITERATIONS = 300, 4
_EXTRA_COMPONENTS = 10  # of a randomized decomposition, for accuracy
_ROWS_TIMED = 2000
_LEAST_EIGENVALUE = 1e-6  # of the largest; float32 has no more digits
_MANY_TEXTS = 30_000  # from here on, an n-gram must occur in five texts, below in three
_CHARACTERS_AT_ONCE, _KEYS_AT_ONCE = 2_000_000, 20_000_000


@dataclass(frozen=True)
class Projection:
    """Features of all texts, and the matrix (terms, components) float32 that projects their values, onto the direction
    in which the texts differ most first."""

    features: Features
    directions: np.ndarray

    def of(self, counts: sparse.csr_matrix) -> np.ndarray:
        """The projected values (n, components) of texts with these counts (n, terms)."""
        return self.features.values(counts) @ self.directions


def count_frequent(kind: Kind, texts: Sequence[str]) -> tuple[NgramVocabulary, sparse.csr_matrix]:
    """The n-grams, from length 1, that occur in several folded texts, at most MOST_TERMS of them, and how often each
    text has each (n, terms). As `count_ngrams`, in less memory for many texts."""
    least = 5 if len(texts) >= _MANY_TEXTS else 3
    blocks, symbols, frequencies = _frequent_symbols(kind, texts, least)
    vocabulary, all_frequencies = NgramVocabulary(symbols, []), [frequencies]
    for _ in range(2, kind.longest + 1):
        keys, frequencies = _text_frequencies(vocabulary.longer(block) for _, block in blocks)
        vocabulary.keys.append(keys[frequencies >= least])
        all_frequencies.append(frequencies[frequencies >= least])
    kept = most_frequent(np.concatenate(all_frequencies), MOST_TERMS)
    # symbols have other numbers in the selected vocabulary
    counts = [vocabulary.counts(block, size)[:, kept] for size, block in blocks]
    return vocabulary.selected(kept), sparse.vstack(counts, format="csr")


def _frequent_symbols(
    kind: Kind, texts: Sequence[str], least: int
) -> tuple[list[tuple[int, Symbols]], list[str], np.ndarray]:
    """Blocks of texts, each with the number of its texts, as symbols; the symbols that occur in `least` texts or more
    in ascending order; and the number of texts with each."""
    known: dict[str, int] = {}
    blocks = []
    for block in text_blocks(texts, _CHARACTERS_AT_ONCE):
        lists = [[known.setdefault(unit, len(known)) for unit in _units(kind, text)] for text in block]
        rows = np.repeat(np.arange(len(block), dtype=np.int32), [*map(len, lists)])
        blocks.append((len(block), Symbols(np.fromiter((n for row in lists for n in row), np.int32, len(rows)), rows)))
    _, frequencies = _text_frequencies(block for _, block in blocks)
    kept = sorted(unit for unit, number in known.items() if frequencies[number] >= least and unit not in UNSAVED)
    numbers = [known[unit] for unit in kept]
    renumbered = np.full(len(known), UNKNOWN, np.int32)
    renumbered[numbers] = np.arange(len(kept))
    return [(size, Symbols(renumbered[old], rows)) for size, (old, rows) in blocks], kept, frequencies[numbers]


def _units(kind: Kind, text: str) -> Sequence[str]:
    return WORD.findall(text) if kind.unit == "words" else text


def _text_frequencies(parts: Iterable[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """The distinct keys, ascending, and the number of texts with each. parts: keys, and the row of each; different
    parts have different texts."""
    waiting: list[tuple[np.ndarray, np.ndarray]] = []
    for keys, rows in parts:
        distinct, numbers = np.unique(keys, return_inverse=True)
        pairs = np.unique(rows.astype(np.int64) * len(distinct) + numbers)
        waiting.append((distinct, np.bincount(pairs % max(len(distinct), 1), minlength=len(distinct))))
        if sum(len(keys) for keys, _ in waiting) > _KEYS_AT_ONCE:
            waiting = [_summed(waiting)]
    return _summed(waiting)


def _summed(parts: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    distinct, numbers = np.unique(np.concatenate([keys for keys, _ in parts]), return_inverse=True)
    counts = np.concatenate([counts for _, counts in parts])
    return distinct, np.bincount(numbers, counts, minlength=len(distinct)).astype(np.int64)


def known_share(kind: Kind, texts: Iterable[str], others: Iterable[str]) -> float:
    """The share of the words or characters in `others` that occur in `texts`, all folded; 1 without any."""
    known = {unit for text in texts for unit in _units(kind, text)}
    counts = Counter(unit for text in others for unit in _units(kind, text))
    return sum(count for unit, count in counts.items() if unit in known) / counts.total() if counts else 1.0


def seconds_to_project(counts: sparse.csr_matrix) -> float:
    """An estimate for `project`, from the time of a sparse and a dense product with a part of the texts."""
    size, rows = COMPONENTS + _EXTRA_COMPONENTS, min(_ROWS_TIMED, counts.shape[0])
    factor, dense = np.ones((counts.shape[1], 8), np.float32), np.ones((_ROWS_TIMED, size), np.float32)
    begin = time.perf_counter()
    counts[:rows] @ factor
    middle = time.perf_counter()
    dense.T @ dense
    sparse_seconds = (middle - begin) * counts.shape[0] / rows * size / factor.shape[1]
    dense_seconds = (time.perf_counter() - middle) * sum(counts.shape) / _ROWS_TIMED
    return (2 * ITERATIONS + 1) * sparse_seconds + 2 * ITERATIONS * dense_seconds


def project(kind: Kind, vocabulary: NgramVocabulary, counts: sparse.csr_matrix, seed: int) -> list[Projection]:
    """The projections by TF-IDF and by PPMI of all texts, whose counts are (n, terms). They are computed side by side,
    each on one core, so that the result does not depend on the number of cores."""
    from threadpoolctl import threadpool_limits

    weightings = [
        Features(replace(kind, weighting="lsa"), vocabulary, smooth_idf(counts)),
        Features(replace(kind, weighting="ppmi"), vocabulary, rarity(counts)),
    ]
    with threadpool_limits(1), ThreadPoolExecutor(len(weightings)) as threads:
        matrices = threads.map(lambda features: directions(features.values(counts), COMPONENTS, seed), weightings)
        return [Projection(*pair) for pair in zip(weightings, matrices, strict=True)]


def directions(values: sparse.csr_matrix, components: int, seed: int) -> np.ndarray:
    """(terms, components) float32: the right singular vectors of values (n, terms) by randomized subspace iteration
    (Halko et al. 2011, algorithm 4.4). scikit-learn's `randomized_svd` finds the same, with decompositions of tall
    matrices that take most of its time; here all are of small ones."""
    size = min(components + _EXTRA_COMPONENTS, *values.shape)
    basis = np.random.default_rng([seed, 0x5BD]).standard_normal((values.shape[1], size), np.float32)
    for _ in range(ITERATIONS):
        basis = _orthonormal(values.T @ _orthonormal(values @ basis))
    projected = values @ basis
    _, vectors = np.linalg.eigh((projected.T @ projected).astype(np.float64))
    return basis @ vectors[:, : -components - 1 : -1].astype(np.float32)


def _orthonormal(matrix: np.ndarray) -> np.ndarray:
    """An orthonormal basis of the columns of a tall matrix, without directions that are only rounding errors."""
    eigenvalues, vectors = np.linalg.eigh((matrix.T @ matrix).astype(np.float64))
    kept = eigenvalues > _LEAST_EIGENVALUE * eigenvalues.max(initial=0)
    return matrix @ (vectors[:, kept] / np.sqrt(eigenvalues[kept])).astype(np.float32)
