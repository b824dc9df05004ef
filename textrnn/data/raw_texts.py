"""Texts read a second time: the corpus has their tokens, and what the vocabulary leaves out is in their files alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from textrnn.data.reader import read_examples
from textrnn.data.source import Source
from textrnn.data.store import content_changed
from textrnn.data.writer import text_hash


def texts_at(source: Source, rows: Iterable[int], hashes: np.ndarray) -> Iterator[str]:
    """The texts at some rows of a source, in ascending order; read no further than the last of them. hashes: those
    of all its texts when they were read before. Raises DataError where they have changed since."""
    wanted = iter(rows)
    following = next(wanted, None)
    for number, example in enumerate(read_examples(source) if following is not None else ()):
        if number == following:
            if text_hash(example.text) != hashes[number].tobytes():
                break
            yield example.text
            following = next(wanted, None)
            if following is None:
                return
    if following is not None:
        raise content_changed(source)
