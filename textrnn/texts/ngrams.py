"""The n-grams of a corpus that occur three times or more. Of up to 16 million different ones the counts are exact; with
more, those that were counted once so far are forgotten now and then, so that counts may be too low."""

from __future__ import annotations

import numpy as np

from textrnn.texts.transform import EncodedTexts
from textrnn.texts.vocab import PAD

MIN_COUNT = 3  # those that occur twice cost as much as all others, and gained nothing (docs/explanation/performance.md)
_MOST_CANDIDATES = 1 << 24  # held at a time; past it, those that occurred once so far are forgotten
_TEXTS_MERGED, _TEXTS_AT_ONCE = 1 << 14, 1 << 10  # whose n-grams are added to the counts together, are made together


def frequent_ngrams(texts: EncodedTexts, *, longest: int, vocab_size: int, at_most: int) -> list[np.ndarray]:
    """The keys of n-grams of 2, 3, ... `longest` vocabulary ids, an array (count,) int64 in ascending order for each
    length. An n-gram's key is its ids as the digits of a number to the base vocab_size; a text counts as preceded by
    PAD, as in `models.embedding`.

    at_most: the number of n-grams of all lengths together. The most frequent ones are kept, of equally frequent ones
    the shorter and those of more frequent tokens.
    """
    counted = [_count(texts, length, vocab_size) for length in range(2, longest + 1)]
    if not counted:
        return []
    counts = np.concatenate([counts for _, counts in counted])
    kept = np.zeros(len(counts), dtype=bool)
    kept[np.argsort(-counts, kind="stable")[:at_most]] = True
    ends = np.cumsum([len(keys) for keys, _ in counted])
    return [keys[chosen] for (keys, _), chosen in zip(counted, np.split(kept, ends[:-1]), strict=True)]


def _count(texts: EncodedTexts, length: int, vocab_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Keys in ascending order, and how often each occurs, of those that occur at least MIN_COUNT times."""
    keys, counts = np.zeros(0, np.int64), np.zeros(0, np.int64)
    for begin in range(0, len(texts), _TEXTS_MERGED):
        part = texts.rows(slice(begin, begin + _TEXTS_MERGED))
        blocks = (part.rows(slice(at, at + _TEXTS_AT_ONCE)) for at in range(0, len(part), _TEXTS_AT_ONCE))
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
    """The key of the n-gram that ends at each token of some texts, one text after the other."""
    (tokens,) = texts.flat_blocks(len(texts))
    ids = (tokens if texts.id_map is None else texts.id_map[tokens]).astype(np.int64)
    within = np.arange(len(ids)) - np.repeat(np.cumsum(texts.lengths) - texts.lengths, texts.lengths)
    keys = ids.copy()
    for back in range(1, length):
        earlier = np.concatenate([np.full(back, PAD), ids[:-back]])[: len(ids)]
        keys += np.where(within >= back, earlier, PAD) * vocab_size**back
    return keys
