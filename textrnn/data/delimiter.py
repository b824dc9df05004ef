"""What separates the fields of a csv file, where the user has not said it."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from itertools import chain, islice

from textrnn.data.records import Columns, strip_line_end

DELIMITERS = (",", ";", "\t", "|")
_SAMPLE_CHARACTERS = 1 << 20


def with_delimiter(lines: Iterable[str], columns: Columns) -> tuple[Iterator[str], str]:
    """The same lines, and the delimiter of their fields, told from the first `columns.sample_lines` of them."""
    stream = iter(lines)
    if columns.delimiter is not None:
        return stream, columns.delimiter
    sample: list[str] = []
    characters = 0
    for line in islice(stream, columns.sample_lines):
        sample.append(line)
        characters += len(line)
        if characters > _SAMPLE_CHARACTERS:
            break
    return chain(sample, stream), find_delimiter(sample, columns)


def find_delimiter(sample: list[str], columns: Columns) -> str:
    """The first delimiter with which the header has the columns that are asked for by name; else the first one that
    divides all rows into equally many fields, and enough of them; else the one that finds most fields in the first
    row."""
    wanted = [columns.text, columns.label] if columns.labelled else [columns.text]
    names = {column for column in wanted if isinstance(column, str)}
    needed = max([2, *(column + 1 for column in wanted if isinstance(column, int))])
    rows = {delimiter: _rows(sample, delimiter) for delimiter in DELIMITERS}
    if names:
        for delimiter, found in rows.items():
            if found and names <= {field.strip() for field in found[0]}:
                return delimiter
    for delimiter, found in rows.items():
        if len({len(row) for row in found}) == 1 and len(found[0]) >= needed:
            return delimiter
    return max(rows, key=lambda delimiter: len(rows[delimiter][0]) if rows[delimiter] else 0)


def _rows(sample: list[str], delimiter: str) -> list[list[str]]:
    """The rows that are not empty, without the last one, which may be cut."""
    lines = (strip_line_end(line).replace("\r", " ") + "\n" for line in sample)
    try:
        rows = [row for row in csv.reader(lines, delimiter=delimiter) if row]
    except csv.Error:
        return []
    return rows[:-1] if len(rows) > 1 else rows
