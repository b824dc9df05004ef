"""Texts read a second time: the corpus has their tokens, and what the vocabulary leaves out is in their files alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

import numpy as np

from textrnn.corpus.store import content_changed
from textrnn.corpus.writer import text_hash
from textrnn.reading.reader import Example, read_examples
from textrnn.reading.source import Source

Visit = tuple[int, Callable[[int, Example], object]]  # called with the row and the example of so many first rows


def visit(source: Source, visits: Sequence[Visit]) -> None:
    """Read a source once for all visits, and no further than they need."""
    for row, example in enumerate(islice(read_examples(source), max((end for end, _ in visits), default=0))):
        for end, call in visits:
            if row < end:
                call(row, example)


def texts_at(source: Source, rows: Iterable[int], hashes: np.ndarray) -> Iterator[str]:
    """The texts at some rows of a source, in ascending order; read no further than the last of them. hashes: those
    of all its texts when they were read before. Raises DataError if they have changed since."""
    wanted = iter(rows)
    following = next(wanted, None)
    for number, example in enumerate(read_examples(source) if following is not None else ()):
        if number == following:
            yield checked_text(example, hashes[number], source)
            following = next(wanted, None)
            if following is None:
                return
    if following is not None:
        raise content_changed(source)


def checked_text(example: Example, digest: np.uint64, source: Source) -> str:
    """Raises DataError if it is not the text with this hash."""
    if text_hash(example.text) != digest.tobytes():
        raise content_changed(source)
    return example.text


class Sample:
    """All examples, in order, or a random part of them that fits both limits. Whenever there are too many, half of them
    go, and of those to come as large a part is left out."""

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
