"""Texts that occur more than once in a corpus: with different labels, or again and again with the same one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from textrnn.data.corpus import Corpus
from textrnn.data.reader import Example
from textrnn.data.rows import in_blocks, row_type
from textrnn.data.writer import text_hash
from textrnn.errors import short

_TEXTS_SHOWN = 3
_PLACES_SHOWN = 4  # of each of these texts


@dataclass
class Repeats:
    """The texts that occur more than once in a labelled corpus, those without tokens left out.

    hashes (m,) uint64, in ascending order: of the texts. first, counts (m,): the first row of each, and how many rows
    it has. contradictory (m,) bool: whether they have different labels.
    """

    hashes: np.ndarray
    first: np.ndarray
    counts: np.ndarray
    contradictory: np.ndarray


def find_repeats(corpus: Corpus) -> Repeats:
    """Holds up to about 15 bytes per row of the corpus in memory."""
    assert corpus.label_ids is not None
    hashes = _repeated(corpus.hashes[corpus.lengths > 0])
    kind = row_type(len(corpus) + 1)
    first, counts = np.full(len(hashes), len(corpus), kind), np.zeros(len(hashes), kind)
    lowest, highest = np.full(len(hashes), len(corpus.labels), np.int32), np.full(len(hashes), -1, np.int32)
    begin = 0
    blocks = zip(in_blocks(corpus.hashes), in_blocks(corpus.label_ids), strict=True) if len(hashes) else ()
    for block, labels in blocks:
        order = np.argsort(block)  # values in ascending order are found several times as fast
        at = np.searchsorted(hashes, block[order]).clip(max=len(hashes) - 1)
        found = hashes[at] == block[order]
        at, rows = at[found], order[found]
        np.minimum.at(first, at, (begin + rows).astype(kind))
        np.add.at(counts, at, 1)
        np.minimum.at(lowest, at, labels[rows])
        np.maximum.at(highest, at, labels[rows])
        begin += len(block)
    return Repeats(hashes, first, counts, lowest < highest)


def _repeated(hashes: np.ndarray) -> np.ndarray:
    """The distinct values that occur more than once, in ascending order; `hashes` itself is sorted."""
    hashes.sort()
    again = hashes[1:] == hashes[:-1]
    second = again.copy()  # where a value occurs for the second time
    second[1:] &= ~again[:-1]
    return hashes[1:][second]


def show_contradictions(repeats: Repeats, examples: Iterable[Example]) -> Iterator[str]:
    """A line for each of the first few texts with different labels: where it is, and its label there.

    examples: those of the corpus, in order; read no further than the last place that is shown, and not at all where
    there is nothing to show.
    """
    chosen = np.flatnonzero(repeats.contradictory)
    chosen = chosen[np.argsort(repeats.first[chosen])[:_TEXTS_SHOWN]]
    counts = {repeats.hashes[at].tobytes(): int(repeats.counts[at]) for at in chosen}
    found: dict[bytes, list[Example]] = {key: [] for key in counts}
    missing = sum(min(count, _PLACES_SHOWN) for count in counts.values())
    if not missing:
        return
    for example in examples:
        places = found.get(key := text_hash(example.text))
        if places is None or len(places) == _PLACES_SHOWN:
            continue
        if len(places) == _PLACES_SHOWN - 1 and {each.label for each in places} == {example.label}:
            continue  # the last place is for another label
        places.append(example)
        missing -= 1
        if not missing:
            break
    for key, places in found.items():
        if places:
            shown = ", ".join(f"{short(each.label)} at {each.where}" for each in places)
            more = counts[key] - len(places)
            rest = f" and {more:,} more row{'s' * (more > 1)}" if more > 0 else ""
            yield f"{short(places[0].text.strip())}: {shown}{rest}"
