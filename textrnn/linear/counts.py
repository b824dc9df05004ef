"""Counting n-grams of symbols, words or characters, with numpy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from scipy import sparse

UNKNOWN = -1


class Symbols(NamedTuple):
    """Texts as symbols, one after the other: numbers (N,) int64, UNKNOWN for a symbol that is not known; rows (N,)
    int64, in ascending order: the text that each belongs to."""

    numbers: np.ndarray
    rows: np.ndarray


class NgramVocabulary:
    """Known n-grams of symbols.

    symbols: the known ones; a symbol's number is its position. keys: for each length from 2, (count,) int64 in
    ascending order: the position of the n-gram's first symbols among the n-grams that are shorter by one, times the
    number of symbols, plus its last symbol. shortest: length of the n-grams that are counted; shorter ones are only
    there to find them.
    """

    def __init__(self, symbols: Sequence[str], keys: Sequence[np.ndarray], *, shortest: int = 1) -> None:
        self.symbols = list(symbols)
        self.number_of = {symbol: number for number, symbol in enumerate(self.symbols)}
        self.keys = list(keys)
        self.shortest = shortest

    @classmethod
    def of(cls, symbols: Sequence[str], texts: Symbols, *, shortest: int, longest: int) -> NgramVocabulary:
        """That of all n-grams that occur in some texts."""
        vocabulary = cls(symbols, [], shortest=shortest)
        positions = texts.numbers
        for _ in range(2, longest + 1):
            found = vocabulary._next_keys(positions, texts)
            keys, inverse = np.unique(found[found >= 0], return_inverse=True)
            vocabulary.keys.append(keys)
            positions = np.full(len(found), UNKNOWN)
            positions[found >= 0] = inverse
        return vocabulary

    def __len__(self) -> int:
        """The number of n-grams that are counted."""
        return sum(self._sizes()[self.shortest - 1 :])

    def counts(self, texts: Symbols, row_count: int) -> sparse.csr_matrix:
        """(row_count, len(self)) float32: how often each text has each n-gram."""
        rows, columns = [], []
        for _, last, found in self.occurrences(texts):
            rows.append(texts.rows[last])
            columns.append(found)
        at = (np.concatenate(rows), np.concatenate(columns))
        return sparse.csr_matrix((np.ones(len(at[0]), np.float32), at), shape=(row_count, len(self)))

    def occurrences(self, texts: Symbols) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """For each length that is counted: (length, the positions of the last symbols of known n-grams, the column of
        each in `counts`)."""
        begin, positions = 0, texts.numbers
        for length, size in enumerate(self._sizes(), start=1):
            if length > 1:
                positions = _search(self.keys[length - 2], self._next_keys(positions, texts))
            if length >= self.shortest:
                (last,) = np.nonzero(positions >= 0)
                yield length, last, positions[last] + begin
                begin += size

    def terms(self, joiner: str) -> list[str]:
        """The n-grams as text, in the order of the columns of `counts`."""
        found, terms = self.symbols, list(self.symbols) if self.shortest == 1 else []
        for length, keys in enumerate(self.keys, start=2):
            before, last = np.divmod(keys, max(len(self.symbols), 1))
            found = [found[b] + joiner + self.symbols[e] for b, e in zip(before.tolist(), last.tolist(), strict=True)]
            if length >= self.shortest:
                terms += found
        return terms

    def _sizes(self) -> list[int]:
        return [len(self.symbols), *map(len, self.keys)]

    def _next_keys(self, positions: np.ndarray, texts: Symbols) -> np.ndarray:
        """(N,): the key of the n-gram that ends at each symbol, UNKNOWN where there is none. positions: of the n-grams
        that are shorter by one."""
        keys = np.full(len(positions), UNKNOWN, np.int64)
        if len(positions) < 2:
            return keys
        before, last = positions[:-1], texts.numbers[1:]
        possible = (before >= 0) & (last >= 0)
        # the shorter n-gram lies within one text; the longer one must, too
        possible &= texts.rows[1:] == texts.rows[:-1]
        keys[1:][possible] = before[possible].astype(np.int64) * len(self.symbols) + last[possible]
        return keys


def _search(ascending: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The position of each number in an array, UNKNOWN for those that it lacks."""
    if not len(ascending):
        return np.full(len(wanted), UNKNOWN)
    at = np.searchsorted(ascending, wanted).clip(max=len(ascending) - 1)
    return np.where(ascending[at] == wanted, at, UNKNOWN)
