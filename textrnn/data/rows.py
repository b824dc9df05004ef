"""Row numbers of a corpus, and its arrays some rows at a time: what costs memory for each document, kept small."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

ROWS_AT_ONCE = 1 << 16
_HASHES_AT_ONCE = 1 << 20  # each part of them costs a pass over all


def row_type(count: int) -> type[np.signedinteger]:
    """The type for numbers of `count` rows: four bytes each where that is enough."""
    return np.int32 if count < 2**31 else np.int64


def all_rows(count: int) -> np.ndarray:
    """0, 1, ..., count - 1."""
    return np.arange(count, dtype=row_type(count))


def rows_where(chosen: np.ndarray) -> np.ndarray:
    """The rows at which `chosen` (n,) is true, in order."""
    return np.flatnonzero(chosen).astype(row_type(len(chosen)))


def in_blocks(array: np.ndarray, rows: np.ndarray | None = None) -> Iterator[np.ndarray]:
    """An array, or these rows of it, some at a time: all at once would be a copy of them in memory."""
    count = len(array) if rows is None else len(rows)
    for begin in range(0, count, ROWS_AT_ONCE):
        block = slice(begin, begin + ROWS_AT_ONCE)
        yield np.asarray(array[block] if rows is None else array[rows[block]])


def class_sizes(labels: np.ndarray, classes: int) -> list[int]:
    """How many rows each class has; bincount over all of them would make a copy of eight bytes a row."""
    sizes = np.zeros(classes, dtype=np.int64)
    for block in in_blocks(labels):
        sizes += np.bincount(block, minlength=classes)
    return sizes.tolist()


def count_shared(hashes: np.ndarray, rows: np.ndarray, others: np.ndarray, other_rows: np.ndarray) -> int:
    """How many of the uint64 `hashes[rows]` are among `others[other_rows]`; equal ones meet in one of many parts, of
    which one at a time is in memory."""
    if not len(rows) or not len(other_rows):
        return 0
    parts = 1 << (max(len(rows), len(other_rows)) // _HASHES_AT_ONCE).bit_length()
    shared = 0
    for part in range(parts):
        ours, theirs = (
            np.concatenate([block[block % np.uint64(parts) == part] for block in in_blocks(array, chosen)])
            for array, chosen in ((hashes, rows), (others, other_rows))
        )
        shared += int(np.isin(ours, theirs).sum())
    return shared
