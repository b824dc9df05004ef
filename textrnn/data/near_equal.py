"""Nearly equal texts: MinHash signatures (Broder 1997) of character 4-grams, put into bands (Leskovec, Rajaraman and
Ullman, Mining of Massive Datasets, section 3.4), and every pair that they suggest compared in full."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

import numpy as np

SIMILAR = 0.8  # Jaccard similarity of their 4-grams from which on two texts are nearly equal
LENGTH = 4
BANDS, ROWS = 8, 3  # pairs with a similarity of 0.8 are suggested with a probability of 1 - (1 - 0.8^3)^8 = 0.997
_PROMISING = 0.6  # share of equal values of two signatures from which on they are compared in full
_CHARACTERS_AT_ONCE = 1_000_000
_LONGEST = 20_000  # characters of a text that are compared
_MOST_COMPARED = 300_000  # pairs
_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # 2^64 by the golden ratio
_NO_LETTER = re.compile(r"[\W_]+")


def shape(text: str) -> str:
    """The letters and digits of a text in NFKC and without case: the same for texts that differ in nothing else."""
    return _NO_LETTER.sub("", unicodedata.normalize("NFKC", text[: 2 * _LONGEST]).casefold())[:_LONGEST]


def near_pairs(shapes: Sequence[str], left_out: Callable[[], object] = lambda: None) -> Iterator[tuple[int, int]]:
    """(position, an earlier position) of nearly equal ones of some different shapes; a position may come several
    times. None of them is empty. left_out: called where more pairs are suggested than are compared."""
    if len(shapes) < 2:
        return
    signatures = np.concatenate([_signatures(block) for block in _blocks(shapes)])
    for number, (later, earlier) in enumerate(_suggested(signatures)):
        if number == _MOST_COMPARED:
            left_out()
            return
        if similarity(shapes[later], shapes[earlier]) >= SIMILAR:
            yield later, earlier


def similarity(one: str, other: str) -> float:
    """The Jaccard similarity of the sets of their 4-grams: how many are in both, of those in either."""
    grams = np.concatenate([_grams(one), _grams(other)])
    grams.sort(kind="stable")  # which merges two sorted runs in one pass
    common = int(np.count_nonzero(grams[1:] == grams[:-1]))
    return common / (len(grams) - common)


@lru_cache(maxsize=64)  # the first text of a group is compared with all others
def _grams(text: str) -> np.ndarray:
    """The distinct 4-grams, sorted, as uint64: two different ones are equal with a probability of about 2^-64."""
    points = np.frombuffer(text.ljust(LENGTH, "\0").encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
    count = len(points) - LENGTH + 1
    grams = np.zeros(count, np.uint64)
    for offset in range(LENGTH):
        grams = grams * _FACTOR + points[offset : count + offset]
    grams.sort()
    return grams[np.append(True, grams[1:] != grams[:-1])]


def _blocks(shapes: Sequence[str]) -> Iterator[Sequence[str]]:
    begin = characters = 0
    for end, text in enumerate(shapes, start=1):
        characters += len(text)
        if characters >= _CHARACTERS_AT_ONCE or end == len(shapes):
            yield shapes[begin:end]
            begin, characters = end, 0


def _signatures(shapes: Sequence[str]) -> np.ndarray:
    """(n, BANDS * ROWS) uint32: for each of so many orders of all 4-grams, the first one that the text has."""
    padded = [text.ljust(LENGTH, "\0") for text in shapes]
    points = np.frombuffer("".join(padded).encode("utf-32-le", "surrogatepass"), np.uint32)
    lengths = np.fromiter(map(len, padded), np.int64, len(padded))
    starts = np.cumsum(lengths) - lengths
    gram = np.zeros(len(points) - LENGTH + 1, np.uint32)
    for offset in range(LENGTH):
        gram = _mixed(gram ^ points[offset : len(gram) + offset])
    # the last three begin no 4-gram of their text: they get the value of its first
    text_of = np.repeat(np.arange(len(padded)), lengths)[: len(gram)]
    beyond = np.arange(len(gram)) > (starts + lengths - LENGTH)[text_of]
    gram[beyond] = gram[starts[text_of[beyond]]]
    random = np.random.default_rng(0x5EED)
    factors = random.integers(0, 1 << 31, BANDS * ROWS).astype(np.uint32) * np.uint32(2) + np.uint32(1)
    addends = random.integers(0, 1 << 32, BANDS * ROWS).astype(np.uint32)
    found = [np.minimum.reduceat(gram * a + b, starts) for a, b in zip(factors, addends, strict=True)]
    return np.stack(found, axis=1)


def _mixed(values: np.ndarray) -> np.ndarray:
    """A bijection of uint32 in which each bit depends on all (the end of MurmurHash3)."""
    values = (values ^ (values >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    values = (values ^ (values >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return values ^ (values >> np.uint32(16))


def _suggested(signatures: np.ndarray) -> Iterator[tuple[int, int]]:
    """Pairs that have a band in common, each member with the first of its group."""
    pairs = []
    for band in range(BANDS):
        rows = signatures[:, band * ROWS : (band + 1) * ROWS]
        order = np.lexsort((np.arange(len(rows)), *rows.T))
        starts = np.ones(len(order), dtype=bool)
        starts[1:] = (rows[order][1:] != rows[order][:-1]).any(axis=1)
        firsts = order[np.flatnonzero(starts)[np.cumsum(starts) - 1]]
        pairs.append(np.stack([order[~starts], firsts[~starts]], axis=1))
    distinct = np.unique(np.concatenate(pairs), axis=0)
    alike = (signatures[distinct[:, 0]] == signatures[distinct[:, 1]]).mean(axis=1)
    yield from map(tuple, distinct[alike >= _PROMISING].tolist())
