"""Row numbers, and block-wise work on arrays with a row per text, to save memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

ROWS_AT_ONCE = 1 << 16


def row_type(count: int) -> type[np.signedinteger]:
    """The dtype of row numbers below `count`: four bytes if that is enough."""
    return np.int32 if count < 2**31 else np.int64


def all_rows(count: int) -> np.ndarray:
    """0, 1, ..., count - 1."""
    return np.arange(count, dtype=row_type(count))


def rows_where(chosen: np.ndarray) -> np.ndarray:
    """The row numbers at which `chosen` (n,) is true, in order."""
    return np.flatnonzero(chosen).astype(row_type(len(chosen)))


def in_blocks(array: np.ndarray, rows: np.ndarray | None = None) -> Iterator[np.ndarray]:
    """An array, or some of its rows, in blocks, because indexing all rows at once would copy them."""
    count = len(array) if rows is None else len(rows)
    for begin in range(0, count, ROWS_AT_ONCE):
        block = slice(begin, begin + ROWS_AT_ONCE)
        yield np.asarray(array[block] if rows is None else array[rows[block]])


def class_sizes(labels: np.ndarray, classes: int) -> list[int]:
    """The number of rows of each class."""
    return np.bincount(labels, minlength=classes).tolist()


def count_shared(hashes: np.ndarray, rows: np.ndarray, other_hashes: np.ndarray, other_rows: np.ndarray) -> int:
    """How many of the uint64 `hashes[rows]` occur in `other_hashes[other_rows]`; only the former are kept in memory."""
    if not len(rows):
        return 0
    distinct, counts = np.unique(hashes[rows], return_counts=True)
    is_shared = np.zeros(len(distinct), dtype=bool)
    for block in in_blocks(other_hashes, other_rows):
        positions = np.searchsorted(distinct, block).clip(max=len(distinct) - 1)
        is_shared[positions[distinct[positions] == block]] = True
    return int(counts[is_shared].sum())
