from __future__ import annotations

import numpy as np
import pytest

from textrnn.texts import rows
from textrnn.texts.rows import class_sizes, count_shared, in_blocks, rows_where


@pytest.fixture(autouse=True)
def _few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "ROWS_AT_ONCE", 4)


def test_blocks_cover_each_row_once() -> None:
    array = np.arange(10) * 10
    assert [block.tolist() for block in in_blocks(array)] == [[0, 10, 20, 30], [40, 50, 60, 70], [80, 90]]
    assert [block.tolist() for block in in_blocks(array, np.array([9, 1, 1, 0, 5]))] == [[90, 10, 10, 0], [50]]


def test_row_numbers_take_four_bytes() -> None:
    found = rows_where(np.array([False, True, False, True]))
    assert found.tolist() == [1, 3]
    assert found.dtype == np.int32


def test_sizes_of_classes_without_rows_are_zero() -> None:
    assert class_sizes(np.array([2, 0, 2, 2, 0, 2]), 4) == [2, 0, 4, 0]


def test_shared_hashes_are_counted_for_each_row() -> None:
    random = np.random.default_rng(0)
    ours, theirs = (random.integers(0, 40, size=100).astype(np.uint64) << np.uint64(shift) for shift in (0, 1))
    our_rows, their_rows = np.arange(0, 100, 3), np.arange(10, 60)
    expected = sum(int(ours[row]) in set(theirs[their_rows].tolist()) for row in our_rows)
    assert 0 < expected < len(our_rows)
    assert count_shared(ours, our_rows, theirs, their_rows) == expected


def test_nothing_is_shared_with_nothing() -> None:
    hashes = np.arange(20, dtype=np.uint64)
    assert count_shared(hashes, np.arange(0), hashes, np.arange(20)) == 0
    assert count_shared(hashes, np.arange(20), hashes, np.arange(0)) == 0
    assert count_shared(hashes, np.arange(1, 5), np.array([0, 9], np.uint64), np.arange(2)) == 0
