"""tsv and csv: rows of fields -> records. A column given by name means that the first row is a header."""

from __future__ import annotations

import contextlib
import csv
import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import NamedTuple

from textrnn.errors import DataError, short
from textrnn.reading.headers import (
    BLANK,
    HeaderError,
    header_found,
    is_header,
    is_numbering,
    lacking_columns,
    looks_quoted,
    missing_columns,
)
from textrnn.reading.records import BadRow, Column, Columns, Record, count_of, join_texts, quoted, strip_line_end

Row = tuple[int, list[str]]  # the line it begins on (1-based), its fields

DELIMITERS = (",", ";", "\t", "|")  # in this order if several fit
_STATED_DELIMITER = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)  # Excel's first line, above the header
_SAMPLE_CHARACTERS = 1 << 20
_ENOUGH_ROWS = 5  # to take anything but a comma if a single column is wanted
_LONGEST_FIELD = 50_000_000  # characters; a longer field means a missing quote
# csv.reader ends a row at a lone CR; a lone surrogate, which no decoded text can hold, stands in for it
_CARRIAGE_RETURN, _STAND_IN = re.compile("\r(?!\n)"), "\udc0d"


def tsv_records(lines: Iterable[str], name: str, columns: Columns) -> Iterator[Record | BadRow]:
    """Fields between tabs, without quoting. Raises DataError as _records does."""
    rows = ((number, strip_line_end(line).split("\t")) for number, line in enumerate(lines, start=1))
    return _records(rows, "tsv", name, columns)


def csv_records(lines: Iterable[str], name: str, columns: Columns) -> Iterator[Record | BadRow]:
    """Fields between delimiters: the one that is given, or that the first line states (`sep=;`), or that fits the first
    `columns.sample_lines`. Raises DataError as _records does."""
    stream = iter(lines)
    sample = list(islice(stream, 1))
    stated = _STATED_DELIMITER.fullmatch("".join(sample))
    delimiter = columns.delimiter or (stated and stated[1])
    if delimiter is None:
        size = sum(map(len, sample))
        for line in islice(stream, columns.sample_lines - 1):
            sample.append(line)
            size += len(line)
            if size > _SAMPLE_CHARACTERS:
                break
        delimiter = find_delimiter(sample, columns)
    rows = _csv_rows(chain(sample, stream), delimiter)
    if stated is not None:
        next(rows, None)
    yield from _records(rows, "csv", name, columns)


def find_delimiter(sample: list[str], columns: Columns) -> str:
    """The first delimiter with which the header has the columns that are asked for by name; else one that divides most
    rows into equally many fields, and enough of them. Of several such ones, that with the fewest different labels."""
    names = {column for column in columns.required if isinstance(column, str)}
    numbers = [column for column in (*columns.texts, columns.label) if isinstance(column, int)]
    rows = {delimiter: _sample_rows(sample, delimiter) for delimiter in DELIMITERS}
    if names:
        for delimiter, divided in rows.items():
            if divided and names <= {field.strip() for field in divided[0]}:
                return delimiter
    elif columns.label is None and numbers == [0] and len(rows[","]) < _ENOUGH_ROWS:
        return ","  # a single column, perhaps of texts that hold the others
    needed = max([2, *(number + 1 for number in numbers)])
    evenness = {}
    for delimiter, divided in rows.items():  # the share of rows with the most common number of fields
        (width, count), *_ = Counter(map(len, divided)).most_common(1) or [(0, 0)]
        evenness[delimiter] = count / len(divided) if width >= needed else 0.0
    best = max(evenness.values())
    if not best:
        return ","
    even = [delimiter for delimiter, share in evenness.items() if share > 0.9 * best]
    if isinstance(columns.label, int):
        at = columns.label
        return min(even, key=lambda delimiter: len({row[at] for row in rows[delimiter] if len(row) > at}))
    return even[0]


def _sample_rows(sample: list[str], delimiter: str) -> list[list[str]]:
    """The rows that are not empty, without the last one, which may be cut off."""
    csv.field_size_limit(_LONGEST_FIELD)
    reader = csv.reader((strip_line_end(line).replace("\r", " ") + "\n" for line in sample), delimiter=delimiter)
    rows: list[list[str]] = []
    with contextlib.suppress(csv.Error):
        rows += (row for row in reader if row)
    return rows[:-1] if len(rows) > 1 else rows


def _csv_rows(lines: Iterator[str], delimiter: str) -> Iterator[Row | BadRow]:
    """The rows; quoted fields may hold delimiters and line ends. A row that cannot be parsed is a bad one of one line:
    reading goes on with the next line."""
    csv.field_size_limit(_LONGEST_FIELD)
    again: deque[str] = deque()  # lines after a bad row, to be read anew
    row_lines: list[str] = []  # of the row that is being read
    has_stand_in = False

    def protected() -> Iterator[str]:
        nonlocal has_stand_in
        while (line := again.popleft() if again else next(lines, None)) is not None:
            row_lines.append(line)
            if "\r" in line:
                line, count = _CARRIAGE_RETURN.subn(_STAND_IN, line)
                has_stand_in |= count > 0
            yield line

    reader = csv.reader(protected(), strict=True, delimiter=delimiter)
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
            again.extendleft(reversed(row_lines[1:]))
            reader = csv.reader(protected(), strict=True, delimiter=delimiter)
            begin += 1
            continue
        if has_stand_in:
            row = [field.replace(_STAND_IN, "\r") for field in row]
        yield begin, row
        begin += len(row_lines)


class _Layout(NamedTuple):
    """The places of text and label in a row, and the names of all its columns; label: None if labels are not read."""

    texts: list[int]
    label: int | None
    names: list[str]


def _records(rows: Iterator[Row | BadRow], kind: str, name: str, columns: Columns) -> Iterator[Record | BadRow]:
    """Records of a table. columns: of text, and of labels if they are read, none of them None.

    Raises: DataError if the table has no such column, or its header cannot be parsed.
    """
    first = next(rows, None)
    if first is None:
        return
    if any(isinstance(column, str) for column in (*columns.texts, columns.label)):
        if isinstance(first, BadRow):
            raise DataError(f"{name}:{first.line}: {first.reason}")
        layout = _layout_by_header(first, rows, name, columns)
    else:
        is_top = True
        for row in chain([first], rows):
            if isinstance(row, BadRow):
                yield row
            elif not columns.labelled and row[1] in BLANK:
                yield columns.empty_text(row[0])
            elif reason := lacking_columns(row[1], kind, columns):
                if columns.labelled:
                    raise DataError(f"{name}:{row[0]}: {reason}")
                yield BadRow(row[0], reason)
            else:
                break
            is_top = False
        else:
            return
        layout = _layout_by_number(row, rows, kind, name, columns, is_top=is_top)
        rows = chain([row], rows)
    if layout.label in layout.texts:
        raise DataError(
            f"{name}: text and label are both read from column {short(columns.label)}: pass another --text-column "
            f"COLUMN or --label-column COLUMN"
        )
    takes_rest = kind == "tsv" and len(layout.names) - 1 in layout.texts
    for row in rows:
        yield row if isinstance(row, BadRow) else _record(row, layout, columns, takes_rest)


def _record(numbered_row: Row, layout: _Layout, columns: Columns, takes_rest: bool) -> Record | BadRow:
    """takes_rest: further fields belong to the last one, a text with tabs."""
    line, row = numbered_row
    texts, label, names = layout
    width = len(names)
    if label is None and row in BLANK:
        return columns.empty_text(line)
    if takes_rest and len(row) > width:
        row = [*row[: width - 1], "\t".join(row[width - 1 :])]
    if len(row) == width:
        kept = dict(zip(names, row, strict=True)) if columns.keep else None
        text = row[texts[0]] if len(texts) == 1 else join_texts(row[place] for place in texts)
        return Record(line, text, None if label is None else row[label].strip(), kept)
    found = f"{len(row)}: {quoted(row)}" if any(map(str.strip, row)) else "an empty line"
    return BadRow(line, f"expected {count_of(width, 'field')}, found {found}")


def _layout_by_header(header: Row, rows: Iterator[Row | BadRow], name: str, columns: Columns) -> _Layout:
    """rows: those after the header, from which a message guesses the columns that are meant."""
    where, names = f"{name}:{header[0]}", [field.strip() for field in header[1]]
    if not any(names):
        asked = " and ".join(map(short, columns.required))
        plural = "s" * (len(columns.required) > 1)
        raise DataError(f"{where}: expected a header with the column{plural} {asked}, found an empty line: remove it")
    places: dict[Column, int] = {}
    for column in columns.required:
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
    if not places.keys() >= set(columns.required):
        raise DataError(f"{where}: {missing_columns(names, _next_rows(rows, columns), columns, places)}")
    names = [field or str(at) for at, field in enumerate(names)]
    twice = next((field for field in names if names.count(field) > 1), None) if columns.keep else None
    if twice is not None:
        raise DataError(
            f"{where}: the header has more than one column {short(twice)}, of which only one can be kept: rename all "
            f"but one"
        )
    label = places[columns.label] if columns.labelled and columns.label is not None else None
    return _Layout([places[column] for column in columns.texts], label, names)


def _layout_by_number(
    first: Row, rows: Iterator[Row | BadRow], kind: str, name: str, columns: Columns, *, is_top: bool
) -> _Layout:
    """first: the first good row. rows: those after it. is_top: whether it is the first of all rows."""
    line, row = first
    texts = [int(column) for column in columns.texts]
    label = int(columns.label) if columns.labelled and columns.label is not None else None
    others = [field for at, field in enumerate(row) if at not in texts] if label is None else [row[label]]
    is_numbered = kind == "csv" and label is not None and is_numbering(row)
    if is_top and (is_numbered or is_header(row[texts[0]], others)):
        is_quoted = kind == "tsv" and any(map(looks_quoted, chain(row, *_next_rows(rows, columns)[:1])))
        reason = header_found(
            [row[at] for at in texts], None if label is None else row[label], row, columns.options, is_quoted=is_quoted
        )
        raise HeaderError(f"{name}:{line}: {reason}")
    # `label<TAB>text`: everything after the first tab is text
    text_ends_row = kind == "tsv" and isinstance(columns.label, int) and max(texts) > columns.label
    needed = max(map(int, columns.required)) + 1
    return _Layout(texts, label, list(map(str, range(needed if text_ends_row else len(row)))))


def _next_rows(rows: Iterator[Row | BadRow], columns: Columns) -> list[list[str]]:
    """Rows to guess from for a message; none of a live stream, in which the next one may be long in coming."""
    if columns.sample_lines <= 1:
        return []
    return [row[1] for row in islice(rows, columns.sample_lines) if not isinstance(row, BadRow)]
