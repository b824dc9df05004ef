"""Text that a person reads in a terminal: control characters made visible, columns aligned for wide characters too."""

from __future__ import annotations

import json
import re
import shutil
import sys
import textwrap
from collections.abc import Sequence
from typing import Any

from wcwidth import wcswidth

# What a terminal obeys instead of showing it: control characters, and those that turn the direction of writing.
_CONTROLS = (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
# What nobody sees: soft hyphen, zero-width spaces and marks of direction, fillers, tags.
_INVISIBLE = (
    0xAD, 0x034F, 0x061C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180E, 0x200B, 0x200E, 0x200F, *range(0x2060, 0x2066),
    *range(0x206A, 0x2070), 0x2800, 0x3164, 0xFEFF, 0xFFA0, *range(0xFFF9, 0xFFFC), *range(0xE0000, 0xE0080),
)  # fmt: skip
_SELECTORS = (*range(0x180B, 0x180E), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))  # of a character's variant
_ESCAPED = {code: chr(code).encode("unicode_escape").decode() for code in (*_CONTROLS, *_INVISIBLE) if code != 0x0A}
_REMOVED = dict.fromkeys((*_INVISIBLE, *_SELECTORS, 0x200C, 0x200D, *range(0x202A, 0x202F), *range(0x2066, 0x206A)))
# Persian, Indic scripts and emoji need joiners inside words; beside plain letters they do nothing.
_NEEDLESS_JOINER = re.compile("(?<![^\x00-\u02ff])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\u02ff])")
_SURROGATES = range(0xD800, 0xE000)  # halves of characters, which UTF-8 cannot hold
_BREAKS = str.maketrans(dict.fromkeys("\t\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029", " "))
_AS_JSON = {code: f"\\u{code:04x}" for code in (*_CONTROLS, *_SURROGATES) if code >= 0x20}


def visible(text: str) -> str:
    """The text for a person to read, with `\\x1b`, `\\u200b` and the like in place of control characters and invisible
    ones; line feeds stay."""
    return _NEEDLESS_JOINER.sub(lambda match: f"\\u{ord(match[0]):04x}", text).translate(_ESCAPED)


def without_invisible(text: str) -> str:
    """The text without the characters that nobody sees, joiners and selectors of variants among them."""
    return text.translate(_REMOVED)


def json_text(value: Any, indent: int | None = None) -> str:
    """JSON and a line feed: a single line, or with so many spaces of indentation. Letters stay as they are; control
    characters come as `\\u009b` and the like."""
    return json.dumps(value, ensure_ascii=False, indent=indent, allow_nan=False).translate(_AS_JSON) + "\n"


def count_of(number: int, noun: str) -> str:
    """`1 text`, `2,000 texts`."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def one_line(text: str) -> str:
    """The text with every tab and line end replaced by a space, so that it fits in a column of a tsv file."""
    return text.translate(_BREAKS)


def display_width(text: str) -> int:
    """Terminal columns; control characters, which have none, count as the code points they are."""
    width = wcswidth(text)
    return len(text) if width < 0 else width


def stdout_columns() -> int | None:
    """The width of the terminal on stdout; None for a file or pipe."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def cut(text: str, width: int) -> str:
    """The text, or its beginning and `…` where it is wider than `width` terminal columns."""
    if display_width(text) <= width:
        return text
    text = text[: 4 * width]  # the rest would not fit: there are few characters without a width
    while display_width(text) >= width:
        text = text[:-1]
    return text + "…"


def aligned(rows: Sequence[Sequence[str]], left: int = 1) -> list[str]:
    """Lines with the first `left` columns aligned to the left, the others to the right, two spaces apart."""
    widths = [max(map(display_width, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        gaps = [" " * (width - display_width(cell)) for cell, width in zip(row, widths, strict=True)]
        cells = [cell + gap if at < left else gap + cell for at, (cell, gap) in enumerate(zip(row, gaps, strict=True))]
        lines.append("  ".join(cells).rstrip())
    return lines


def wrapped(line: str, columns: int | None, indent: int = 0) -> str:
    """The line, broken to fit a terminal of so many columns; None: of a file or pipe."""
    return line if columns is None else textwrap.fill(line, columns, subsequent_indent=" " * indent)
