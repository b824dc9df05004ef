"""Files, folders and streams of lines -> examples, with or without labels; every error names `file:line`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any, NamedTuple

from textrnn.errors import BadRowError, DataError, short
from textrnn.reading.decoding import UNDECODABLE, check_line_end, read_lines
from textrnn.reading.headers import UndecodableHeaderError
from textrnn.reading.labels import label_problem
from textrnn.reading.records import (
    BadRow,
    Record,
    comma_remedy,
    fasttext_records,
    jsonl_records,
    text_records,
)
from textrnn.reading.source import DEFAULT_COLUMNS, Source, class_names, file_problem, folder_entries
from textrnn.reading.table import table_records
from textrnn.reading.targets import most_probable, soft_label, weight_of
from textrnn.runtime.files import open_binary
from textrnn.runtime.terminal import count_of

_SKIPPED_SHOWN = 5  # rows


class Example(NamedTuple):
    """A text and its label, or a bad row. label: the most probable one of a soft label; None if labels are not read.
    where: `file:line`, or the file in a folder. row: all fields, if they are kept. problem: why a bad row could not be
    read; its text is empty. probabilities: a soft label, see `soft_label`. weight: None if weights are not read."""

    text: str
    label: str | None
    where: str
    row: dict[str, Any] | None = None
    problem: str | None = None
    probabilities: dict[str, float] | None = None
    weight: float | None = None


@dataclass
class Skipped:
    """The bad rows that were left out: their number, and a line about each of the first few."""

    count: int = 0
    shown: list[str] = field(default_factory=list)

    def add(self, where: str, reason: str, source: Source) -> None:
        """Raises BadRowError unless the source skips bad rows."""
        if not source.skip_bad_rows:
            hint = source.options.bad_rows
            raise BadRowError(f"{where}: {reason}" + ("" if hint is None else f" ({hint})"))
        self.count += 1
        if len(self.shown) < _SKIPPED_SHOWN:
            self.shown.append(f"{where}: {reason}")


def read_examples(source: Source, skipped: Skipped | None = None) -> Iterator[Example]:
    """Every example of a source, in order. skipped: collects the bad rows that are left out.

    Raises: DataError at the first bad row, unless bad rows are skipped or marked; DataError for a file or folder
    without any good row.
    """
    skipped = Skipped() if skipped is None else skipped
    for path, kind in source.files():
        if source.weight_column is not None and kind in ("fasttext", "folder"):
            raise DataError(f"{path}: data.weight_column: weights need csv, tsv or jsonl, but {kind} has no columns")
        is_empty = True
        examples = _folder_examples(path, source) if kind == "folder" else _file_examples(path, kind, source)
        for example in without_bad_rows(examples, source, skipped):
            is_empty = False
            yield example
        if is_empty:
            count = count_of(skipped.count, "bad row")
            more = f"; {count} skipped, the first: {skipped.shown[0]}" if skipped.count else ""
            raise DataError(f"{path}: contains no {'labelled ' * source.labelled}texts{more}")


def without_bad_rows(examples: Iterable[Example], source: Source, skipped: Skipped) -> Iterator[Example]:
    """The examples without a problem, or all if the source marks bad rows. Raises BadRowError at the first bad row,
    unless the source skips or marks bad rows."""
    for example in examples:
        if example.problem is None or source.mark_bad_rows:
            yield example
        else:
            skipped.add(example.where, example.problem, source)


def parse_examples(
    lines: Iterable[str], kind: str, name: str, source: Source, undecodable: dict[int, str] | None = None
) -> Iterator[Example]:
    """The examples in lines of a file or a live stream, bad rows with their problem, each as soon as its lines have
    arrived.

    kind: the format. name: the file's name, for messages. source: how to read the lines; its paths are ignored.
    undecodable: filled by `read_lines` while the lines are read; such lines are bad rows.
    """
    records = parse(lines, kind, name, source)
    try:
        first = next(records, None)
    except UndecodableHeaderError as error:
        place, why = next(iter((undecodable or {}).items()))
        raise DataError(f"{name}:{place}: {why}") from error
    for record in chain([] if first is None else [first], records):
        where = f"{name}:{record.line}"
        if undecodable and (reason := _undecodable_reason(record, undecodable)):
            yield _bad_example(where, reason, source)
        elif isinstance(record, BadRow):
            yield _bad_example(where, record.reason, source, record.row)
        else:
            yield _example(record, where, source)


def parse(lines: Iterable[str], kind: str, name: str, source: Source) -> Iterator[Record | BadRow]:
    """Records of one file.

    lines: with their line ends. kind: tsv, csv, jsonl, fasttext or, without labels, text (a line is a text).
    name: the file's name, for messages.

    Raises: DataError if the whole file does not fit (no such column, another format, carriage returns as line ends).
    """
    if kind == "text":
        return text_records(lines, source)
    if source.labelled:
        lines = _checked_lines(lines, kind, name, source)
    if kind == "fasttext":
        return fasttext_records(lines, name, source)
    text, label = DEFAULT_COLUMNS[kind]
    # if only texts are read and the text column is set, the default label column may be missing
    if source.label_column is None and (source.labelled or source.text_column is None):
        source = replace(source, label_column=label)
    if source.text_column is None:
        source = replace(source, text_column=text)
    if kind == "jsonl":
        return jsonl_records(lines, name, source)
    return table_records(lines, kind, name, source)


def _checked_lines(lines: Iterable[str], kind: str, name: str, source: Source) -> Iterator[str]:
    """The same lines. Raises DataError if the first line shows another format."""
    stream = iter(lines)
    first = next(stream, "")
    check_line_end(first, name)
    is_fasttext = first.startswith("__label__") and not (kind == "tsv" and "\t" in first)
    if kind in ("csv", "tsv") and source.text_column is None and source.label_column is None and is_fasttext:
        remedy = comma_remedy(first, name) or f"pass {source.options.format}fasttext"
        raise DataError(f"{name}:1: expected {kind}, found a line of fastText, {short(first.strip())}: {remedy}")
    yield from chain([first] * bool(first), stream)


def _undecodable_reason(record: Record | BadRow, lines: dict[int, str]) -> str | None:
    """The problem with the bytes of a record, in the line it begins on or a later one; None if there is none."""
    for line in [line for line in lines if line < record.line]:
        del lines[line]  # its invalid bytes are in a column that is not read
    is_marked = isinstance(record, Record) and UNDECODABLE in record.text + "".join(record.label or "")
    return lines.pop(min(lines)) if record.line in lines or is_marked else None


def _bad_example(where: str, reason: str, source: Source, row: dict[str, Any] | None = None) -> Example:
    return Example("", None, where, {} if row is None and source.keep else row, reason)


def _example(record: Record, where: str, source: Source) -> Example:
    """The example with the name of its label, or with the problem of its label or weight."""
    text, label, row, names = record.text, record.label, record.row, source.label_names
    probabilities = weight = None
    try:
        if isinstance(label, dict):
            probabilities = soft_label(label, names)
            label = most_probable(probabilities)
        elif label is not None:
            if problem := label_problem(label, names):
                return _bad_example(where, problem, source, row)
            if names is not None:
                label = names[int(label)]
        if label is not None and source.weight_column is not None:
            weight = weight_of(record.weight)
    except ValueError as error:
        return _bad_example(where, str(error), source, row)
    return Example(text, label, where, row, None, probabilities, weight)


def _file_examples(path: str, kind: str, source: Source) -> Iterator[Example]:
    undecodable: dict[int, str] | None = {} if source.skip_bad_rows or source.mark_bad_rows else None
    with open_binary(path) as stream:
        lines = read_lines(stream, source.encoding, path, source.options.encoding, undecodable)
        yield from parse_examples(lines, kind, path, source, undecodable)


def _folder_examples(path: str, source: Source) -> Iterator[Example]:
    """One text per file; with labels, one sub-folder (or link to one) per class."""
    if not source.labelled:
        yield from _text_files(folder_entries(path, follow_links=True), None, source)
        return
    folders = {name: os.path.join(path, name) for name in class_names(path)}
    if not any(map(os.path.isdir, folders.values())):
        raise DataError(f"{path}: expected a folder with one sub-folder per class, found no sub-folder")
    for label, folder in folders.items():
        if not os.path.isdir(folder):
            problem = file_problem(folder) or "expected one sub-folder per class, found a file; move it away"
            yield _bad_example(folder, problem, source)
        elif next(folder_entries(folder), None) is None:
            yield _bad_example(folder, "expected text files of this class, found an empty folder; remove it", source)
        else:
            yield from _text_files(folder_entries(folder), label, source)


def _text_files(entries: Iterable[tuple[str, str | None]], label: str | None, source: Source) -> Iterator[Example]:
    for file, problem in entries:
        row = {"file": file} if source.keep else None
        if problem is not None:
            yield _bad_example(file, problem, source, row)
            continue
        undecodable: dict[int, str] | None = {} if source.skip_bad_rows or not source.labelled else None
        with open_binary(file) as stream:
            text = "".join(read_lines(stream, source.encoding, file, source.options.encoding, undecodable))
        if undecodable:
            line, reason = next(iter(undecodable.items()))
            yield _bad_example(f"{file}:{line}", reason, source, row)
        else:
            yield _example(Record(1, text, label, row), file, source)
