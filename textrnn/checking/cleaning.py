"""Copies a labelled file without empty texts, copies and texts of test; all other bytes stay the same."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from textrnn.corpus.writer import text_hash
from textrnn.errors import DataError
from textrnn.reading.decoding import check_encoding, ends_lines_with_one_byte
from textrnn.reading.reader import Example, Skipped, read_examples
from textrnn.reading.source import Source, changed_while_read
from textrnn.runtime.files import atomic_writer, open_binary

LISTED = 20  # maximum number of removed rows, and of contradictory copies, that are listed


@dataclass
class Cleaned:
    """The result of cleaning a file. taken_out: reason -> the number of rows. listed: a phrase for each of the
    first rows that were taken out. contradictory: the number of copies with different labels, all of which are kept.
    contradictory_listed: the places of the first of these."""

    rows: int = 0
    taken_out: Counter[str] = field(default_factory=Counter)
    listed: list[str] = field(default_factory=list)
    contradictory: int = 0
    contradictory_listed: list[str] = field(default_factory=list)


def file_to_clean(source: Source) -> str:
    """The path of a source's only file. Raises DataError if there are several, or if its records are not lines of
    bytes."""
    files = source.files()
    if len(files) > 1:
        raise DataError(f"--clean: expected one training file, found {len(files)}; clean them one at a time")
    path, kind = files[0]
    if kind == "folder":
        raise DataError(f"--clean: expected a training file, found the folder {path}: remove its files by hand")
    if not ends_lines_with_one_byte(check_encoding(source.encoding)):
        raise DataError(f"--clean: {path} is {source.encoding}, in which lines cannot be copied; convert it to utf-8")
    return path


def clean_file(source: Source, output: Path, held_out: Collection[bytes]) -> Cleaned:
    """Write the file of a source (see file_to_clean) without empty texts, without later copies of a text with the same
    label, without texts whose hash is in `held_out`, and without bad rows if these are skipped; gzip if `output` ends
    in .gz. Texts that occur with different labels all stay.

    Raises: DataError for a bad row, unless bad rows are skipped, and if the file changes meanwhile; TextRNNError if the
    output cannot be written.
    """
    path, skipped, cleaned = file_to_clean(source), Skipped(), Cleaned()
    labels: dict[bytes, str | None] = {}  # hash of a text -> its label; None if there are several
    for good in read_examples(source):
        digest = text_hash(good.text)
        labels[digest] = None if labels.setdefault(digest, good.label) != good.label else good.label
    first: dict[bytes, int] = {}  # hash of a text that is kept -> the line where it begins
    with atomic_writer(output) as plain:
        stream = gzip.GzipFile("", "wb", fileobj=plain, mtime=0) if output.suffix == ".gz" else plain
        for example, line, content in _examples(source, path):
            if example is None:  # the content before the first record: a header
                stream.write(content)
                continue
            cleaned.rows += 1
            digest = text_hash(example.text)
            reason = detail = ""
            if example.problem is not None:
                skipped.add(example.where, example.problem, source)
                reason = "skipped"
            elif digest not in labels:
                raise changed_while_read([path])
            elif not example.text.strip():
                reason = "empty"
            elif digest in held_out:
                reason = "in test"
            elif labels[digest] is None:
                cleaned.contradictory += 1
                if cleaned.contradictory <= LISTED:
                    cleaned.contradictory_listed.append(example.where)
            elif first.setdefault(digest, line) != line:
                reason, detail = "repeated", f"repeats line {first[digest]}"
            if not reason:
                stream.write(content)
                continue
            cleaned.taken_out[reason] += 1
            if len(cleaned.listed) < LISTED:
                cleaned.listed.append(f"{example.where} ({detail or reason})")
        if stream is not plain:
            stream.close()
    return cleaned


def _examples(source: Source, path: str) -> Iterator[tuple[Example | None, int, bytes]]:
    """Each example, a bad one with its problem, the line on which it begins, and its bytes; before the first one None,
    with the bytes before it."""
    with open_binary(path) as raw:
        current, at = None, 1
        for example in read_examples(replace(source, mark_bad_rows=True)):
            line = int(example.where.rpartition(":")[2])
            yield current, at, b"".join(islice(raw, line - at))
            current, at = example, line
        yield current, at, b"".join(raw)
