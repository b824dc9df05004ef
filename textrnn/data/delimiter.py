"""What separates the fields of a csv file, where the user has not said it."""

from __future__ import annotations

import contextlib
import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain, islice

from textrnn.data.records import Columns, strip_line_end
from textrnn.data.table import LONGEST_FIELD

DELIMITERS = (",", ";", "\t", "|")  # in this order where several fit
_SAMPLE_CHARACTERS = 1 << 20
_STATED = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)  # Excel's first line, above the header
_ENOUGH_ROWS = 5  # to take anything but a comma where a single column is wanted


def stated_delimiter(line: str) -> str | None:
    """The delimiter that a first line `sep=;` states, as Excel writes and reads it; None for any other line."""
    match = _STATED.fullmatch(line)
    return None if match is None else match[1]


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
    """The first delimiter with which the header has the columns that are asked for by name; else one that divides most
    rows into equally many fields, and enough of them. Of several such ones, that with the fewest different labels."""
    wanted = [*columns.texts, *([] if columns.label is None else [columns.label])]
    names = {column for column in wanted if isinstance(column, str) and (columns.labelled or column in columns.texts)}
    rows = {delimiter: _rows(sample, delimiter) for delimiter in DELIMITERS}
    if names:
        for delimiter, found in rows.items():
            if found and names <= {field.strip() for field in found[0]}:
                return delimiter
    elif wanted == [0] and len(rows[","]) < _ENOUGH_ROWS:
        return ","  # a single column, perhaps of texts that hold the others
    needed = max([2, *(column + 1 for column in wanted if isinstance(column, int))])
    evenness = {delimiter: _evenness(found, needed) for delimiter, found in rows.items()}
    best = max(evenness.values())
    if not best:
        return ","
    even = [delimiter for delimiter, share in evenness.items() if share > 0.9 * best]
    if isinstance(columns.label, int):
        at = columns.label
        return min(even, key=lambda delimiter: len({row[at] for row in rows[delimiter] if len(row) > at}))
    return even[0]


def _evenness(rows: list[list[str]], needed: int) -> float:
    """The share of rows with the most common number of fields; 0 where these are too few."""
    widths = Counter(map(len, rows)).most_common(1)
    return widths[0][1] / len(rows) if widths and widths[0][0] >= needed else 0.0


def _rows(sample: list[str], delimiter: str) -> list[list[str]]:
    """The rows that are not empty, without the last one, which may be cut."""
    csv.field_size_limit(LONGEST_FIELD)
    reader = csv.reader((strip_line_end(line).replace("\r", " ") + "\n" for line in sample), delimiter=delimiter)
    rows: list[list[str]] = []
    with contextlib.suppress(csv.Error):
        rows += (row for row in reader if row)
    return rows[:-1] if len(rows) > 1 else rows
