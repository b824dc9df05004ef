"""tsv and csv: rows of fields -> records. A column given by name means that the first row is a header."""

from __future__ import annotations

import contextlib
import csv
import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice

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
    first = next(stream, "")
    stream = chain([first] * bool(first), stream)
    stated = _STATED_DELIMITER.fullmatch(first)
    delimiter = columns.delimiter or (stated and stated[1])
    if delimiter is None:
        sample: list[str] = []
        for line in islice(stream, columns.sample_lines):
            sample.append(line)
            if sum(map(len, sample)) > _SAMPLE_CHARACTERS:
                break
        stream, delimiter = chain(sample, stream), find_delimiter(sample, columns)
    rows = _csv_rows(stream, delimiter)
    if stated is not None:
        next(rows, None)
    yield from _records(rows, "csv", name, columns)


def find_delimiter(sample: list[str], columns: Columns) -> str:
    """The first delimiter with which the header has the columns that are asked for by name; else one that divides most
    rows into equally many fields, and enough of them. Of several such ones, that with the fewest different labels."""
    wanted = [*columns.texts, *([] if columns.label is None else [columns.label])]
    names = {column for column in columns.required if isinstance(column, str)}
    rows = {delimiter: _sample_rows(sample, delimiter) for delimiter in DELIMITERS}
    if names:
        for delimiter, found in rows.items():
            if found and names <= {field.strip() for field in found[0]}:
                return delimiter
    elif wanted == [0] and len(rows[","]) < _ENOUGH_ROWS:
        return ","  # a single column, perhaps of texts that hold the others
    needed = max([2, *(column + 1 for column in wanted if isinstance(column, int))])
    evenness = {}
    for delimiter, found in rows.items():  # the share of rows with the most common number of fields
        (width, count), *_ = Counter(map(len, found)).most_common(1) or [(0, 0)]
        evenness[delimiter] = count / len(found) if width >= needed else 0.0
    best = max(evenness.values())
    if not best:
        return ","
    even = [delimiter for delimiter, share in evenness.items() if share > 0.9 * best]
    if isinstance(columns.label, int):
        at = columns.label
        return min(even, key=lambda delimiter: len({row[at] for row in rows[delimiter] if len(row) > at}))
    return even[0]


def _sample_rows(sample: list[str], delimiter: str) -> list[list[str]]:
    """The rows that are not empty, without the last one, which may be cut."""
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
    again: deque[str] = deque()  # lines after a bad row that the parser has taken already
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


@dataclass(frozen=True)
class _Layout:
    """Where the parts of a record are in a row of `width` fields.

    texts: of several, the text is joined. label: None if labels are not read. last_takes_rest: further fields belong to
    the last one, a text with tabs. names: of the columns, if records keep their fields.
    """

    texts: list[int]
    label: int | None
    width: int
    last_takes_rest: bool
    names: list[str] | None = None

    def record(self, line: int, row: list[str]) -> Record | BadRow:
        if self.label is None and row in BLANK:
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
        layout = _layout_by_header(first, rows, kind, name, columns)
    else:
        is_top = True
        while (before := _before_layout(first, kind, name, columns)) is not None:
            yield before
            is_top = False
            if (first := next(rows, None)) is None:
                return
        assert not isinstance(first, BadRow)
        layout = _layout_by_number(first, rows, kind, name, columns, is_top=is_top)
        rows = chain([first], rows)
    if layout.label in layout.texts:
        options = columns.options
        raise DataError(
            f"{name}: text and label are both read from column {short(columns.label)}: pass another "
            f"{options.text_column}COLUMN or {options.label_column}COLUMN"
        )
    for row in rows:
        yield row if isinstance(row, BadRow) else layout.record(*row)


def _layout_by_header(first: Row, rows: Iterator[Row | BadRow], kind: str, name: str, columns: Columns) -> _Layout:
    """first: the header. rows: those after it, from which a message guesses the columns that are meant."""
    line, header = first
    where, names, wanted = f"{name}:{line}", [field.strip() for field in header], columns.required
    if not any(names):
        asked = " and ".join(map(short, wanted))
        plural = "s" * (len(wanted) > 1)
        raise DataError(f"{where}: expected a header with the column{plural} {asked}, found an empty line: remove it")
    places: dict[Column, int] = {}
    for column in wanted:
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
    if missing := [column for column in wanted if column not in places]:
        reason = missing_columns(missing, names, _next_rows(rows, columns), columns, known=set(places.values()))
        raise DataError(f"{where}: {reason}")
    kept = None
    if columns.keep:
        kept = [field or str(at) for at, field in enumerate(names)]
        twice = next((field for field in kept if kept.count(field) > 1), None)
        if twice is not None:
            raise DataError(
                f"{where}: the header has more than one column {short(twice)}, of which only one can be kept: rename "
                f"all but one"
            )
    texts = [places[column] for column in columns.texts]
    label = places[columns.label] if columns.labelled and columns.label is not None else None
    return _Layout(texts, label, len(names), kind == "tsv" and len(names) - 1 in texts, kept)


def _before_layout(row: Row | BadRow, kind: str, name: str, columns: Columns) -> Record | BadRow | None:
    """The record of a row before the first one that has the numbered columns; None for that one. Raises DataError for a
    labelled file that begins with neither such a row nor one that cannot be parsed."""
    if isinstance(row, BadRow):
        return row
    line, fields = row
    if not columns.labelled and fields in BLANK:
        return columns.empty_text(line)
    reason = lacking_columns(fields, kind, columns)
    if reason is not None and columns.labelled:
        raise DataError(f"{name}:{line}: {reason}")
    return None if reason is None else BadRow(line, reason)


def _layout_by_number(
    first: Row, rows: Iterator[Row | BadRow], kind: str, name: str, columns: Columns, *, is_top: bool
) -> _Layout:
    """first: the first good row. rows: those after it. is_top: whether it is the first of all rows."""
    line, row = first
    texts = [int(column) for column in columns.texts]
    label = int(columns.label) if columns.labelled and columns.label is not None else None
    needed = max(map(int, columns.required)) + 1
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
    width = needed if text_ends_row else max(len(row), needed)
    kept = [str(at) for at in range(width)] if columns.keep else None
    return _Layout(texts, label, width, kind == "tsv" and width - 1 in texts, kept)


def _next_rows(rows: Iterator[Row | BadRow], columns: Columns) -> list[list[str]]:
    """Rows that a message is to be guessed from; none of a live stream, in which the next one may be long in coming."""
    if columns.sample_lines <= 1:
        return []
    return [row[1] for row in islice(rows, columns.sample_lines) if not isinstance(row, BadRow)]
