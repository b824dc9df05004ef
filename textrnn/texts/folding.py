"""Lower-casing and Unicode normalization (NFKC) of texts, and the origin of each character of the result."""

from __future__ import annotations

import unicodedata
from functools import partial
from typing import NamedTuple

import numpy as np
import regex

# Normalization takes time quadratic in the number of consecutive marks. A joiner after every 200 limits it, as in the
# Stream-Safe Text Format of Unicode Annex 15 (which allows 30 marks; 200 leave every real text unchanged).
_MANY_MARKS = regex.compile(r"(\p{M}{200})(?=\p{M})", regex.V1)
_JOINER = "\u034f"
_CLUSTER = regex.compile(r"\X", regex.V1)
_FIRST_MARK = "\u0300"  # no lower character combines with the character before it
_nfkc = partial(unicodedata.normalize, "NFKC")


class Folded(NamedTuple):
    """A folded text. starts, ends (len(text),) int64: each of its characters comes from the characters [start, end) of
    the original. If several became others together, as a letter and its accent do, each has the whole span."""

    text: str
    starts: np.ndarray
    ends: np.ndarray


def fold(text: str, lowercase: bool, normalize: bool) -> str:
    """The text, in lower case if `lowercase`, and in Unicode's NFKC if `normalize`."""
    if normalize:
        text = _nfkc(_with_joiners(text))
    return text.lower() if lowercase else text


def fold_located(text: str, lowercase: bool, normalize: bool) -> Folded:
    """`fold(text, lowercase, normalize)`, with the origin of each character."""
    folded = Folded(text, np.arange(len(text)), np.arange(1, len(text) + 1))
    if normalize and not text.isascii():
        folded = _normalized(folded, _with_joiners(text))
    if not lowercase:
        return folded
    # the whole text at once, since a final sigma depends on its neighbours; only İ changes its length
    lowered = folded.text.lower()
    if len(lowered) > len(folded.text):
        lengths = np.asarray([len(character.lower()) for character in folded.text])
        return Folded(lowered, np.repeat(folded.starts, lengths), np.repeat(folded.ends, lengths))
    return folded._replace(text=lowered)


def _with_joiners(text: str) -> str:
    """The text with joiners inserted in long runs of marks."""
    return _MANY_MARKS.sub(rf"\1{_JOINER}", text) if len(text) > 1000 and not text.isascii() else text


def _normalized(original: Folded, limited: str) -> Folded:
    """`original` in NFKC. limited: its text with joiners, each of which counts as part of the mark before it."""
    starts, ends = original.starts, original.ends
    if len(limited) > len(original.text):
        joined = np.asarray([match.end() for match in _MANY_MARKS.finditer(original.text)])
        starts, ends = np.insert(starts, joined, starts[joined - 1]), np.insert(ends, joined, ends[joined - 1])
    if unicodedata.is_normalized("NFKC", limited):
        return Folded(limited, starts, ends)
    first: list[int] = []  # the first and last of the characters that each character of the result comes from
    last: list[int] = []
    for begin, end, normalized in _groups(limited):
        if [_nfkc(character) for character in limited[begin:end]] == list(normalized):
            first += range(begin, end)
            last += range(begin, end)
        else:
            first += [begin] * len(normalized)
            last += [end - 1] * len(normalized)
    return Folded(_nfkc(limited), starts[first], ends[last])


def _groups(text: str) -> list[tuple[int, int, str]]:
    """The text in groups of characters that are normalized independently of each other: (begin, end, normalized).

    The groups are grapheme clusters, joined if two of them combine into other characters, as Hangul letters do."""
    groups: list[tuple[int, int, str]] = []
    for match in _CLUSTER.finditer(text):
        begin, end = match.span()
        normalized = _nfkc(match.group())
        if groups and normalized[0] >= _FIRST_MARK:
            before, _, normalized_before = groups[-1]
            together = _nfkc(text[before:end])
            if together != normalized_before + normalized:
                groups[-1] = (before, end, together)
                continue
        groups.append((begin, end, normalized))
    if "".join(normalized for _, _, normalized in groups) != _nfkc(text):
        # never observed, but `regex` and `unicodedata` may have different versions of Unicode
        return [(0, len(text), _nfkc(text))]
    return groups
