"""The n-grams that occur at least three times in a corpus. Up to 16 million different n-grams are counted exactly; with
more, those counted only once so far are dropped from time to time, so that counts may be too low."""

from __future__ import annotations

import numpy as np

from textrnn.texts.transform import EncodedTexts
from textrnn.texts.vocab import PAD

MIN_COUNT = 3  # those that occur twice cost as much as all others, and gained nothing (docs/explanation/performance.md)
_MOST_CANDIDATES = 1 << 24  # n-grams in memory; above that, those counted once so far are dropped
_TEXTS_MERGED, _TEXTS_AT_ONCE = 1 << 14, 1 << 10  # texts whose n-grams are added to the counts, and made, together


def frequent_ngrams(texts: EncodedTexts, *, longest: int, vocab_size: int, at_most: int) -> list[np.ndarray]:
    """The keys of n-grams of 2, 3, ... `longest` vocabulary ids, an array (count,) int64 in ascending order for each
    length. An n-gram's key is its ids as the digits of a number to the base vocab_size; a text counts as preceded by
    PAD, as in `models.embedding`.

    at_most: the largest number of n-grams of all lengths together. The most frequent are kept; of equally frequent
    ones, the shorter and those of more frequent tokens.
    """
    counts_by_length = [_count(texts, length, vocab_size) for length in range(2, longest + 1)]
    if not counts_by_length:
        return []
    counts = np.concatenate([counts for _, counts in counts_by_length])
    kept = np.zeros(len(counts), dtype=bool)
    kept[np.argsort(-counts, kind="stable")[:at_most]] = True
    ends = np.cumsum([len(keys) for keys, _ in counts_by_length])
    return [keys[chosen] for (keys, _), chosen in zip(counts_by_length, np.split(kept, ends[:-1]), strict=True)]


def _count(texts: EncodedTexts, length: int, vocab_size: int) -> tuple[np.ndarray, np.ndarray]:
    """The keys that occur at least MIN_COUNT times, in ascending order, and their counts."""
    keys, counts = np.zeros(0, np.int64), np.zeros(0, np.int64)
    for begin in range(0, len(texts), _TEXTS_MERGED):
        part = texts.rows(slice(begin, begin + _TEXTS_MERGED))
        blocks = (part.rows(slice(row, row + _TEXTS_AT_ONCE)) for row in range(0, len(part), _TEXTS_AT_ONCE))
        new, new_counts = np.unique(
            np.concatenate([_keys(block, length, vocab_size) for block in blocks]), return_counts=True
        )
        keys, places = np.unique(np.concatenate([keys, new]), return_inverse=True)
        counts = np.bincount(places, np.concatenate([counts, new_counts])).astype(np.int64)
        if len(keys) > _MOST_CANDIDATES:
            keys, counts = keys[counts > 1], counts[counts > 1]
    kept = counts >= MIN_COUNT
    return keys[kept], counts[kept]


def _keys(texts: EncodedTexts, length: int, vocab_size: int) -> np.ndarray:
    """The key of the n-gram that ends at each token, one text after the other."""
    (tokens,) = texts.flat_blocks(len(texts))
    ids = (tokens if texts.id_map is None else texts.id_map[tokens]).astype(np.int64)
    within = np.arange(len(ids)) - np.repeat(np.cumsum(texts.lengths) - texts.lengths, texts.lengths)
    keys = ids.copy()
    for back in range(1, length):
        earlier = np.concatenate([np.full(back, PAD), ids[:-back]])[: len(ids)]
        keys += np.where(within >= back, earlier, PAD) * vocab_size**back
    return keys
