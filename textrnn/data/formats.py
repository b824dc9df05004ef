"""Lines -> records, by the format of the file. Knows nothing of folders, label names or what happens to a bad row."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain
from typing import Any

from textrnn.data.delimiter import stated_delimiter, with_delimiter
from textrnn.data.jsonl import jsonl_records
from textrnn.data.records import BadRow, Column, Columns, Record, strip_line_end
from textrnn.data.table import csv_rows, table_records, tsv_rows
from textrnn.errors import DataError, short

DEFAULT_COLUMNS: dict[str, tuple[Column, Column]] = {
    "tsv": (1, 0),
    "csv": ("text", "label"),
    "jsonl": ("text", "label"),
}
_LABEL = "__label__"
_COMMA = re.compile(r"__label__[^,\s]+\s*,")
_FASTTEXT_LABEL = re.compile(r"__label__(\S+)(?:[ \t]+|$)")


def parse(lines: Iterable[str], kind: str, name: str, columns: Columns) -> Iterator[Record | BadRow]:
    """Records of one file.

    lines: with their line ends. kind: tsv, csv, jsonl, fasttext or, without labels, text (a line is a text).
    name: of the file, for messages.

    Raises: DataError if the whole file does not fit (no such column, another format, line ends of old Macs).
    """
    if kind == "text":
        kept: dict[str, Any] | None = {} if columns.keep else None
        return (Record(number, strip_line_end(line), None, kept) for number, line in enumerate(lines, start=1))
    if columns.labelled:
        lines = _checked_lines(lines, kind, name, columns)
    if kind == "fasttext":
        return _fasttext(lines, name, columns)
    columns = _with_defaults(columns, kind)
    if kind == "jsonl":
        return jsonl_records(lines, name, columns)
    if kind == "tsv":
        return table_records(tsv_rows(lines), kind, name, columns)
    return _csv_records(lines, name, columns)


def _csv_records(lines: Iterable[str], name: str, columns: Columns) -> Iterator[Record | BadRow]:
    stream = iter(lines)
    first = next(stream, "")
    stated = stated_delimiter(first)
    if stated is not None and columns.delimiter is None:
        columns = replace(columns, delimiter=stated)
    stream, delimiter = with_delimiter(chain([first] * bool(first), stream), columns)
    rows = csv_rows(stream, delimiter)
    if stated is not None:
        next(rows, None)
    yield from table_records(rows, "csv", name, columns)


def _checked_lines(lines: Iterable[str], kind: str, name: str, columns: Columns) -> Iterator[str]:
    """The same lines. Raises DataError at a first line that shows that the file is of another kind."""
    stream = iter(lines)
    first = next(stream, "")
    check_line_end(first, name)
    has_default_columns = columns.text is None and columns.label is None
    if (
        kind in ("csv", "tsv")
        and has_default_columns
        and first.startswith(_LABEL)
        and not (kind == "tsv" and "\t" in first)
    ):
        remedy = comma_remedy(first, name) or f"pass {columns.options.format}fasttext"
        raise DataError(f"{name}:1: expected {kind}, found a line of fastText, {short(first.strip())}: {remedy}")
    yield from chain([first] * bool(first), stream)


def check_line_end(line: str, name: str) -> None:
    """Raises DataError for the only line of a file whose lines end in carriage returns alone."""
    if "\r" in line and not line.endswith("\n"):
        raise DataError(
            f"{name}: the lines end in carriage returns (\\r) without line feeds, as on old Macs: convert the file "
            f"with tr '\\r' '\\n' < {shlex.quote(name)} > NEW"
        )


def comma_remedy(line: str, name: str) -> str | None:
    """What to do about a comma behind the label of a fastText line; None if there is none."""
    if _COMMA.match(line) is None:
        return None
    return (
        f"the label ends at white space, so a comma belongs to it: remove commas after labels with "
        f"sed 's/^\\(__label__[^, ]*\\) *, */\\1 /' {shlex.quote(name)} > NEW.txt"
    )


def _with_defaults(columns: Columns, kind: str) -> Columns:
    default_text, default_label = DEFAULT_COLUMNS[kind]
    text, label = columns.text, columns.label
    # a file of texts alone whose text column is set need not have the default label column
    if label is None and (columns.labelled or text is None):
        label = default_label
    return replace(columns, text=default_text if text is None else text, label=label)


def _fasttext(lines: Iterable[str], name: str, columns: Columns) -> Iterator[Record | BadRow]:
    for number, line in enumerate(lines, start=1):
        line = strip_line_end(line)
        match = _FASTTEXT_LABEL.match(line)
        rest = line[match.end() :] if match else line
        if not columns.labelled:
            row = {"label": match.group(1)} if match else {}
            yield Record(number, rest, None, row if columns.keep else None)
        elif match is None:
            yield BadRow(number, f"expected `__label__NAME text`, found {line[:40]!r}")
        elif _FASTTEXT_LABEL.match(rest):
            yield BadRow(number, f"expected one label, found several: {line[:60]!r}")
        elif match.group(1).endswith(","):
            yield BadRow(number, f"expected `__label__NAME text`, found {line[:40]!r}: {comma_remedy(line, name)}")
        else:
            yield Record(number, rest, match.group(1))
