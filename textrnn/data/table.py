"""tsv and csv: rows of fields -> records. A column given by name means that the first row is a header."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice

from textrnn.data.records import BadRow, Column, Columns, Record, count_of, quoted, strip_line_end
from textrnn.errors import DataError, short

Row = tuple[int, list[str]]  # the line it begins on (1-based), its fields

_BLANK: tuple[list[str], ...] = ([], [""])  # a blank line; without labels, it is an empty text
LONGEST_FIELD = 50_000_000  # characters; a longer field means a missing quote
# csv.reader ends a row at a lone CR; a lone surrogate, which no decoded text can hold, stands in for it
_CARRIAGE_RETURN, _STAND_IN = re.compile("\r(?!\n)"), "\udc0d"


def tsv_rows(lines: Iterable[str]) -> Iterator[Row]:
    """Fields between tabs, without quoting."""
    for number, line in enumerate(lines, start=1):
        yield number, strip_line_end(line).split("\t")


def csv_rows(lines: Iterable[str], name: str) -> Iterator[Row]:
    """Fields between commas; quoted ones may hold commas and line ends. Raises DataError for a broken quote."""
    csv.field_size_limit(LONGEST_FIELD)
    has_stand_in = False

    def protected() -> Iterator[str]:
        nonlocal has_stand_in
        for line in lines:
            if "\r" in line:
                line, count = _CARRIAGE_RETURN.subn(_STAND_IN, line)
                has_stand_in |= count > 0
            yield line

    reader = csv.reader(protected(), strict=True)
    begin = 1
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise DataError(
                f"{name}:{begin}: cannot parse the csv row that begins here ({error}): close each quoted field, and "
                f'write a quote inside one as ""'
            ) from None
        if has_stand_in:
            row = [field.replace(_STAND_IN, "\r") for field in row]
        yield begin, row
        begin = reader.line_num + 1


@dataclass(frozen=True)
class Layout:
    """Where the parts of a record are in a row of `width` fields.

    label: None where labels are not read. last_takes_rest: further fields belong to the last one, a text with tabs.
    """

    text: int
    label: int | None
    width: int
    last_takes_rest: bool

    def record(self, line: int, row: list[str]) -> Record | BadRow:
        if self.label is None and row in _BLANK:
            return Record(line, "", None)
        if self.last_takes_rest and len(row) > self.width:
            row = [*row[: self.width - 1], "\t".join(row[self.width - 1 :])]
        if len(row) == self.width:
            return Record(line, row[self.text], None if self.label is None else row[self.label].strip())
        expected = f"expected {count_of(self.width, 'field')}"
        if not any(field.strip() for field in row):
            return BadRow(line, f"{expected}, found an empty line")
        return BadRow(line, f"{expected}, found {len(row)}: {quoted(row)}")


def table_records(rows: Iterator[Row], kind: str, name: str, columns: Columns) -> Iterator[Record | BadRow]:
    """Records of a table. columns: of text, and of labels where they are read, none of them None.

    Raises: DataError where the table has no such column.
    """
    first = next(rows, None)
    if first is None:
        return
    if isinstance(columns.text, str) or isinstance(columns.label, str):
        sample = list(islice(rows, 1))
        layout = _layout_by_header(first[1], sample[0][1] if sample else [], kind, name, columns)
        rows = chain(sample, rows)
    else:
        while not columns.labelled and first[1] in _BLANK:
            yield Record(first[0], "", None)
            first = next(rows, None)
            if first is None:
                return
        layout = _layout_by_number(first, kind, name, columns)
        rows = chain([first], rows)
    if layout.text == layout.label:
        options = columns.options
        raise DataError(
            f"{name}: text and label are both read from column {short(columns.text)}: pass another "
            f"{options.text_column}COLUMN or {options.label_column}COLUMN"
        )
    for line, row in rows:
        yield layout.record(line, row)


def _layout_by_header(header: list[str], sample: list[str], kind: str, name: str, columns: Columns) -> Layout:
    """sample: the row after the header, from which a message guesses the column that is meant."""
    names = [field.strip() for field in header]

    def find(column: Column, option: str, likely: int) -> int:
        if isinstance(column, int) and column < len(names):
            return column
        if isinstance(column, str) and names.count(column) == 1:
            return names.index(column)
        raise DataError(f"{name}:1: {_missing(column, names, option, likely)}")

    assert columns.text is not None
    longest = max(range(len(names)), key=lambda at: len(sample[at]) if at < len(sample) else 0, default=0)
    text = find(columns.text, columns.options.text_column, longest)
    label = None
    if columns.labelled and columns.label is not None:
        if len(names) == 1 and columns.label not in (0, *names):
            raise DataError(
                f"{name}:1: no column {short(columns.label)}; the only column is {quoted(names)}: add a column of "
                f"labels"
            )
        label = find(columns.label, columns.options.label_column, 0 if longest else min(1, len(names) - 1))
    return Layout(text, label, len(names), kind == "tsv" and text == len(names) - 1)


def _missing(column: Column, names: list[str], option: str, likely: int) -> str:
    """What is wrong with a header that does not have this column once, and what to do."""
    if not any(names):
        return f"expected a header with the column {short(column)}, found an empty line: remove it"
    if isinstance(column, int):
        return f"no column {column} (0-based); the header is: {quoted(names)}"
    if column in names:
        return f"the header has more than one column {short(column)}: {quoted(names)}; rename all but one"
    if len(names) == 1 and ";" in names[0]:
        return (
            f"no column {short(column)}; the header is a single field: {quoted(names)}. Fields must be separated by "
            f"commas: convert the file"
        )
    return (
        f"no column {short(column)}; the header is: {quoted(names)}. Pass {option}NAME (perhaps "
        f"{short(names[likely])}), or {option}NUMBER (0-based) if the file has no header"
    )


def _layout_by_number(first: Row, kind: str, name: str, columns: Columns) -> Layout:
    number, row = first
    assert isinstance(columns.text, int)
    text = columns.text
    label = columns.label if columns.labelled and isinstance(columns.label, int) else None
    needed = max(text, -1 if label is None else label) + 1
    if len(row) < needed:
        options = columns.options
        expected, to_set = f"a text in column {text}", f"{options.text_column}NUMBER"
        if label is not None:
            expected, to_set = f"{expected} and a label in column {label}", f"{to_set} and {options.label_column}NUMBER"
        if row in _BLANK:
            raise DataError(f"{name}:{number}: expected {expected} (0-based), found an empty line: remove it")
        raise DataError(
            f"{name}:{number}: expected {expected} (0-based), found {count_of(len(row), 'field')}: {quoted(row)}. "
            f"Pass {to_set}, or {options.format}NAME if the file is not {kind}"
        )
    # `label<TAB>text`: everything after the first tab is text
    text_ends_row = kind == "tsv" and isinstance(columns.label, int) and text > columns.label
    width = needed if text_ends_row else max(len(row), needed)
    return Layout(text, label, width, kind == "tsv" and text == width - 1)
