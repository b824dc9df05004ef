"""Lines -> records, by the format of the file. Knows nothing of folders, label names or what happens to a bad row."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from textrnn.data.delimiter import with_delimiter
from textrnn.data.jsonl import jsonl_records
from textrnn.data.records import BadRow, Column, Columns, Record, strip_line_end
from textrnn.data.table import csv_rows, table_records, tsv_rows

DEFAULT_COLUMNS: dict[str, tuple[Column, Column]] = {
    "tsv": (1, 0),
    "csv": ("text", "label"),
    "jsonl": ("text", "label"),
}
_FASTTEXT_LABEL = re.compile(r"__label__(\S+)(?:[ \t]+|$)")


def parse(lines: Iterable[str], kind: str, name: str, columns: Columns) -> Iterator[Record | BadRow]:
    """Records of one file.

    lines: with their line ends. kind: tsv, csv, jsonl, fasttext or, without labels, text (a line is a text).
    name: of the file, for messages.

    Raises: DataError where the whole file does not fit (no such column).
    """
    if kind == "text":
        kept: dict[str, Any] | None = {} if columns.keep else None
        return (Record(number, strip_line_end(line), None, kept) for number, line in enumerate(lines, start=1))
    if kind == "fasttext":
        return _fasttext(lines, columns)
    columns = _with_defaults(columns, kind)
    if kind == "jsonl":
        return jsonl_records(lines, name, columns)
    if kind == "tsv":
        return table_records(tsv_rows(lines), kind, name, columns)
    return _csv_records(lines, name, columns)


def _csv_records(lines: Iterable[str], name: str, columns: Columns) -> Iterator[Record | BadRow]:
    lines, delimiter = with_delimiter(lines, columns)
    yield from table_records(csv_rows(lines, delimiter), "csv", name, columns)


def _with_defaults(columns: Columns, kind: str) -> Columns:
    default_text, default_label = DEFAULT_COLUMNS[kind]
    text, label = columns.text, columns.label
    # a file of texts alone whose text column is set need not have the default label column
    if label is None and (columns.labelled or text is None):
        label = default_label
    return replace(columns, text=default_text if text is None else text, label=label)


def _fasttext(lines: Iterable[str], columns: Columns) -> Iterator[Record | BadRow]:
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
        else:
            yield Record(number, rest, match.group(1))
