"""Texts in lower case and in Unicode's NFKC, and where each character of the result comes from."""

from __future__ import annotations

import unicodedata
from functools import partial
from typing import NamedTuple

import numpy as np
import regex

# Normalization takes time by the square of the number of marks in a row; a joiner after so many limits it, as in the
# Stream-Safe Text Format of Unicode Annex 15 (with more than its 30 marks, so that no real text is changed).
_MANY_MARKS = regex.compile(r"(\p{M}{200})(?=\p{M})", regex.V1)
_JOINER = "\u034f"
_CLUSTER = regex.compile(r"\X", regex.V1)
_FIRST_MARK = "\u0300"  # no character before it is changed by the one before
_nfkc = partial(unicodedata.normalize, "NFKC")


class Folded(NamedTuple):
    """A folded text. starts, ends (len(text),) int64: each of its characters comes from the characters [start, end) of
    the original. Where several became others together, as a letter and its accent, each has the whole span."""

    text: str
    starts: np.ndarray
    ends: np.ndarray


def fold(text: str, lowercase: bool, normalize: bool) -> str:
    """The text in lower case and in Unicode's NFKC, each if asked for."""
    if normalize:
        text = _nfkc(_limited(text))
    return text.lower() if lowercase else text


def fold_located(text: str, lowercase: bool, normalize: bool) -> Folded:
    """`fold(text, lowercase, normalize)`, located in the text."""
    folded = Folded(text, np.arange(len(text)), np.arange(1, len(text) + 1))
    if normalize and not text.isascii():
        folded = _normalized(folded, _limited(text))
    if not lowercase:
        return folded
    # as a whole, since a final sigma depends on its neighbours; only the length of İ changes
    lowered = folded.text.lower()
    if len(lowered) > len(folded.text):
        lengths = np.asarray([len(character.lower()) for character in folded.text])
        return Folded(lowered, np.repeat(folded.starts, lengths), np.repeat(folded.ends, lengths))
    return folded._replace(text=lowered)


def _limited(text: str) -> str:
    """The text with joiners in long runs of marks."""
    return _MANY_MARKS.sub(rf"\1{_JOINER}", text) if len(text) > 1000 and not text.isascii() else text


def _normalized(original: Folded, limited: str) -> Folded:
    """limited: the text of `original`, with joiners; each counts as a part of the mark before it."""
    starts, ends = original.starts, original.ends
    if len(limited) > len(original.text):
        joined = np.asarray([match.end() for match in _MANY_MARKS.finditer(original.text)])
        starts, ends = np.insert(starts, joined, starts[joined - 1]), np.insert(ends, joined, ends[joined - 1])
    if unicodedata.is_normalized("NFKC", limited):
        return Folded(limited, starts, ends)
    first: list[int] = []  # of the characters that each character of the result comes from
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

    They are grapheme clusters, joined if two of them become other characters together, as Hangul letters do."""
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
        # not met so far, but `regex` and `unicodedata` may know different versions of Unicode
        return [(0, len(text), _nfkc(text))]
    return groups
