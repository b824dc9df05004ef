"""Reading texts a second time from their files, because a corpus has only their tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

import numpy as np

from textrnn.corpus.store import content_changed
from textrnn.corpus.writer import text_hash
from textrnn.reading.reader import Example, read_examples
from textrnn.reading.source import Source

Visit = tuple[int, Callable[[int, Example], object]]  # n and f: f(row, example) is called for each of the first n rows


def visit(source: Source, visits: Sequence[Visit]) -> None:
    """Read a source once for all visits, and no further than they need."""
    for row, example in enumerate(islice(read_examples(source), max((end for end, _ in visits), default=0))):
        for end, call in visits:
            if row < end:
                call(row, example)


def texts_at(source: Source, rows: Iterable[int], hashes: np.ndarray) -> Iterator[str]:
    """The texts in some rows of a source, in ascending order; reads no further than the last. hashes: the hashes of all
    its texts from an earlier reading. Raises DataError if the texts have changed since."""
    examples, position = read_examples(source), 0
    for row in rows:
        example = next(islice(examples, row - position, None), None)
        if example is None:
            raise content_changed(source)
        yield checked_text(example, hashes[row], source)
        position = row + 1


def checked_text(example: Example, digest: np.uint64, source: Source) -> str:
    """The example's text. Raises DataError unless it has this hash."""
    if text_hash(example.text) != digest.tobytes():
        raise content_changed(source)
    return example.text


class Sample:
    """All examples, in order, or a random sample within both limits. When the sample overflows, about half of it is
    dropped and the sampling rate is halved."""

    def __init__(self, rows: int, characters: int, seed: int) -> None:
        self.rows, self.characters = rows, characters
        self.random = np.random.default_rng([seed, 0x7417])
        self.share, self.total = 1.0, 0
        self.kept: list[tuple[float, Example]] = []

    def add(self, example: Example) -> None:
        place = float(self.random.random())
        if place >= self.share:
            return
        self.kept.append((place, example))
        self.total += len(example.text)
        while len(self.kept) > 1 and (len(self.kept) > self.rows or self.total > self.characters):
            self.share /= 2
            self.kept = [(place, example) for place, example in self.kept if place < self.share] or self.kept[:1]
            self.total = sum(len(example.text) for _, example in self.kept)

    @property
    def examples(self) -> list[Example]:
        return [example for _, example in self.kept]
