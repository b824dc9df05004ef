"""Finds characters that do not belong in texts: wrongly decoded ones, markup, control characters, escapes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from textrnn.checking.findings import Finding, Shown, is_severe
from textrnn.errors import short
from textrnn.reading.reader import Example

EXAMPLES = 3
_AROUND = 20  # characters shown before and after
_LONGEST = 200_000  # characters of a text that are searched
# The characters of bytes 80 to BF in windows-1252, if it has any for them, and in latin-1.
_CONTINUATIONS = "\x80-\xbf" + "".join(
    bytes([byte]).decode("cp1252") for byte in range(0x80, 0xA0) if byte not in (0x81, 0x8D, 0x8F, 0x90, 0x9D)
)
_UTF8_AS_1252 = re.compile(
    rf"[\xc2-\xdf][{_CONTINUATIONS}]|[\xe0-\xef][{_CONTINUATIONS}]{{2}}|[\xf0-\xf4][{_CONTINUATIONS}]{{3}}"
)
_GBK_FILLERS = ("锟斤拷", "烫烫烫")  # of U+FFFD in UTF-8 twice, and of uninitialized memory
_UTF8_AS_GBK = re.compile(r"锟斤拷|烫烫烫|[\u3400-\u9fff\ue000-\uf8ff]{6,}")
_TAGS = (
    "a abbr b big blockquote body br center code dd div dl dt em font form h1 h2 h3 h4 h5 h6 head hr html i iframe img "
    "input li link meta ol option p pre script select small span strike strong style sub sup table tbody td th thead "
    "title tr u ul"
)
_MARKUP = re.compile(
    rf"</?(?:{'|'.join(_TAGS.split())})(?:\s[^<>]*)?/?>|&(?:[a-z]{{2,8}}|#\d{{1,6}}|#x[0-9a-f]{{1,6}});", re.IGNORECASE
)
_ESCAPES = re.compile(r"(?<![A-Za-z]:)(?<!\\)\\(?:[nrt]|u[0-9a-fA-F]{4})")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]")
_INVISIBLE = re.compile("[\u200b\u2060\ufeff\u202a-\u202e\u2066-\u2069]")
_LOST = re.compile("\ufffd|ï¿½")
_HEADERS = re.compile(r"\s*(?:[A-Z][A-Za-z-]{1,30}: .*\n){2}")


@dataclass(frozen=True)
class Kind:
    """Odd characters of a kind. find: text -> the first ones, or None. can_be_severe: whether many mean damage."""

    text: str
    remedy: str
    find: Callable[[str], re.Match[str] | None]
    can_be_severe: bool = False


def _misread(text: str) -> re.Match[str] | None:
    """The first UTF-8 that was decoded as windows-1252, latin-1 or GBK, or None."""
    if text.isascii():
        return None
    for match in _UTF8_AS_1252.finditer(text):
        if _decoded_again(match.group(), "cp1252") or _decoded_again(match.group(), "latin-1"):
            return match
    for match in _UTF8_AS_GBK.finditer(text):
        # the bytes of real Chinese in GBK may be UTF-8 by chance, but hardly that of Chinese
        if match.group() in _GBK_FILLERS or min(_decoded_again(match.group(), "gb18030"), default="") >= "\u2e80":
            return match
    return None


def _decoded_again(run: str, encoding: str) -> str:
    """The bytes of a text in an encoding, decoded as UTF-8; empty if they are not UTF-8."""
    try:
        return run.encode(encoding).decode("utf-8")
    except UnicodeError:
        return ""


KINDS = [
    Kind(
        "hold UTF-8 that was decoded in another encoding, such as `Ã©` for `é`",
        "decode the original again: a file in UTF-8 needs no data.encoding", _misread, can_be_severe=True,
    ),
    Kind(
        "hold U+FFFD, which stands for characters that were lost",
        "make the file anew from its source, with the right encoding", _LOST.search, can_be_severe=True,
    ),
    Kind(
        "hold control characters; U+0080 to U+009F are windows-1252 punctuation that was read as latin-1",
        "replace or remove them", _CONTROLS.search,
    ),
    Kind("hold invisible characters, such as a byte order mark in the text", "remove them", _INVISIBLE.search),
    Kind(
        "hold HTML tags or entities", "remove tags and unescape entities, here and in texts to be labelled",
        _MARKUP.search,
    ),
    Kind("hold escapes, such as `\\n` in two characters", "unescape them when the file is made", _ESCAPES.search),
    Kind(
        "begin with headers of mails or news, whose author may give the class away",
        "remove them, unless the texts to be labelled have the same ones", _HEADERS.match,
    ),
]  # fmt: skip


class OddCharacters:
    """A count of texts with odd characters, in constant memory."""

    def __init__(self) -> None:
        self.totals: Counter[str] = Counter()
        self.counts: list[Counter[str]] = [Counter() for _ in KINDS]  # split -> texts
        self.examples: list[list[Shown]] = [[] for _ in KINDS]

    def add(self, split: str, _row: int, example: Example) -> None:
        self.totals[split] += 1
        text = example.text[:_LONGEST]
        for kind, counts, examples in zip(KINDS, self.counts, self.examples, strict=True):
            if match := kind.find(text):
                counts[split] += 1
                if len(examples) < EXAMPLES:
                    around = text[max(0, match.start() - _AROUND) : match.start() + _AROUND].strip("\r\n\t ")
                    examples.append(Shown(f"{example.where}: {short(around)}", [example.where]))

    def findings(self) -> Iterator[Finding]:
        """A finding for each kind, over all splits."""
        totals = self.totals
        for kind, counts, examples in zip(KINDS, self.counts, self.examples, strict=True):
            texts = ", ".join(f"{count:,} of {totals[split]:,} {split} texts" for split, count in counts.items())
            severe = kind.can_be_severe and any(is_severe(count, totals[split]) for split, count in counts.items())
            if counts:
                text = f"{texts} {kind.text}"
                yield Finding("characters", text, severe, kind.remedy, examples, count=counts.total())
