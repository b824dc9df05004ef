"""Equal and nearly equal texts inside and across splits: MinHash signatures (Broder 1997) of character 4-grams, put
into bands (Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, section 3.4), and every pair that they suggest
compared in full."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

from textrnn.checking.findings import Finding, Shown, excerpt, is_severe
from textrnn.linear.model import text_blocks
from textrnn.reading.reader import Example

_SHOWN = 3
_SHOWN_CHARACTERS = 60
SIMILAR = 0.8  # least Jaccard similarity of the 4-grams of nearly equal texts
LENGTH = 4
BANDS, ROWS = 8, 3  # pairs with a similarity of 0.8 are suggested with a probability of 1 - (1 - 0.8^3)^8 = 0.997
_PROMISING = 0.6  # least share of equal values of two signatures for a comparison in full
_CHARACTERS_AT_ONCE = 1_000_000
_LONGEST = 20_000  # characters of a text that are compared
_MOST_COMPARED = 300_000  # pairs of texts
_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # 2^64 by the golden ratio
_NO_LETTER = re.compile(r"[\W_]+")


def find_copies(
    splits: Mapping[str, Sequence[Example]], totals: Mapping[str, int]
) -> tuple[list[Finding], dict[str, list[Shown]]]:
    """Findings about nearly equal texts, but not about equal ones across splits; for these, split -> examples of
    its texts that also occur in train. splits: their texts, or samples of them, train first. totals: the number of all
    texts of each."""
    places = [(name, example) for name, examples in splits.items() for example in examples]
    earlier, is_complete = _earlier_copies(places)
    across: dict[str, list[Shown]] = defaultdict(list)  # split -> its texts that are nearly equal to one of train
    inside: dict[str, list[Shown]] = defaultdict(list)
    exactly: Counter[str] = Counter()
    equal: dict[str, list[Shown]] = defaultdict(list)
    for at, other_at in sorted(earlier.items()):
        (name, example), (other_name, other) = places[at], places[other_at]
        line = f"{example.where} and {other.where}: {excerpt(example.text, _SHOWN_CHARACTERS)}"
        shown = Shown(line, [example.where, other.where])
        is_equal = example.text.strip() == other.text.strip()
        if name == "train" or other_name != "train":
            inside[name].append(shown)
            exactly[name] += is_equal
        else:
            (equal if is_equal else across)[name].append(shown)
    # if only a part of train was compared, proportionally more are to be expected
    share = len(splits["train"]) / max(totals["train"], 1)
    least = "" if share == 1 and is_complete else "at least "
    compared = {
        name: f"{len(own):,} {name} texts" + f" (of {totals[name]:,}, drawn at random)" * (len(own) != totals[name])
        for name, own in splits.items()
    }
    findings = [
        Finding(
            "copies",
            f"{least}{len(lines):,} of {compared[name]} are nearly equal to one of train, but for case, punctuation or "
            f"a few words: {name} scores are inflated",
            severe=is_severe(round(len(lines) / share), len(splits[name])),
            remedy="remove them from train",
            examples=lines[:_SHOWN],
            split=name,
            count=len(lines),
        )
        for name, lines in across.items()
    ]
    if inside:
        counts = ", ".join(
            f"{len(lines):,} of {compared[name]} ({exactly[name]:,} exactly)" for name, lines in inside.items()
        )
        findings.append(
            Finding(
                "copies",
                f"texts that are equal or nearly equal to an earlier one of their split, or of dev: "
                f"{'' if is_complete else 'at least '}{counts}",
                remedy="keep one of each, unless they are as frequent in the texts to be labelled",
                examples=[line for lines in inside.values() for line in lines][:_SHOWN],
                count=sum(map(len, inside.values())),
            )
        )
    return findings, {name: lines[:_SHOWN] for name, lines in equal.items()}


def _earlier_copies(places: Sequence[tuple[str, Example]]) -> tuple[dict[int, int], bool]:
    """Position of a text -> that of an equal text before it, else of a nearly equal one; and whether all pairs that may
    be nearly equal were compared."""
    earlier: dict[int, int] = {}
    first_text: dict[str, int] = {}
    first_shape: dict[str, int] = {}
    for at, (_, example) in enumerate(places):
        text = example.text.strip()
        if not (own_shape := shape(text)):
            continue  # without letters and digits, texts are alike by chance
        same_shape, same_text = first_shape.setdefault(own_shape, at), first_text.setdefault(text, at)
        if same_shape != at:
            earlier[at] = same_text if same_text != at else same_shape
    positions = list(first_shape.values())
    pairs, is_complete = near_pairs(list(first_shape))
    for later, other in pairs:
        earlier.setdefault(positions[later], positions[other])
    return earlier, is_complete


def shape(text: str) -> str:
    """The letters and digits of a text in NFKC and without case: the same for texts that differ in nothing else."""
    return _NO_LETTER.sub("", unicodedata.normalize("NFKC", text[: 2 * _LONGEST]).casefold())[:_LONGEST]


def near_pairs(shapes: Sequence[str]) -> tuple[list[tuple[int, int]], bool]:
    """(position, an earlier position) of nearly equal shapes; a position may come several times. And whether all pairs
    that were suggested were compared. shapes: different ones, none of them empty."""
    if len(shapes) < 2:
        return [], True
    suggested = _suggested(np.concatenate([_signatures(block) for block in text_blocks(shapes, _CHARACTERS_AT_ONCE)]))
    pairs = [
        (later, earlier)
        for later, earlier in suggested[:_MOST_COMPARED].tolist()
        if similarity(shapes[later], shapes[earlier]) >= SIMILAR
    ]
    return pairs, len(suggested) <= _MOST_COMPARED


def similarity(one: str, other: str) -> float:
    """The Jaccard similarity of the sets of their 4-grams: the share of those in both, of those in either."""
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
    return np.unique(grams)


def _signatures(shapes: Sequence[str]) -> np.ndarray:
    """(n, BANDS * ROWS) uint32: the first 4-gram of each text in each of BANDS * ROWS orders of all 4-grams."""
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
    return np.stack([np.minimum.reduceat(gram * a + b, starts) for a, b in zip(factors, addends, strict=True)], axis=1)


def _mixed(values: np.ndarray) -> np.ndarray:
    """A bijection of uint32 in which each bit depends on all (the end of MurmurHash3)."""
    values = (values ^ (values >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    values = (values ^ (values >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return values ^ (values >> np.uint32(16))


def _suggested(signatures: np.ndarray) -> np.ndarray:
    """(pairs, 2): pairs that have a band in common, each member with the first of its group."""
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
    return distinct[alike >= _PROMISING]
