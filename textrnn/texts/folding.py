"""Texts in lower case and in Unicode's NFKC, and where each character of the result comes from."""

from __future__ import annotations

import unicodedata
from typing import NamedTuple

import numpy as np
import regex

# Normalization takes time by the square of the number of marks in a row; a joiner after so many limits it, as in the
# Stream-Safe Text Format of Unicode Annex 15 (with more than its 30 marks, so that no real text is changed).
_MANY_MARKS = regex.compile(r"(\p{M}{200})(?=\p{M})", regex.V1)
_JOINER = "\u034f"
_CLUSTER = regex.compile(r"\X", regex.V1)
_FIRST_MARK = "\u0300"  # no character before it is changed by the one before


class Folded(NamedTuple):
    """A folded text. starts, ends (len(text),) int64: each of its characters comes from the characters [start, end) of
    the original. Where several became others together, as a letter and its accent, each has the whole span."""

    text: str
    starts: np.ndarray
    ends: np.ndarray


def fold(text: str, lowercase: bool, normalize: bool) -> str:
    """The text in lower case and in Unicode's NFKC, if wanted."""
    if normalize:
        text = unicodedata.normalize("NFKC", _limited(text))
    return text.lower() if lowercase else text


def fold_located(text: str, lowercase: bool, normalize: bool) -> Folded:
    """`fold(text, lowercase, normalize)`, located in the text."""
    found = Folded(text, np.arange(len(text)), np.arange(1, len(text) + 1))
    if normalize and not text.isascii():
        found = _normalized(found, _limited(text))
    if not lowercase:
        return found
    # as a whole, since a final sigma depends on its neighbours; only the length of İ changes
    lowered = found.text.lower()
    if len(lowered) > len(found.text):
        lengths = np.asarray([len(character.lower()) for character in found.text])
        return Folded(lowered, np.repeat(found.starts, lengths), np.repeat(found.ends, lengths))
    return found._replace(text=lowered)


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
    begins: list[int] = []
    stops: list[int] = []
    lengths: list[int] = []
    for begin, end, normalized in _groups(limited):
        if len(normalized) == end - begin and all(map(_becomes, limited[begin:end], normalized)):
            begins += range(begin, end)
            stops += range(begin + 1, end + 1)
            lengths += [1] * (end - begin)
        else:
            begins.append(begin)
            stops.append(end)
            lengths.append(len(normalized))
    first, last = np.repeat(np.asarray(begins), lengths), np.repeat(np.asarray(stops), lengths) - 1
    return Folded(unicodedata.normalize("NFKC", limited), starts[first], ends[last])


def _becomes(character: str, normalized: str) -> bool:
    return unicodedata.normalize("NFKC", character) == normalized


def _groups(text: str) -> list[tuple[int, int, str]]:
    """The text in groups of characters that are normalized independently of each other: (begin, end, normalized).

    They are grapheme clusters, joined where two of them become other characters together, as Hangul letters do."""
    groups: list[tuple[int, int, str]] = []
    for match in _CLUSTER.finditer(text):
        begin, end = match.span()
        normalized = unicodedata.normalize("NFKC", match.group())
        if groups and normalized[0] >= _FIRST_MARK:
            before, _, of_before = groups[-1]
            together = unicodedata.normalize("NFKC", text[before:end])
            if together != of_before + normalized:
                groups[-1] = (before, end, together)
                continue
        groups.append((begin, end, normalized))
    if "".join(normalized for _, _, normalized in groups) != unicodedata.normalize("NFKC", text):
        # not met so far, but `regex` and `unicodedata` may know different versions of Unicode
        return [(0, len(text), unicodedata.normalize("NFKC", text))]
    return groups
