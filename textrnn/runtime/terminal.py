"""Text for a terminal: control characters made visible, columns aligned even with wide characters."""

from __future__ import annotations

import json
import re
import shutil
import sys
import textwrap
from collections.abc import Sequence
from typing import Any

from wcwidth import wcswidth

# Characters that a terminal obeys instead of showing: control characters, and those that turn the writing direction.
_CONTROLS = (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
# Invisible characters: soft hyphen, zero-width spaces, direction marks, fillers, tags.
_INVISIBLE = (
    0xAD, 0x034F, 0x061C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180E, 0x200B, 0x200E, 0x200F, *range(0x2060, 0x2066),
    *range(0x206A, 0x2070), 0x2800, 0x3164, 0xFEFF, 0xFFA0, *range(0xFFF9, 0xFFFC), *range(0xE0000, 0xE0080),
)  # fmt: skip
_SELECTORS = (*range(0x180B, 0x180E), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))  # variation selectors
_ESCAPED = {code: chr(code).encode("unicode_escape").decode() for code in (*_CONTROLS, *_INVISIBLE) if code != 0x0A}
_REMOVED = dict.fromkeys((*_INVISIBLE, *_SELECTORS, 0x200C, 0x200D, *range(0x202A, 0x202F), *range(0x2066, 0x206A)))
# Persian, Indic scripts and emoji need joiners inside words; beside plain letters joiners have no effect.
_NEEDLESS_JOINER = re.compile("(?<![^\x00-\u02ff])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\u02ff])")
_SURROGATES = range(0xD800, 0xE000)  # halves of characters, which UTF-8 cannot hold
_BREAKS = str.maketrans(dict.fromkeys("\t\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029", " "))
_AS_JSON = {code: f"\\u{code:04x}" for code in (*_CONTROLS, *_SURROGATES) if code >= 0x20}


def visible(text: str) -> str:
    """The text with `\\x1b`, `\\u200b` and the like in place of control and invisible characters; line feeds stay."""
    return _NEEDLESS_JOINER.sub(lambda match: f"\\u{ord(match[0]):04x}", text).translate(_ESCAPED)


def without_invisible(text: str) -> str:
    """The text without invisible characters, including joiners and variation selectors."""
    return text.translate(_REMOVED)


def json_text(value: Any, indent: int | None = None) -> str:
    """JSON and a line feed, on one line or indented by `indent` spaces. Control characters become `\\u009b` and the
    like; letters are not escaped."""
    return json.dumps(value, ensure_ascii=False, indent=indent, allow_nan=False).translate(_AS_JSON) + "\n"


def count_of(number: int, noun: str) -> str:
    """`1 text`, `2,000 texts`."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def duration(seconds: float) -> str:
    """`35 s`, `4 min`, `3.5 h`: rounded, but never to 0, for an estimate."""
    if seconds < 90:
        return f"{max(5, 5 * round(seconds / 5))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def one_line(text: str) -> str:
    """The text with a space in place of each tab and line end, so that it fits in a column of a tsv file."""
    return text.translate(_BREAKS)


def display_width(text: str) -> int:
    """The width in terminal columns; the number of code points if there are control characters, which have no width."""
    width = wcswidth(text)
    return len(text) if width < 0 else width


def stdout_columns() -> int | None:
    """The width of the terminal on stdout; None for a file or pipe."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def cut(text: str, width: int) -> str:
    """The text, or its beginning and `…` if it is wider than `width` terminal columns."""
    if display_width(text) <= width:
        return text
    text = text[: 4 * width]  # the rest would not fit, since few characters have no width
    while display_width(text) >= width:
        text = text[:-1]
    return text + "…"


def aligned(rows: Sequence[Sequence[str]], left: int = 1) -> list[str]:
    """Lines with the first `left` columns aligned to the left, the others to the right, two spaces apart."""
    widths = [max(map(display_width, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        gaps = [" " * (width - display_width(cell)) for cell, width in zip(row, widths, strict=True)]
        cells = [cell + gap if i < left else gap + cell for i, (cell, gap) in enumerate(zip(row, gaps, strict=True))]
        lines.append("  ".join(cells).rstrip())
    return lines


def wrapped(line: str, columns: int | None, indent: int = 0) -> str:
    """The line, wrapped to `columns` terminal columns; unchanged if None, as for a file or pipe."""
    return line if columns is None else textwrap.fill(line, columns, subsequent_indent=" " * indent)
