"""Lines -> records, for each file format. Knows nothing of folders, label names or what to do with a bad row."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from textrnn.errors import DataError

Column = int | str
DEFAULT_COLUMNS: dict[str, tuple[Column, Column]] = {
    "tsv": (1, 0),
    "csv": ("text", "label"),
    "jsonl": ("text", "label"),
}
LONGEST_FIELD = 50_000_000  # characters; past this a quote is missing rather than a text long
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_FASTTEXT_LABEL = re.compile(r"__label__(\S+)(?:[ \t]+|$)")
# csv.reader ends a row at a lone CR; a lone surrogate, which no decoded text can hold, stands in for it
_CARRIAGE_RETURN, _STAND_IN = re.compile("\r(?!\n)"), "\udc0d"


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a file: the line it begins on (1-based), its text, and its label where one was asked for."""

    line: int
    text: str
    label: str | None


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that does not fit the format; what is done about it is for the caller to say."""

    line: int
    reason: str


def parse(
    lines: Iterable[str], kind: str, name: str, text_column: Column | None, label_column: Column | None, labelled: bool
) -> Iterator[Record | BadRow]:
    """Records of one file. A column that is None is the format's default.

    lines: with their line ends. labelled: False leaves labels alone, so that files without any can be read.

    Raises: DataError where the whole file does not fit (no such column).
    """
    if kind == "text":
        return (Record(number, strip_line_end(line), None) for number, line in enumerate(lines, start=1))
    if kind == "fasttext":
        return _fasttext(lines, labelled)
    default_text, default_label = DEFAULT_COLUMNS[kind]
    text = default_text if text_column is None else text_column
    label: Column | None = default_label if label_column is None else label_column
    if not labelled and text_column is not None:
        label = label_column  # only what was said of this file: the default may not be in it
    if kind == "jsonl":
        return _jsonl(lines, name, text, label, labelled)
    rows = _tsv_rows(lines) if kind == "tsv" else _csv_rows(lines, name)
    return _table(rows, kind, name, text, label, labelled)


def strip_line_end(line: str) -> str:
    """Without the `\\n` or `\\r\\n` at its end; a lone `\\r` there is text."""
    if line.endswith("\n"):
        return line[:-2] if line.endswith("\r\n") else line[:-1]
    return line


def _tsv_rows(lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(lines, start=1):
        yield number, strip_line_end(line).split("\t")


def _csv_rows(lines: Iterable[str], name: str) -> Iterator[tuple[int, list[str]]]:
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
                f"{name}:{begin}: the csv row that begins here is broken ({error}); a quote inside a quoted field is "
                f'written "", and each opened quote needs its end'
            ) from None
        if has_stand_in:
            row = [field.replace(_STAND_IN, "\r") for field in row]
        yield begin, row
        begin = reader.line_num + 1


def _table(
    rows: Iterator[tuple[int, list[str]]], kind: str, name: str, text: Column, label: Column | None, labelled: bool
) -> Iterator[Record | BadRow]:
    """tsv and csv: a column given by name means that the first row is a header."""
    first = next(rows, None)
    if first is None:
        return
    number, row = first
    header = isinstance(text, str) or isinstance(label, str)
    if header:
        names = [field.strip() for field in row]
        doubled = next((field for field in (text, label) if names.count(str(field)) > 1), None)
        if doubled is not None:
            raise DataError(f"{name}:{number}: the column {doubled!r} stands twice in the header: {_quoted(row)}")
        sample = next(rows, None)
        option = "--set data.{}=NAME" if labelled else "--text-column NAME"
        text_at = _find(names, text, "text_column", option, name, sample[1] if sample else [])
        label_at = None
        if labelled and label is not None:
            label_at = _find(names, label, "label_column", option, name, sample[1] if sample else [])
        width = len(row)
        pending = [] if sample is None else [sample]
    else:
        text_at, label_at = int(text), int(label) if labelled and isinstance(label, int) else None
        needed = max(text_at, -1 if label_at is None else label_at) + 1
        # `label<TAB>text`: what follows the label's tab is all text
        text_ends_tsv = kind == "tsv" and isinstance(label, int) and text_at > label
        width = needed if text_ends_tsv else max(len(row), needed)
        if len(row) < needed and (labelled or row != [""]):
            raise DataError(_too_few_columns(name, number, row, text_at, label_at))
        pending = [first]
    if label_at == text_at:
        raise DataError(f"{name}: data.text_column and data.label_column are the same column ({text!r})")
    last_takes_rest = kind == "tsv" and text_at == width - 1

    def records() -> Iterator[Record | BadRow]:
        for source in (pending, rows):
            for number, row in source:
                if len(row) > width and last_takes_rest:
                    row = [*row[: width - 1], "\t".join(row[width - 1 :])]
                if row in ([], [""]) and not labelled:
                    row = [""] * width  # a blank line: a record without text
                if len(row) != width:
                    empty = not any(field.strip() for field in row)
                    found = "the line is empty" if empty else f"{len(row)} field{'s' * (len(row) != 1)}"
                    yield BadRow(number, f"{width} fields were expected, {found}{'' if empty else ': ' + _quoted(row)}")
                else:
                    yield Record(number, row[text_at], None if label_at is None else row[label_at].strip())

    yield from records()


def _find(names: list[str], column: Column, key: str, option: str, file: str, sample: list[str]) -> int:
    if isinstance(column, int):
        if column < len(names):
            return column
        raise DataError(f"{file}:1: no column {column} (0-based) in the header: {_quoted(names)}")
    if column in names:
        return names.index(column)
    if len(names) == 1 and ";" in names[0]:
        raise DataError(
            f"{file}:1: no column {column!r}; the first row is one field: {_quoted(names)}. csv has its fields between "
            f"commas: save the file with commas, or convert its semicolons"
        )
    if len(names) == 1 and key == "label_column":
        raise DataError(
            f"{file}:1: no column {column!r}; the only one is {names[0]!r}, and a labelled file has one of texts and "
            f"one of labels"
        )
    longest = max(range(len(names)), key=lambda at: len(sample[at]) if at < len(sample) else 0)
    likely = {"text_column": longest, "label_column": 0 if longest else min(1, len(names) - 1)}[key]
    raise DataError(
        f"{file}:1: no column {column!r}; the first row is: {_quoted(names)}. Name the column with "
        f"{option.format(key)} (perhaps {names[likely]!r}), or give its 0-based number where there is no header"
    )


def _too_few_columns(name: str, number: int, row: list[str], text_at: int, label_at: int | None) -> str:
    asked = f"text in column {text_at}" + ("" if label_at is None else f" and label in column {label_at}")
    return (
        f"{name}:{number}: {asked} (0-based) was expected; the first row has {len(row)} "
        f"field{'s' * (len(row) != 1)}: {_quoted(row)}. Set data.text_column and data.label_column "
        f"(predict: --text-column), or data.format if the file is of another kind"
    )


def _quoted(row: list[str]) -> str:
    return ", ".join(repr(field if len(field) <= 40 else field[:37] + "...") for field in row[:8])


def _jsonl(
    lines: Iterable[str], name: str, text: Column, label: Column | None, labelled: bool
) -> Iterator[Record | BadRow]:
    for key, column in (("text_column", text), ("label_column", label)):
        if isinstance(column, int) and (labelled or key == "text_column"):
            option = f"data.{key}" if labelled else "--text-column"
            raise DataError(f"{name}: jsonl has no column numbers; set {option} to the name of a key, not {column}")
    for number, line in enumerate(lines, start=1):
        if not line.strip() and not labelled:
            yield Record(number, "", None)
            continue
        try:
            item = json.loads(line)
        except (ValueError, RecursionError) as error:
            where = f"{error.msg} at column {error.pos + 1}" if isinstance(error, json.JSONDecodeError) else str(error)
            yield BadRow(number, f"not valid JSON: {where}" if line.strip() else "the line is empty")
            continue
        yield _json_record(item, number, str(text), str(label), labelled)


def _json_record(item: Any, number: int, text: str, label: str, labelled: bool) -> Record | BadRow:
    if not isinstance(item, dict):
        return BadRow(number, f"an object with the key {text!r} was expected, found {str(item)[:40]!r}")
    missing = next((key for key in ((text, label) if labelled else (text,)) if item.get(key) is None), None)
    if missing is not None:
        key = "text_column" if missing == text else "label_column"
        found = ", ".join(map(repr, item)) or "none"
        if missing in item:
            return BadRow(number, f"the key {missing!r} is null")
        option = f"data.{key}" if labelled else "--text-column"
        return BadRow(number, f"no key {missing!r} in the object; its keys are: {found}. Name it with {option}")
    if not isinstance(item[text], str):
        return BadRow(number, f"the key {text!r} must hold a string, found {str(item[text])[:40]!r}")
    if _LONE_SURROGATE.search(item[text]):
        return BadRow(number, f"the key {text!r} holds half of a character (a lone \\ud800 to \\udfff escape)")
    if not labelled:
        return Record(number, item[text], None)
    if isinstance(item[label], (list, dict)):
        return BadRow(number, f"the key {label!r} must hold one label, found {str(item[label])[:40]!r}")
    value = item[label] if isinstance(item[label], str) else json.dumps(item[label])
    return Record(number, item[text], value.strip())


def _fasttext(lines: Iterable[str], labelled: bool) -> Iterator[Record | BadRow]:
    for number, line in enumerate(lines, start=1):
        line = strip_line_end(line)
        match = _FASTTEXT_LABEL.match(line)
        rest = line[match.end() :] if match else line
        if not labelled:
            yield Record(number, rest, None)
        elif match is None:
            yield BadRow(number, f"`__label__NAME text` was expected, found {line[:40]!r}")
        elif _FASTTEXT_LABEL.match(rest):
            yield BadRow(number, f"one label a text was expected, found several: {line[:60]!r}")
        else:
            yield Record(number, rest, match.group(1))
