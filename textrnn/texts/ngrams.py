"""The n-grams of a corpus that occur three times or more. Of up to 16 million different ones the counts are exact; with
more, those that were counted once so far are forgotten now and then, so that counts may be too low."""

from __future__ import annotations

import numpy as np

from textrnn.texts.transform import EncodedTexts
from textrnn.texts.vocab import PAD

MIN_COUNT = 3  # those that occur twice cost as much as all others, and gained nothing (docs/performance.md)
_MOST_CANDIDATES = 1 << 24  # held at a time; past it, those that occurred once so far are forgotten


def frequent_ngrams(texts: EncodedTexts, *, longest: int, vocab_size: int, at_most: int) -> list[np.ndarray]:
    """The keys of n-grams of 2, 3, ... `longest` vocabulary ids, an array (count,) int64 in ascending order for each
    length. An n-gram's key is its ids as the digits of a number to the base vocab_size; a text counts as preceded by
    PAD, as in `models.embedding`.

    at_most: of all lengths together, the most frequent ones, of equally frequent ones the shorter and those of more
    frequent tokens.
    """
    counted = [_count(texts, length, vocab_size) for length in range(2, longest + 1)]
    counts = np.concatenate([counts for _, counts in counted]) if counted else np.zeros(0, np.int64)
    kept = np.zeros(len(counts), dtype=bool)
    kept[np.argsort(-counts, kind="stable")[:at_most]] = True
    ends = np.cumsum([len(keys) for keys, _ in counted])
    return (
        [keys[chosen] for (keys, _), chosen in zip(counted, np.split(kept, ends[:-1]), strict=True)] if counted else []
    )


def _count(texts: EncodedTexts, length: int, vocab_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Keys in ascending order, and how often each occurs, of those that occur at least MIN_COUNT times."""
    keys, counts = np.zeros(0, np.int64), np.zeros(0, np.int64)
    waiting: list[np.ndarray] = []
    rows_at_once = 1 << 14
    for begin in range(0, len(texts), rows_at_once):
        part = texts.rows(slice(begin, begin + rows_at_once))
        for at, block in enumerate(part.flat_blocks()):
            ids = block if texts.id_map is None else texts.id_map[block]
            lengths = part.lengths[at * 1024 : (at + 1) * 1024]
            waiting.append(_keys(ids, lengths, length, vocab_size))
        keys, counts = _added(keys, counts, np.concatenate(waiting))
        waiting = []
        if len(keys) > _MOST_CANDIDATES:
            keys, counts = keys[counts > 1], counts[counts > 1]
    kept = counts >= MIN_COUNT
    return keys[kept], counts[kept]


def _keys(ids: np.ndarray, lengths: np.ndarray, length: int, vocab_size: int) -> np.ndarray:
    """The key of the n-gram that ends at each token of some texts, one text after the other."""
    within = np.arange(len(ids)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    keys = ids.astype(np.int64)
    for back in range(1, length):
        earlier = np.concatenate([np.full(back, PAD, ids.dtype), ids[:-back]])[: len(ids)]
        keys += np.where(within >= back, earlier, PAD).astype(np.int64) * vocab_size**back
    return keys


def _added(keys: np.ndarray, counts: np.ndarray, found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Counts with those of `found` added."""
    new, of_new = np.unique(found, return_counts=True)
    together, inverse = np.unique(np.concatenate([keys, new]), return_inverse=True)
    sums = np.zeros(len(together), np.int64)
    np.add.at(sums, inverse, np.concatenate([counts, of_new]))
    return together, sums
