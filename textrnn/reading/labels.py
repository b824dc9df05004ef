"""Labels of rows: which ones are valid, and the file that names 0-based label ids."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal

from textrnn.errors import DataError, short
from textrnn.reading.decoding import read_text
from textrnn.runtime.terminal import without_invisible

_ID_AND_NAME = re.compile(r"(\d{1,9})[\s:;,.|=]\s*(\S.*)")
_NUMBER = re.compile(r"[+-]?\d{1,20}(\.\d{0,6})?")


def label_problem(label: str, names: list[str] | None) -> str | None:
    """Why this cannot be the label of a row, or None. names: the names of label ids; None if labels are names."""
    if not label:
        return "expected a label, found none"
    try:
        label.encode("utf-8")  # folder names and JSON escapes can hold halves of characters
    except UnicodeEncodeError:
        return f"expected a label in valid Unicode, found {short(label)}"
    if "\n" in label:
        return f"expected a label on one line, found {short(label)}"
    is_id = label.isascii() and label.isdigit() and len(label) < 20
    if names is not None and not (is_id and int(label) < len(names)):
        return f"expected a label id from 0 to {len(names) - 1} (see data.label_names), found {short(label)}"
    return None


def label_key(label: str) -> str:
    """A key shared by labels that differ only in case, white space, Unicode form (NFKC, such as full width), invisible
    characters or the form of a number (1 and 1.0)."""
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", without_invisible(label)).casefold())
    plain = " ".join(plain.split())
    return format(Decimal(plain).normalize() or Decimal(0), "f") if is_number(plain) else plain


def is_number(label: str) -> bool:
    return _NUMBER.fullmatch(label) is not None


def read_label_names(path: str) -> list[str]:
    """The names of the label ids 0, 1, ..., one per line, perhaps each after its id. Raises DataError `file:line`."""
    content = read_text(path).rstrip()
    names = [line.strip() for line in content.split("\n")] if content else []
    matches = [_ID_AND_NAME.fullmatch(name) for name in names]
    without_ids = [match[2] for number, match in enumerate(matches) if match and int(match[1]) == number]
    if len(set(without_ids)) == len(names):
        names = without_ids
    for number, name in enumerate(names, start=1):
        if not name:
            raise DataError(f"{path}:{number}: expected a label name, found an empty line")
        if name in names[: number - 1]:
            raise DataError(f"{path}:{number}: the label name {short(name)} occurs twice")
    if len(names) < 2:
        raise DataError(f"{path}: expected two or more label names, one per line, found {len(names)}")
    return names
