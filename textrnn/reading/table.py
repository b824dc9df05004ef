"""tsv and csv: rows of fields -> records. If a column is given by name, the first row is a header."""

from __future__ import annotations

import contextlib
import csv
import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import NamedTuple

from textrnn.errors import DataError, short
from textrnn.reading.decoding import UNDECODABLE, misreading, strip_line_end
from textrnn.reading.headers import (
    BLANK,
    HeaderError,
    UndecodableHeaderError,
    header_advice,
    is_header,
    is_numbering,
    looks_quoted,
    missing_columns,
    short_row_problem,
)
from textrnn.reading.records import BadRow, Record, empty_text, join_texts, quoted
from textrnn.reading.source import Column, Source
from textrnn.runtime.terminal import count_of

Row = tuple[int, list[str]]  # the line it begins on (1-based), its fields


DELIMITERS = (",", ";", "\t", "|")  # tried in this order
_STATED_DELIMITER = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)  # Excel's first line, above the header
_SAMPLE_CHARACTERS = 1 << 20
_ENOUGH_ROWS = 5  # needed to choose anything but a comma if only one column is read
_LONGEST_FIELD = 50_000_000  # characters; a longer field means a missing quote
# csv.reader ends a row at a lone CR; a lone surrogate, which no decoded text can hold, stands in for it
_CARRIAGE_RETURN, _STAND_IN = re.compile("\r(?!\n)"), "\udc0d"


class Layout(NamedTuple):
    """Positions of texts, label and weight (None: not read), and the names of all columns."""

    texts: list[int]
    label: int | None
    weight: int | None
    names: list[str]


def table_records(lines: Iterable[str], kind: str, name: str, source: Source) -> Iterator[Record | BadRow]:
    """The records of a table. kind: tsv or csv. Raises DataError as `_records` does."""
    rows, _ = table_rows(lines, kind, source)
    yield from _records(rows, kind, name, source)


def table_rows(lines: Iterable[str], kind: str, source: Source) -> tuple[Iterator[Row | BadRow], str]:
    """The rows, and the character that separates their fields: a tab in tsv, which has no quoting; in csv the one that
    the source gives, that the first line states (`sep=;`), or that fits the first `source.sample_lines`."""
    if kind == "tsv":
        return ((number, strip_line_end(line).split("\t")) for number, line in enumerate(lines, start=1)), "\t"
    stream = iter(lines)
    sample = list(islice(stream, 1))
    stated = _STATED_DELIMITER.fullmatch("".join(sample))
    delimiter = source.delimiter or (stated and stated[1])
    if delimiter is None:
        size = sum(map(len, sample))
        for line in islice(stream, source.sample_lines - 1):
            sample.append(line)
            size += len(line)
            if size > _SAMPLE_CHARACTERS:
                break
        delimiter = find_delimiter(sample, source)
    rows = _csv_rows(chain(sample, stream), delimiter)
    if stated is not None:
        next(rows, None)
    return rows, delimiter


def find_delimiter(sample: list[str], source: Source) -> str:
    """The first delimiter for which the header has the required columns, if they are names; else one that splits most
    rows into the same, sufficient number of fields. If several do, the one with the fewest different labels."""
    names = {column for column in source.required_columns if isinstance(column, str)}
    columns = (*source.text_columns, source.label_column, source.weight_column if source.labelled else None)
    numbers = [column for column in columns if isinstance(column, int)]
    rows = {delimiter: _sample_rows(sample, delimiter) for delimiter in DELIMITERS}
    if names:
        for delimiter, split_rows in rows.items():
            if split_rows and names <= {field.strip() for field in split_rows[0]}:
                return delimiter
    elif source.label_column is None and numbers == [0] and len(rows[","]) < _ENOUGH_ROWS:
        return ","  # a single column, whose texts may contain the other delimiters
    needed = max([2, *(number + 1 for number in numbers)])
    evenness = {}
    for delimiter, split_rows in rows.items():  # the share of rows with the most common number of fields
        (width, count), *_ = Counter(map(len, split_rows)).most_common(1) or [(0, 0)]
        evenness[delimiter] = count / len(split_rows) if width >= needed else 0.0
    best = max(evenness.values())
    if not best:
        return ","
    candidates = [delimiter for delimiter, share in evenness.items() if share > 0.9 * best]
    if isinstance(source.label_column, int):
        index = source.label_column
        return min(candidates, key=lambda delimiter: len({row[index] for row in rows[delimiter] if len(row) > index}))
    return candidates[0]


def _sample_rows(sample: list[str], delimiter: str) -> list[list[str]]:
    """The rows that are not empty, without the last, which may be cut off."""
    csv.field_size_limit(_LONGEST_FIELD)
    reader = csv.reader((strip_line_end(line).replace("\r", " ") + "\n" for line in sample), delimiter=delimiter)
    rows: list[list[str]] = []
    with contextlib.suppress(csv.Error):
        rows += (row for row in reader if row)
    return rows[:-1] if len(rows) > 1 else rows


def _csv_rows(lines: Iterator[str], delimiter: str) -> Iterator[Row | BadRow]:
    """The rows; quoted fields may contain delimiters and line ends. A row that cannot be parsed becomes a bad row of
    one line, and reading continues with the next line."""
    csv.field_size_limit(_LONGEST_FIELD)
    unread: deque[str] = deque()  # lines after the first of a bad row, to be read again
    row_lines: list[str] = []  # the lines of the current row
    has_stand_in = False

    def protected_lines() -> Iterator[str]:
        nonlocal has_stand_in
        while (line := unread.popleft() if unread else next(lines, None)) is not None:
            row_lines.append(line)
            if "\r" in line:
                line, count = _CARRIAGE_RETURN.subn(_STAND_IN, line)
                has_stand_in |= count > 0
            yield line

    reader = csv.reader(protected_lines(), strict=True, delimiter=delimiter)
    begin = 1
    while True:
        row_lines.clear()
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield BadRow(
                begin,
                f"cannot parse the csv row that begins here ({error}): close each quoted field, and write a quote "
                f'inside one as ""',
            )
            unread.extendleft(reversed(row_lines[1:]))
            reader = csv.reader(protected_lines(), strict=True, delimiter=delimiter)
            begin += 1
            continue
        if has_stand_in:
            row = [field.replace(_STAND_IN, "\r") for field in row]
        yield begin, row
        begin += len(row_lines)


def _records(rows: Iterator[Row | BadRow], kind: str, name: str, source: Source) -> Iterator[Record | BadRow]:
    """Records of a table. source: its text column, and its label column if labels are read, are set.

    Raises: DataError if the table has no such column, or its header cannot be parsed.
    """
    weight_column = source.weight_column if source.labelled else None
    has_header = any(isinstance(column, str) for column in (*source.text_columns, source.label_column, weight_column))
    is_top = True
    for first in rows:
        if isinstance(first, BadRow):
            if has_header:
                raise DataError(f"{name}:{first.line}: {first.reason}")
            yield first
        elif has_header:
            layout = _layout_by_header(first, rows, name, source)
            break
        elif not source.labelled and first[1] in BLANK:
            yield empty_text(first[0], source)
        elif reason := short_row_problem(first[1], kind, source):
            if source.labelled:
                raise DataError(f"{name}:{first[0]}: {reason}")
            yield BadRow(first[0], reason)
        else:
            layout = _layout_by_number(first, rows, kind, name, source, is_top=is_top)
            rows = chain([first], rows)
            break
        is_top = False
    else:
        return
    texts, label, weight, names = layout
    if label in texts:
        raise DataError(
            f"{name}: text and label are both read from column {short(source.label_column)}: pass another "
            f"--text-column COLUMN or --label-column COLUMN"
        )
    if weight is not None and weight in (*texts, label):
        raise DataError(
            f"{name}: data.weight_column {short(source.weight_column)} is also the column of texts or labels: name the "
            f"column of weights"
        )
    width = len(names)
    takes_rest = kind == "tsv" and width - 1 in texts  # further fields belong to the last one, a text with tabs
    for row in rows:
        if isinstance(row, BadRow):
            yield row
            continue
        line, fields = row
        if takes_rest and len(fields) > width:
            fields = [*fields[: width - 1], "\t".join(fields[width - 1 :])]
        if label is None and fields in BLANK:
            yield empty_text(line, source)
        elif len(fields) != width:
            shown = f"{len(fields)}: {quoted(fields)}" if any(map(str.strip, fields)) else "an empty line"
            yield BadRow(line, f"expected {count_of(width, 'field')}, found {shown}")
        else:
            text = fields[texts[0]] if len(texts) == 1 else join_texts(fields[place] for place in texts)
            kept_row = dict(zip(names, fields, strict=True)) if source.keep else None
            own_label, own_weight = (None if place is None else fields[place].strip() for place in (label, weight))
            yield Record(line, text, own_label, kept_row, own_weight)


def _layout_by_header(header: Row, rows: Iterator[Row | BadRow], name: str, source: Source) -> Layout:
    """The layout of a table with a header. rows: the rows below it, for the guess of columns in a message."""
    where, names = f"{name}:{header[0]}", [field.strip() for field in header[1]]
    if not any(names):
        needed = " and ".join(map(short, source.required_columns))
        plural = "s" * (len(source.required_columns) > 1)
        raise DataError(f"{where}: expected a header with the column{plural} {needed}, found an empty line: remove it")
    places: dict[Column, int] = {}
    for column in source.required_columns:
        if isinstance(column, int):
            if column >= len(names):
                raise DataError(f"{where}: no column {column} (0-based); the header is: {quoted(names)}")
            places[column] = column
        elif names.count(column) > 1:
            raise DataError(
                f"{where}: the header has more than one column {short(column)}: {quoted(names)}; rename all but one"
            )
        elif column in names:
            places[column] = names.index(column)
    if not places.keys() >= set(source.required_columns):
        if any(UNDECODABLE in field for field in names):
            raise UndecodableHeaderError(where)
        sample = _next_rows(rows, source)
        advice = misreading(names, sample, source.encoding, source.options.encoding)
        raise DataError(f"{where}: {advice or missing_columns(names, sample, source, places)}")
    names = [field or str(i) for i, field in enumerate(names)]
    duplicate = next((field for field in names if names.count(field) > 1), None) if source.keep else None
    if duplicate is not None:
        raise DataError(
            f"{where}: the header has more than one column {short(duplicate)}, but only one can be kept: rename the "
            f"others"
        )
    label, weight = (
        places[column] if source.labelled and column is not None else None
        for column in (source.label_column, source.weight_column)
    )
    return Layout([places[column] for column in source.text_columns], label, weight, names)


def _layout_by_number(
    first: Row, rows: Iterator[Row | BadRow], kind: str, name: str, source: Source, *, is_top: bool
) -> Layout:
    """The layout of a table without a header. first: the first good row. rows: the rows after it. is_top: whether
    `first` is the first row of the file."""
    line, row = first
    texts = [int(column) for column in source.text_columns]
    label, weight = (
        int(column) if source.labelled and column is not None else None
        for column in (source.label_column, source.weight_column)
    )
    other_fields = [field for i, field in enumerate(row) if i not in texts] if label is None else [row[label]]
    is_numbered = kind == "csv" and label is not None and is_numbering(row)
    if is_top and (is_numbered or is_header(row[texts[0]], other_fields)):
        is_quoted = kind == "tsv" and any(map(looks_quoted, chain(row, *_next_rows(rows, source)[:1])))
        text_fields, label_field = [row[place] for place in texts], None if label is None else row[label]
        reason = header_advice(text_fields, label_field, row, source.options, is_quoted=is_quoted)
        raise HeaderError(f"{name}:{line}: {reason}")
    # `label<TAB>text`: everything after the first tab is text
    text_ends_row = kind == "tsv" and isinstance(source.label_column, int) and max(texts) > source.label_column
    needed = max(map(int, source.required_columns)) + 1
    return Layout(texts, label, weight, list(map(str, range(needed if text_ends_row else len(row)))))


def _next_rows(rows: Iterator[Row | BadRow], source: Source) -> list[list[str]]:
    """The next rows, for the guess in a message; none in a live stream, whose next row may take long to arrive."""
    if source.sample_lines <= 1:
        return []
    return [row[1] for row in islice(rows, source.sample_lines) if not isinstance(row, BadRow)]
