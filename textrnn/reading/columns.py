"""Which columns of a file hold texts and labels, guessed from its rows."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import NamedTuple

from textrnn.reading.decoding import read_lines
from textrnn.reading.headers import BINARY, LABEL_NAMES, TEXT_NAMES, is_numbering, looks_quoted, may_be_header, plain
from textrnn.reading.records import BadRow
from textrnn.reading.source import DEFAULT_COLUMNS, Column, Source, TextColumns
from textrnn.reading.table import table_rows
from textrnn.runtime.files import open_binary

_NAMED = 4  # a column with the name of texts comes before one with less than so many times its characters
_REPEATED = 2  # values of a column of labels occur so often on average, or more often
_SHORT = 50  # characters; of longer fields, only a hash is kept
_Row = Mapping[Column, str]


class Columns(NamedTuple):
    """format: csv for a tsv file whose labels are in quotes. distinct: the number of different values of each column
    by its name, or by its number if there is no header. delimiter: of the fields, None in jsonl."""

    format: str
    text: TextColumns
    label: Column
    distinct: dict[Column, int]
    delimiter: str | None


@dataclass
class _Content:
    """The fields of a column: their characters, how many are empty, and how often each value occurs."""

    characters: int = 0
    empty: int = 0
    counts: Counter[str | int] = field(default_factory=Counter)

    def add(self, value: str) -> None:
        self.characters += len(value)
        self.empty += not value
        self.counts[value if len(value) <= _SHORT else hash(value)] += 1


def guess_columns(path: str, kind: str, source: Source, *, rows: int, characters: int) -> Columns | None:
    """The columns of a csv, tsv or jsonl file, guessed from its first rows, as many as fit both limits. Columns that
    the source names stay. None if no column can hold labels: then a reader's message names what is lacking.

    The text is the column with the most characters, the label the one with the fewest values that repeat; columns with
    the names of texts or labels come first. A first row is a header if it looks like one and none of its fields occurs
    again below it.
    """
    with open_binary(path) as stream:
        lines = read_lines(stream, source.encoding, path, source.options.encoding, undecodable={})
        records, delimiter = _records(lines, kind, source)
        first = next(records, None)
        if first is None:
            return None
        contents: dict[Column, _Content] = {}
        total = 0
        for total, record in enumerate(islice(records, rows), start=1):  # noqa: B007 - the last one is their number
            for column, value in record.items():
                contents.setdefault(column, _Content()).add(value)
            characters -= sum(map(len, record.values()))
            if characters < 0:
                break
    if kind != "jsonl" and _is_header(first, contents, source):
        names = list(first.values())
        contents = {name: contents.get(at, _Content()) for at, name in enumerate(names) if names.count(name) == 1}
        contents.pop("", None)
    else:
        total += 1
        for column, value in first.items():
            contents.setdefault(column, _Content()).add(value)
    text = _text_column(contents, kind, source)
    label = None if text is None else _label_column(contents, total, text, kind, source)
    if text is None or label is None:
        return None
    values = contents[label].counts if label in contents else ()
    if kind == "tsv" and all(map(looks_quoted, map(str, values))):
        return guess_columns(path, "csv", source, rows=rows, characters=characters)
    return Columns(kind, text, label, {column: len(content.counts) for column, content in contents.items()}, delimiter)


def _records(lines: Iterable[str], kind: str, source: Source) -> tuple[Iterator[_Row], str | None]:
    """The rows that can be read and are not empty, by the keys of JSON or the numbers of columns, and the delimiter."""
    if kind == "jsonl":
        return _json_rows(lines), None
    table, delimiter = table_rows(lines, kind, source)
    rows: Iterator[_Row] = (dict(enumerate(map(str.strip, row[1]))) for row in table if not isinstance(row, BadRow))
    return (row for row in rows if any(row.values())), delimiter


def _json_rows(lines: Iterable[str]) -> Iterator[_Row]:
    """Lists and objects as values count as empty."""
    for line in lines:
        with contextlib.suppress(ValueError, RecursionError):
            item = json.loads(line)
            if isinstance(item, dict):
                yield {key: _json_field(value) for key, value in item.items()}


def _json_field(value: object) -> str:
    if value is None or isinstance(value, (list, dict)):
        return ""
    return value.strip() if isinstance(value, str) else json.dumps(value)


def _is_header(first: _Row, contents: Mapping[Column, _Content], source: Source) -> bool:
    """first: the first row of a table. contents: of the rows below it, by number. Columns that are named or numbered
    decide."""
    given = [*source.text_columns, *([] if source.label_column is None else [source.label_column])]
    if given:
        return any(isinstance(column, str) for column in given)
    fields = list(first.values())
    occurs_again = any(value and at in contents and value in contents[at].counts for at, value in first.items())
    is_sure = sum(plain(name) in {*TEXT_NAMES, *LABEL_NAMES} for name in fields) > 1  # may be repeated in joined files
    return is_sure or is_numbering(fields) or (may_be_header(fields) and not occurs_again)


def _text_column(contents: Mapping[Column, _Content], kind: str, source: Source) -> TextColumns | None:
    if source.text_column is not None:
        return source.text_column
    default, _ = DEFAULT_COLUMNS[kind]
    if isinstance(default, str) and default in contents:
        return default
    sizes = {
        column: content.characters * (_NAMED if plain(str(column)) in TEXT_NAMES else 1)
        for column, content in contents.items()
        if column != source.label_column
    }
    return max(sizes, key=sizes.__getitem__, default=None)


def _label_column(
    contents: Mapping[Column, _Content], total: int, text: TextColumns, kind: str, source: Source
) -> Column | None:
    """total: the number of rows."""
    if source.label_column is not None:
        return source.label_column
    _, default = DEFAULT_COLUMNS[kind]
    texts = replace(source, text_column=text).text_columns
    others = {column: content for column, content in contents.items() if column not in texts}
    if isinstance(default, str) and default in others:
        return default
    named = [column for column in others if plain(str(column)) in LABEL_NAMES]
    binary = [column for column, content in others.items() if content.counts.keys() in BINARY and column not in named]
    candidates = {
        column: content
        for column, content in others.items()
        if 1 < len(content.counts) <= total / _REPEATED and not (len(binary) > 1 and column in binary)
    }
    return min(
        candidates,
        key=lambda column: (
            column not in named,
            column != default,
            candidates[column].empty > 0,
            len(candidates[column].counts),
        ),
        default=None,
    )
