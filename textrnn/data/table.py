"""tsv and csv: rows of fields -> records. A column given by name means that the first row is a header."""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice

from textrnn.data.headers import (
    HeaderError,
    header_found,
    is_header,
    is_numbering,
    looks_quoted,
    missing_columns,
)
from textrnn.data.records import BadRow, Column, Columns, Record, count_of, join_texts, quoted, strip_line_end
from textrnn.errors import DataError, short

Row = tuple[int, list[str]]  # the line it begins on (1-based), its fields

_BLANK: tuple[list[str], ...] = ([], [""])  # a blank line; without labels, it is an empty text
LONGEST_FIELD = 50_000_000  # characters; a longer field means a missing quote
# csv.reader ends a row at a lone CR; a lone surrogate, which no decoded text can hold, stands in for it
_CARRIAGE_RETURN, _STAND_IN = re.compile("\r(?!\n)"), "\udc0d"


def tsv_rows(lines: Iterable[str]) -> Iterator[Row | BadRow]:
    """Fields between tabs, without quoting."""
    for number, line in enumerate(lines, start=1):
        yield number, strip_line_end(line).split("\t")


def csv_rows(lines: Iterable[str], delimiter: str) -> Iterator[Row | BadRow]:
    """Fields between delimiters; quoted ones may hold those and line ends. A row that cannot be parsed is a bad one of
    one line: reading goes on with the next line."""
    csv.field_size_limit(LONGEST_FIELD)
    stream = iter(lines)
    again: deque[str] = deque()  # lines after a bad row that the parser has taken already
    row_lines: list[str] = []  # of the row that is being read
    has_stand_in = False

    def protected() -> Iterator[str]:
        nonlocal has_stand_in
        while (line := again.popleft() if again else next(stream, None)) is not None:
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


@dataclass(frozen=True)
class Layout:
    """Where the parts of a record are in a row of `width` fields.

    texts: of several, the text is joined. label: None where labels are not read. last_takes_rest: further fields belong
    to the last one, a text with tabs. names: of the columns, where records keep their fields.
    """

    texts: list[int]
    label: int | None
    width: int
    last_takes_rest: bool
    names: list[str] | None = None

    def record(self, line: int, row: list[str]) -> Record | BadRow:
        if self.label is None and row in _BLANK:
            return Record(line, "", None, None if self.names is None else {})
        if self.last_takes_rest and len(row) > self.width:
            row = [*row[: self.width - 1], "\t".join(row[self.width - 1 :])]
        if len(row) == self.width:
            kept = None if self.names is None else dict(zip(self.names, row, strict=True))
            text = row[self.texts[0]] if len(self.texts) == 1 else join_texts(row[place] for place in self.texts)
            return Record(line, text, None if self.label is None else row[self.label].strip(), kept)
        expected = f"expected {count_of(self.width, 'field')}"
        if not any(field.strip() for field in row):
            return BadRow(line, f"{expected}, found an empty line")
        return BadRow(line, f"{expected}, found {len(row)}: {quoted(row)}")


def table_records(rows: Iterator[Row | BadRow], kind: str, name: str, columns: Columns) -> Iterator[Record | BadRow]:
    """Records of a table. columns: of text, and of labels where they are read, none of them None.

    Raises: DataError if the table has no such column, or its header cannot be parsed.
    """
    first = next(rows, None)
    if first is None:
        return
    if any(isinstance(column, str) for column in (*columns.texts, columns.label)):
        if isinstance(first, BadRow):
            raise DataError(f"{name}:{first.line}: {first.reason}")
        layout = _layout_by_header(first, rows, kind, name, columns)
    else:
        top = first
        while (record := _without_layout(first, kind, columns)) is not None:
            yield record
            first = next(rows, None)
            if first is None:
                return
        assert not isinstance(first, BadRow)
        layout = _layout_by_number(first, rows, kind, name, columns, is_top=first is top)
        rows = chain([first], rows)
    if layout.label in layout.texts:
        options = columns.options
        raise DataError(
            f"{name}: text and label are both read from column {short(columns.label)}: pass another "
            f"{options.text_column}COLUMN or {options.label_column}COLUMN"
        )
    for row in rows:
        yield row if isinstance(row, BadRow) else layout.record(*row)


def _layout_by_header(first: Row, rows: Iterator[Row | BadRow], kind: str, name: str, columns: Columns) -> Layout:
    """first: the header. rows: those after it, from which a message guesses the columns that are meant."""
    line, header = first
    names = [field.strip() for field in header]

    wanted = list(columns.texts)
    if columns.labelled and columns.label is not None:
        wanted.append(columns.label)
    if not any(names):
        asked = " and ".join(map(short, wanted))
        plural = "s" if len(wanted) > 1 else ""
        raise DataError(
            f"{name}:{line}: expected a header with the column{plural} {asked}, found an empty line: remove it"
        )
    places: dict[Column, int] = {}
    for column in wanted:
        if isinstance(column, int):
            if column >= len(names):
                raise DataError(f"{name}:{line}: no column {column} (0-based); the header is: {quoted(names)}")
            places[column] = column
        elif names.count(column) > 1:
            raise DataError(
                f"{name}:{line}: the header has more than one column {short(column)}: {quoted(names)}; rename all but "
                f"one"
            )
        elif column in names:
            places[column] = names.index(column)
    missing = [column for column in wanted if column not in places]
    if missing:
        reason = missing_columns(missing, names, _next_rows(rows, columns), columns, known=set(places.values()))
        raise DataError(f"{name}:{line}: {reason}")
    kept = None
    if columns.keep:
        kept = [field or str(at) for at, field in enumerate(names)]
        twice = next((field for field in kept if kept.count(field) > 1), None)
        if twice is not None:
            raise DataError(
                f"{name}:{line}: the header has more than one column {short(twice)}, of which only one can be kept: "
                f"rename all but one"
            )
    texts = [places[column] for column in columns.texts]
    label = places[columns.label] if columns.labelled and columns.label is not None else None
    last_takes_rest = kind == "tsv" and len(names) - 1 in texts
    return Layout(texts, label, len(names), last_takes_rest, kept)


def _without_layout(row: Row | BadRow, kind: str, columns: Columns) -> Record | BadRow | None:
    """The record of a row before the first one that has the columns that are asked for; None for that one. A labelled
    file begins with it, or with a row that cannot be parsed."""
    if isinstance(row, BadRow) or columns.labelled:
        return row if isinstance(row, BadRow) else None
    line, fields = row
    if fields in _BLANK:
        return Record(line, "", None, {} if columns.keep else None)
    reason = _lacking_columns(fields, kind, columns)
    return None if reason is None else BadRow(line, reason)


def _numbers(columns: Columns) -> tuple[list[int], int | None]:
    """Those of the text, and of the label if labels are read."""
    texts = [column for column in columns.texts if isinstance(column, int)]
    return texts, columns.label if columns.labelled and isinstance(columns.label, int) else None


def _lacking_columns(row: list[str], kind: str, columns: Columns) -> str | None:
    """What a row without some of the columns should have; None if it has them."""
    texts, label = _numbers(columns)
    if len(row) > max(*texts, -1 if label is None else label):
        return None
    options = columns.options
    expected = f"a text in column{'s' * (len(texts) > 1)} {' and '.join(map(str, texts))}"
    to_set = options.text_column + ",".join(["NUMBER"] * len(texts))
    if label is not None:
        expected, to_set = f"{expected} and a label in column {label}", f"{to_set} and {options.label_column}NUMBER"
    if row in _BLANK:
        return f"expected {expected} (0-based), found an empty line: remove it"
    if label is None and len(row) == 1:
        to_set = f"{options.text_column}0 if it has no label column"
    return (
        f"expected {expected} (0-based), found {count_of(len(row), 'field')}: {quoted(row)}. Pass {to_set}, or "
        f"{options.format}NAME if the file is not {kind}"
    )


def _next_rows(rows: Iterator[Row | BadRow], columns: Columns) -> list[list[str]]:
    """Rows that a message is to be guessed from; none of a live stream, where the next one may be long in coming."""
    if columns.sample_lines <= 1:
        return []
    return [row[1] for row in islice(rows, columns.sample_lines) if not isinstance(row, BadRow)]


def _layout_by_number(
    first: Row, rows: Iterator[Row | BadRow], kind: str, name: str, columns: Columns, *, is_top: bool
) -> Layout:
    """first: the first good row. rows: those after it. is_top: whether it is the first of all rows."""
    number, row = first
    reason = _lacking_columns(row, kind, columns)
    if reason is not None:
        raise DataError(f"{name}:{number}: {reason}")
    texts, label = _numbers(columns)
    needed = max(*texts, -1 if label is None else label) + 1
    others = [field for at, field in enumerate(row) if at not in texts]
    is_numbered = kind == "csv" and label is not None and is_numbering(row)
    if is_top and (is_numbered or is_header(row[texts[0]], others if label is None else [row[label]])):
        is_quoted = kind == "tsv" and any(map(looks_quoted, chain(row, *_next_rows(rows, columns)[:1])))
        reason = header_found(
            [row[at] for at in texts], None if label is None else row[label], row, columns.options, is_quoted=is_quoted
        )
        raise HeaderError(f"{name}:{number}: {reason}")
    # `label<TAB>text`: everything after the first tab is text
    text_ends_row = kind == "tsv" and isinstance(columns.label, int) and max(texts) > columns.label
    width = needed if text_ends_row else max(len(row), needed)
    kept = [str(at) for at in range(width)] if columns.keep else None
    return Layout(texts, label, width, kind == "tsv" and width - 1 in texts, kept)
