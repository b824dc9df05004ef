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

_NAME_WEIGHT = 4  # a column with a usual name for texts counts as if it had this many times its characters
_LEAST_REPEATS = 2  # how often each value in a column of labels occurs on average, at least
_LONGEST_KEPT = 50  # characters; only a hash is kept of a longer field
_Row = Mapping[Column, str]


class Columns(NamedTuple):
    """format: csv for a tsv file whose labels are quoted. distinct: column -> number of its different values, without
    the empty one; columns are names, or numbers if there is no header. delimiter: the character between fields; None
    for jsonl."""

    format: str
    text: TextColumns
    label: Column
    distinct: dict[Column, int]
    delimiter: str | None


@dataclass
class _Content:
    """Statistics of a column: total characters, number of empty fields, and how often each value occurs."""

    characters: int = 0
    empty: int = 0
    counts: Counter[str | int] = field(default_factory=Counter)

    def add(self, value: str) -> None:
        self.characters += len(value)
        self.empty += not value
        self.counts[value if len(value) <= _LONGEST_KEPT else hash(value)] += 1


def guess_columns(path: str, kind: str, source: Source, *, rows: int, characters: int) -> Columns | None:
    """The columns of a csv, tsv or jsonl file, guessed from as many of its first rows as both limits allow. Columns
    that the source names are kept. None if no column can hold labels; reading the file then reports what is missing.

    The text column has the most characters, the label column the fewest values, which must repeat; columns with usual
    names for texts or labels are preferred. The first row is a header if it looks like one and none of its fields
    occurs again below it.
    """
    with open_binary(path) as stream:
        lines = read_lines(stream, source.encoding, path, source.options.encoding, undecodable={})
        records, delimiter = _records(lines, kind, source)
        first = next(records, None)
        if first is None:
            return None
        contents: dict[Column, _Content] = {}
        total = 0
        for total, record in enumerate(islice(records, rows), start=1):  # noqa: B007 - its last value is used below
            for column, value in record.items():
                contents.setdefault(column, _Content()).add(value)
            characters -= sum(map(len, record.values()))
            if characters < 0:
                break
    if kind != "jsonl" and _is_header(first, contents, source):
        names = list(first.values())
        contents = {name: contents.get(i, _Content()) for i, name in enumerate(names) if names.count(name) == 1}
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
    distinct = {column: len(content.counts) - ("" in content.counts) for column, content in contents.items()}
    return Columns(kind, text, label, distinct, delimiter)


def _records(lines: Iterable[str], kind: str, source: Source) -> tuple[Iterator[_Row], str | None]:
    """The readable rows that are not empty, as mappings of JSON keys or column numbers to fields, and the delimiter."""
    if kind == "jsonl":
        return _json_rows(lines), None
    table, delimiter = table_rows(lines, kind, source)
    rows: Iterator[_Row] = (dict(enumerate(map(str.strip, row[1]))) for row in table if not isinstance(row, BadRow))
    return (row for row in rows if any(row.values())), delimiter


def _json_rows(lines: Iterable[str]) -> Iterator[_Row]:
    """One row per JSON object. Values that are lists or objects count as empty."""
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
    """Whether the first row of a table is a header. contents: column number -> statistics of the rows below it. If the
    source gives columns, it is a header if one of them is a name."""
    given = [*source.text_columns, source.label_column, source.weight_column]
    if any(column is not None for column in given):
        return any(isinstance(column, str) for column in given)
    fields = list(first.values())
    occurs_again = any(value and i in contents and value in contents[i].counts for i, value in first.items())
    is_sure = sum(plain(name) in {*TEXT_NAMES, *LABEL_NAMES} for name in fields) > 1  # may be repeated in joined files
    return is_sure or is_numbering(fields) or (may_be_header(fields) and not occurs_again)


def _text_column(contents: Mapping[Column, _Content], kind: str, source: Source) -> TextColumns | None:
    if source.text_column is not None:
        return source.text_column
    default, _ = DEFAULT_COLUMNS[kind]
    if isinstance(default, str) and default in contents:
        return default
    sizes = {
        column: content.characters * (_NAME_WEIGHT if plain(str(column)) in TEXT_NAMES else 1)
        for column, content in contents.items()
        if column not in (source.label_column, source.weight_column)
    }
    return max(sizes, key=sizes.__getitem__, default=None)


def _label_column(
    contents: Mapping[Column, _Content], total: int, text: TextColumns, kind: str, source: Source
) -> Column | None:
    """The most likely label column, or None. total: the number of rows."""
    if source.label_column is not None:
        return source.label_column
    _, default = DEFAULT_COLUMNS[kind]
    texts = replace(source, text_column=text).text_columns
    others = (*texts, source.weight_column)
    rest = {column: content for column, content in contents.items() if column not in others}
    if isinstance(default, str) and default in rest:
        return default
    named = [column for column in rest if plain(str(column)) in LABEL_NAMES]
    binary = [column for column, content in rest.items() if content.counts.keys() in BINARY and column not in named]
    candidates = {
        column: content
        for column, content in rest.items()
        if 1 < len(content.counts) <= total / _LEAST_REPEATS and not (len(binary) > 1 and column in binary)
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
