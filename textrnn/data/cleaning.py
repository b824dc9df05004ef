"""A labelled file without its empty texts, its copies and the texts of test, byte for byte what it was otherwise."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from textrnn.data.formats import parse
from textrnn.data.labels import label_problem
from textrnn.data.reader import undecodable_reason
from textrnn.data.records import BadRow, Record
from textrnn.data.source import Source, changed_while_read
from textrnn.data.writer import text_hash
from textrnn.errors import DataError
from textrnn.runtime.decoding import check_encoding, ends_lines_with_one_byte, read_lines
from textrnn.runtime.files import atomic_writer, open_binary

LISTED = 20  # rows that are taken out, and copies that are kept


class Cleaned(NamedTuple):
    """What became of the rows of a file. taken_out: reason -> how many. listed: a phrase for each of the first rows
    that were taken out. contradictory: how many rows are copies with different labels, all of which are kept.
    contradictory_listed: where the first of these are."""

    rows: int
    kept: int
    taken_out: Counter[str]
    listed: list[str]
    contradictory: int
    contradictory_listed: list[str]


def file_to_clean(source: Source) -> tuple[str, str]:
    """(path, format) of the only file of a source. Raises DataError where there are several, or where its records are
    not lines of bytes."""
    files = source.files()
    if len(files) > 1:
        raise DataError(f"--clean: expected one training file, found {len(files)}; clean them one at a time")
    path, kind = files[0]
    if kind == "folder":
        raise DataError(f"--clean: expected a training file, found the folder {path}: remove its files by hand")
    if not ends_lines_with_one_byte(check_encoding(source.encoding)):
        raise DataError(f"--clean: {path} is {source.encoding}, in which lines cannot be copied; convert it to utf-8")
    return path, kind


def clean(source: Source, output: Path, held_out: Collection[bytes]) -> Cleaned:
    """Write the file of a source (see file_to_clean) without empty texts, without later copies of a text with the same
    label, without texts of which `held_out` has the hash, and without bad rows where these are skipped; gzip where
    `output` ends in .gz. Texts that occur with different labels all stay.

    Raises: DataError for a bad row, unless bad rows are skipped, and where the file changes meanwhile; TextRNNError
    where the output cannot be written.
    """
    path, kind = file_to_clean(source)
    labels: dict[bytes, str | None] = {}  # hash of a text -> its label; None where there are several
    for record, _ in _records(source, path, kind):
        if isinstance(record, Record):
            digest = text_hash(record.text)
            labels[digest] = None if labels.setdefault(digest, str(record.label)) != record.label else record.label
    found = Cleaned(0, 0, Counter(), [], 0, [])
    first: dict[bytes, int] = {}  # hash of a text that is kept -> the line where it begins
    rows = kept = contradictory = 0
    with atomic_writer(output) as plain:
        stream = gzip.GzipFile(fileobj=plain, mode="wb", mtime=0) if output.suffix == ".gz" else plain
        for record, content in _records(source, path, kind):
            if record is None:  # what stands before the first record: a header
                stream.write(content)
                continue
            rows += 1
            reason = None
            if isinstance(record, BadRow):
                reason = "skipped"
            else:
                digest = text_hash(record.text)
                if digest not in labels:
                    raise changed_while_read([path])
                if not record.text.strip():
                    reason = "empty"
                elif digest in held_out:
                    reason = "in test"
                elif labels[digest] is None:
                    contradictory += 1
                    if contradictory <= LISTED:
                        found.contradictory_listed.append(f"{path}:{record.line}")
                elif first.setdefault(digest, record.line) != record.line:
                    reason = "repeated"
            if reason is None:
                kept += 1
                stream.write(content)
                continue
            found.taken_out[reason] += 1
            if len(found.listed) < LISTED:
                why = f"repeats line {first[digest]}" if reason == "repeated" else reason
                found.listed.append(f"{path}:{record.line} ({why})")
        if stream is not plain:
            stream.close()
    return found._replace(rows=rows, kept=kept, contradictory=contradictory)


def _records(source: Source, path: str, kind: str) -> Iterator[tuple[Record | BadRow | None, bytes]]:
    """Each record with its bytes; before the first one None, with the bytes before it."""
    with open_binary(path) as text, open_binary(path) as raw:
        at, current = 1, None
        undecodable: dict[int, str] | None = {} if source.skip_bad_rows else None
        lines = read_lines(text, source.encoding, path, source.options.encoding, undecodable)
        for record in parse(lines, kind, path, source.columns()):
            if undecodable and (reason := undecodable_reason(record, undecodable)):
                record = BadRow(record.line, reason)
            yield current, b"".join(islice(raw, record.line - at))
            at, current = record.line, _checked(record, source, path)
        yield current, b"".join(raw)


def _checked(record: Record | BadRow, source: Source, path: str) -> Record | BadRow:
    """The record, a BadRow where its label is bad. Raises DataError where bad rows are not skipped."""
    if isinstance(record, Record):
        problem = label_problem(str(record.label), source.label_names)
        if problem is None:
            return record
        record = BadRow(record.line, problem)
    source.bad_row(f"{path}:{record.line}", record.reason)
    return record
