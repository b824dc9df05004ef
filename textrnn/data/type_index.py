"""Distinct tokens -> numbers, in memory that does not grow with how many there are."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import BinaryIO

import numpy as np

from textrnn.data.rows import in_blocks
from textrnn.data.scratch import scratch_array
from textrnn.errors import TextRNNError

TOKENS_IN_MEMORY = 1 << 17  # about 16 MB


class TypeIndex:
    """Numbers the distinct tokens of a corpus; the first ones, among them all common ones, with a dict.

    Once the dict is full, each chunk of texts adds its new tokens to a temporary table under provisional numbers;
    `finish` sorts it and merges duplicates. folder: of the table; None keeps all tokens in the dict.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._early: dict[str, int] = {}
        self._late_count = 0
        self._late = sqlite3.connect("", isolation_level=None)  # a temporary file, of which 8 MB are in memory
        if folder is not None:
            place = str(folder.absolute()).replace("'", "''")  # quoted for SQL
            self._late.execute(f"PRAGMA temp_store_directory='{place}'")
        self._late.executescript("PRAGMA temp_store=FILE; PRAGMA cache_size=-8000; PRAGMA journal_mode=OFF;")
        self._late.executescript("CREATE TABLE late (token BLOB); BEGIN")

    def close(self) -> None:
        self._late.close()

    def numbers(self, tokens: list[str]) -> np.ndarray:
        """(n,) int32 for n different tokens; the numbers of late ones are provisional until `finish`."""
        early = self._early
        if self._folder is None or (not self._late_count and len(early) + len(tokens) <= TOKENS_IN_MEMORY):
            return np.fromiter((early.setdefault(token, len(early)) for token in tokens), np.int32, len(tokens))
        numbers = np.fromiter((early.get(token, -1) for token in tokens), np.int32, len(tokens))
        late = np.flatnonzero(numbers < 0)
        first = len(early) + self._late_count
        if first + len(late) > 2**31:
            raise TextRNNError("expected fewer than 2,147,483,648 rare tokens, found more: split the corpus")
        numbers[late] = np.arange(first, first + len(late))
        self._late.executemany("INSERT INTO late VALUES (?)", ((tokens[at].encode(),) for at in late.tolist()))
        self._late_count += len(late)
        return numbers

    def finish(self, types: BinaryIO, numbered: Path | None) -> int:
        """Write the tokens to `types`, one per line in the order of their numbers, and replace the provisional numbers
        in `numbered`, a file of int32. Returns the number of distinct tokens."""
        types.write("".join(f"{token}\n" for token in self._early).encode())
        count = early = len(self._early)
        if numbered is None or not self._late_count:
            return count
        final, last = scratch_array(self._late_count, np.int32, self._folder), None
        for row, token in self._late.execute("SELECT rowid - 1, token FROM late ORDER BY token"):
            if token != last:
                types.write(token + b"\n")
                count, last = count + 1, token
            final[row] = count - 1
        for block in in_blocks(np.memmap(numbered, dtype="<i4", mode="r+")):
            late = block >= early
            block[late] = final[block[late] - early]
        return count
