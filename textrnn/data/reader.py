"""Files, folders and streams of lines -> examples, with or without labels; every error names `file:line`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from textrnn.data.formats import parse
from textrnn.data.labels import label_problem
from textrnn.data.records import BadRow, Record, count_of
from textrnn.data.source import Source, class_names, folder_entries, not_a_file
from textrnn.errors import DataError
from textrnn.runtime.decoding import UNDECODABLE, read_lines
from textrnn.runtime.files import open_binary


class Example(NamedTuple):
    """A text, its label (None where labels are not read), where it is (`file:line`, or the file in a folder), all
    fields of its row if they are kept, and why it could not be read if bad rows are marked: then the text is empty."""

    text: str
    label: str | None
    where: str
    row: dict[str, Any] | None = None
    problem: str | None = None


def read_examples(source: Source) -> Iterator[Example]:
    """Every example of a source, in order.

    Raises: DataError at the first bad row, unless bad rows are skipped; DataError for a file or folder without any
    good row.
    """
    source.skipped_count = 0
    source.skipped.clear()
    for path, kind in source.files():
        is_empty = True
        for example in _folder_examples(path, source) if kind == "folder" else _file_examples(path, kind, source):
            is_empty = False
            yield example
        if is_empty:
            skipped = ""
            if source.skipped_count:
                skipped = f"; {count_of(source.skipped_count, 'bad row')} skipped, the first: {source.skipped[0]}"
            raise DataError(f"{path}: no {'labelled ' * source.labelled}texts in it{skipped}")


def parse_examples(
    lines: Iterable[str], kind: str, name: str, source: Source, undecodable: dict[int, str] | None = None
) -> Iterator[Example]:
    """The examples in lines of a file or a live stream, each as soon as its lines have come.

    kind: the format. name: of the file, for messages. source: how to read it; its paths do not matter. undecodable: as
    filled by `read_lines` while the lines are read; such lines are bad rows.

    Raises: DataError as read_examples, but not for an empty file.
    """
    for record in parse(lines, kind, name, source.columns()):
        where = f"{name}:{record.line}"
        if undecodable and (reason := undecodable_reason(record, undecodable)):
            yield from _bad(where, reason, source)
        elif isinstance(record, BadRow):
            yield from _bad(where, record.reason, source, record.row)
        else:
            yield from _checked(Example(record.text, record.label, where, record.row), source)


def undecodable_reason(record: Record | BadRow, lines: dict[int, str]) -> str | None:
    """What is wrong with the bytes of a record, of the line it begins on or a later one; None if nothing is."""
    for line in [line for line in lines if line < record.line]:
        del lines[line]  # in a column that is not read
    is_marked = isinstance(record, Record) and UNDECODABLE in record.text + (record.label or "")
    return lines.pop(min(lines)) if record.line in lines or is_marked else None


def _bad(where: str, reason: str, source: Source, row: dict[str, Any] | None = None) -> Iterator[Example]:
    """An example with the problem if bad rows are marked; else what the source does with a bad row."""
    if source.mark_bad_rows:
        yield Example("", None, where, {} if row is None and source.keep else row, reason)
    else:
        source.bad_row(where, reason)


def _checked(example: Example, source: Source) -> Iterator[Example]:
    """The example with its label's name; nothing where the label is bad and such rows are skipped."""
    if example.label is None:
        yield example
        return
    problem = label_problem(example.label, source.label_names)
    if problem is not None:
        source.bad_row(example.where, problem)
    elif source.label_names is None:
        yield example
    else:
        yield example._replace(label=source.label_names[int(example.label)])


def _file_examples(path: str, kind: str, source: Source) -> Iterator[Example]:
    with open_binary(path) as stream:
        undecodable: dict[int, str] | None = {} if source.skip_bad_rows else None
        lines = read_lines(stream, source.encoding, path, source.options.encoding, undecodable)
        yield from parse_examples(lines, kind, path, source, undecodable)


def _folder_examples(path: str, source: Source) -> Iterator[Example]:
    """One document per file; with labels, one sub-folder (or link to one) per class."""
    if not source.labelled:
        yield from _documents(folder_entries(path, follow_links=True), None, source)
        return
    classes = class_names(path)
    if not any(os.path.isdir(os.path.join(path, name)) for name in classes):
        raise DataError(f"{path}: expected a folder with one sub-folder per class, found no sub-folder")
    for label in classes:
        folder = os.path.join(path, label)
        if not os.path.isdir(folder):
            source.bad_row(
                folder, not_a_file(folder) or "expected one sub-folder per class, found a file; move it away"
            )
            continue
        if next(folder_entries(folder), None) is None:
            source.bad_row(folder, "expected documents of this class, found an empty folder; remove it")
        for example in _documents(folder_entries(folder), label, source):
            yield from _checked(example, source)


def _documents(entries: Iterable[tuple[str, str | None]], label: str | None, source: Source) -> Iterator[Example]:
    for file, problem in entries:
        row = {"file": file} if source.keep else None
        if problem is not None:
            yield from _bad(file, problem, source, row)
            continue
        undecodable: dict[int, str] | None = {} if source.skip_bad_rows or not source.labelled else None
        with open_binary(file) as stream:
            text = "".join(read_lines(stream, source.encoding, file, source.options.encoding, undecodable))
        if undecodable:
            line, reason = next(iter(undecodable.items()))
            yield from _bad(f"{file}:{line}", reason, source, row)
        else:
            yield Example(text, label, file, row)
