"""Distinct tokens -> numbers, in memory that does not grow with how many there are.

The first tokens, among them all common ones, are numbered at once by a dict. A token that comes after them goes to a
file, under a provisional number, each time a chunk brings it. In the end the file is divided by the tokens' checksums
into parts small enough for memory; equal tokens meet in the same part, and get one number there.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from textrnn.data.scratch import scratch_array
from textrnn.errors import TextRNNError

TOKENS_IN_MEMORY = 1 << 17  # about 16 MB
PART_BYTES = 1 << 19  # of tokens; a dict of them takes about 8 MB
MOST_PARTS = 1 << 12
_LINES_AT_ONCE = 1 << 16
_TOKENS_AT_ONCE = 1 << 18
_MOST_NUMBERS = 2**31  # numbers are int32


class Numbering:
    """Numbers the tokens of a corpus; `finish` writes them to `types`, a token a line in the order of their numbers.

    folder: where files may be made; they are removed by `finish`, or with the folder where it is never called.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers: dict[str, int] = {}
        self._full = False  # once it is, it stays so: a late token must not become an early one
        self._late_file = folder / "late"
        self._late = self._late_file.open("wb")
        self._late_count = 0

    def numbers(self, tokens: list[str]) -> np.ndarray:
        """(n,) int32 for distinct tokens; those of tokens that do not fit in memory are provisional."""
        known = self._numbers
        self._full = self._full or len(known) + len(tokens) > TOKENS_IN_MEMORY
        if not self._full:
            return np.fromiter((known.setdefault(token, len(known)) for token in tokens), np.int32, len(tokens))
        numbers = np.fromiter((known.get(token, -1) for token in tokens), np.int64, len(tokens))
        late = np.flatnonzero(numbers < 0)
        if len(late):
            first = len(known) + self._late_count
            if first + len(late) > _MOST_NUMBERS:
                raise TextRNNError(f"more than {_MOST_NUMBERS:,} rare tokens, which is more than a corpus can number")
            numbers[late] = np.arange(first, first + len(late))
            self._late.write("".join(f"{tokens[at]}\n" for at in late).encode())
            self._late_count += len(late)
        return numbers.astype(np.int32)

    def close(self) -> None:
        self._late.close()

    def finish(self, types: Path, numbered: Path) -> int:
        """Write `types`, and put final numbers for the provisional ones in the file `numbered` of int32. Returns how
        many distinct tokens there are."""
        self.close()
        size = early = len(self._numbers)
        with types.open("wb") as stream:
            stream.write("".join(f"{token}\n" for token in self._numbers).encode())
            self._numbers.clear()
            if self._late_count:
                final = scratch_array(self._late_count, np.int32, self._folder)
                for tokens, numbers in self._parts():
                    part: dict[bytes, int] = {}
                    final[numbers] = [part.setdefault(token, size + len(part)) for token in tokens]
                    stream.write(b"".join(token + b"\n" for token in part))
                    size += len(part)
                _renumber(numbered, early, final)
        self._late_file.unlink()
        return size

    def _parts(self) -> Iterator[tuple[list[bytes], np.ndarray]]:
        """The late tokens, and where each stood among them, in parts: equal ones together."""
        count = min(MOST_PARTS, -(-self._late_file.stat().st_size // PART_BYTES))
        begin = 0
        with self._late_file.open("rb") as lines:
            while block := list(islice(lines, _LINES_AT_ONCE)):
                part_of = np.fromiter((zlib.crc32(token) % count for token in block), np.int32, len(block))
                order = np.argsort(part_of, kind="stable")
                ends = np.cumsum(np.bincount(part_of, minlength=count))
                for part, rows in enumerate(np.split(order, ends[:-1])):
                    if len(rows):
                        # opened anew each time: there may be more parts than a process may have files open
                        with self._part_file(part, "tokens").open("ab") as stream:
                            stream.write(b"".join([block[at] for at in rows]))
                        with self._part_file(part, "rows").open("ab") as stream:
                            stream.write((begin + rows).tobytes())
                begin += len(block)
        for part in range(count):
            if self._part_file(part, "rows").exists():
                yield (
                    self._part_file(part, "tokens").read_bytes().split(b"\n")[:-1],
                    np.fromfile(self._part_file(part, "rows"), np.int64),
                )
                self._part_file(part, "tokens").unlink()
                self._part_file(part, "rows").unlink()

    def _part_file(self, part: int, kind: str) -> Path:
        return self._folder / f"late-{part}.{kind}"


def _renumber(numbered: Path, early: int, final: np.ndarray) -> None:
    """Replace each number from `early` on by `final[number - early]`."""
    numbers = np.memmap(numbered, dtype="<i4", mode="r+")
    for begin in range(0, len(numbers), _TOKENS_AT_ONCE):
        block = numbers[begin : begin + _TOKENS_AT_ONCE]
        late = np.flatnonzero(block >= early)
        block[late] = final[block[late] - early]
