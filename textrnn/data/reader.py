"""Files and folders -> labelled examples; every complaint carries `file:line`."""

from __future__ import annotations

import glob
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from textrnn.data import formats
from textrnn.data.formats import BadRow, Column
from textrnn.errors import DataError
from textrnn.runtime.decoding import read_lines
from textrnn.runtime.files import open_binary, strip_gz

_SUFFIX_FORMATS = {".tsv": "tsv", ".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_SKIPPED_SHOWN = 5
ENCODING_OPTION = "--set data.encoding="


class Example(NamedTuple):
    """A labelled text and where it stands: `file:line`, or the file of a folder."""

    text: str
    label: str
    where: str


@dataclass
class Source:
    """Labelled texts of one split, as the user named them.

    paths: files, globs or folders. label_names: the names behind 0-based ids, or None where labels are names.
    """

    paths: list[str]
    format: str = "auto"
    text_column: Column | None = None
    label_column: Column | None = None
    label_names: list[str] | None = None
    encoding: str = "utf-8"
    skip_bad_rows: bool = False
    # the rows that the last reading left out: how many, and a line for each of the first
    skipped_count: int = 0
    skipped: list[str] = field(default_factory=list)

    def files(self) -> list[tuple[str, str]]:
        """(path, format) of each file or folder, globs expanded in sorted order. Raises DataError where none is."""
        found: list[tuple[str, str]] = []
        for pattern in self.paths:
            if os.path.exists(pattern):
                names = [pattern]
            else:
                names = sorted(glob.glob(pattern, recursive=True))
                if not names:
                    kind = "no file matches" if glob.has_magic(pattern) else "no such file or folder"
                    raise DataError(f"{pattern}: {kind}")
            found += [(name, self._format_of(name)) for name in names]
        seen: set[str] = set()
        for name, _ in found:
            path = os.path.realpath(name)
            if path in seen:
                raise DataError(f"{name}: given twice for one split; name each file once")
            seen.add(path)
        return found

    def columns_unused(self) -> bool:
        """Whether columns are named although no file has any."""
        named = self.text_column is not None or self.label_column is not None
        return named and all(kind in ("fasttext", "folder") for _, kind in self.files())

    def _format_of(self, path: str) -> str:
        if os.path.isdir(path):
            if self.format not in ("auto", "folder"):
                raise DataError(f"{path}: a {self.format} file was expected (data.format), this is a folder")
            return "folder"
        if not os.path.isfile(path):
            raise DataError(f"{path}: a file or folder was expected, not a pipe or device: it is read more than once")
        if self.format == "folder":
            raise DataError(
                f"{path}: a folder with one sub-folder per class was expected (data.format), this is a file"
            )
        return self.format if self.format != "auto" else detect_format(path, self.encoding)


def read_examples(source: Source) -> Iterator[Example]:
    """Every labelled text of a source, in order.

    Raises: DataError at the first bad row, or, where they are skipped, leaves them out, counts them in
    `source.skipped_count` and lists the first of them; DataError for a file that holds no rows at all.
    """
    source.skipped_count = 0
    source.skipped.clear()
    for path, kind in source.files():
        count = 0
        for item in _read_folder(path, source) if kind == "folder" else _read_file(path, kind, source):
            item = _named(item, source.label_names)
            if isinstance(item, Example):
                count += 1
                yield item
            elif source.skip_bad_rows:
                source.skipped_count += 1
                if len(source.skipped) < _SKIPPED_SHOWN:
                    source.skipped.append(": ".join(item))
            else:
                raise DataError(": ".join(item) + " (data.bad_rows: skip leaves such rows out and counts them)")
        if count == 0:
            left_out = f"; {source.skipped_count:,} bad rows were skipped" if source.skipped else ""
            raise DataError(f"{path}: no labelled texts in it{left_out}")


class _Bad(NamedTuple):
    where: str
    reason: str


def _read_file(path: str, kind: str, source: Source) -> Iterator[Example | _Bad]:
    with open_binary(path) as stream:
        lines = read_lines(stream, source.encoding, path, ENCODING_OPTION)
        for record in formats.parse(lines, kind, path, source.text_column, source.label_column, labelled=True):
            where = f"{path}:{record.line}"
            if isinstance(record, BadRow):
                yield _Bad(where, record.reason)
            else:
                yield Example(record.text, record.label or "", where)


def _read_folder(path: str, source: Source) -> Iterator[Example | _Bad]:
    """One sub-folder per class, one file per document; hidden files (.DS_Store) are not documents."""
    classes = sorted(name for name in os.listdir(path) if not name.startswith("."))
    if not any(os.path.isdir(os.path.join(path, name)) for name in classes):
        raise DataError(f"{path}: a folder with one sub-folder per class was expected; it has no sub-folders")
    for label in classes:
        folder = Path(path, label)
        if not folder.is_dir():
            yield _Bad(str(folder), "a sub-folder per class was expected, this is a file: move it away")
            continue
        for file in folder_documents(str(folder)):
            with open_binary(file) as stream:
                text = "".join(read_lines(stream, source.encoding, file, ENCODING_OPTION))
            yield Example(text, label, file)


def folder_documents(folder: str) -> Iterator[str]:
    """The files below a folder that are not hidden, sorted, at any depth. Folders that are links are left out."""
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if name.startswith("."):
            continue
        if os.path.isfile(path):
            yield path
        elif os.path.isdir(path) and not os.path.islink(path):
            yield from folder_documents(path)


def _named(item: Example | _Bad, names: list[str] | None) -> Example | _Bad:
    """The item with its label checked, and turned from an id into a name where there are label names."""
    if isinstance(item, _Bad):
        return item
    if not item.label:
        return _Bad(item.where, "the row has no label")
    if not _is_unicode(item.label):
        return _Bad(item.where, f"a label in Unicode was expected, found {item.label!r}")
    if "\n" in item.label:
        return _Bad(item.where, f"a label must be on one line, found {item.label!r}")
    if names is None:
        return item
    if not (item.label.isascii() and item.label.isdigit()):
        return _Bad(
            item.where,
            f"a label id from 0 to {len(names) - 1} was expected (data.label_names is set), found {item.label!r}",
        )
    number = int(item.label)
    if number >= len(names):
        return _Bad(
            item.where,
            f"label id {number} is beyond data.label_names, which holds {len(names)} names (0 to {len(names) - 1})",
        )
    return item._replace(label=names[number])


def _is_unicode(text: str) -> bool:
    """Whether it can be written: folder names and JSON escapes can smuggle in halves of characters."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def read_label_names(path: str) -> list[str]:
    """Names of the label ids 0, 1, ...; one a line. Raises DataError with `file:line`."""
    with open_binary(path) as stream:
        names = [formats.strip_line_end(line).strip() for line in read_lines(stream, "utf-8", path)]
    while names and not names[-1]:
        names.pop()
    for number, name in enumerate(names, start=1):
        if not name:
            raise DataError(f"{path}:{number}: a label name was expected, the line is empty")
        if name in names[: number - 1]:
            raise DataError(f"{path}:{number}: the label name {name!r} stands twice")
    if len(names) < 2:
        raise DataError(f"{path}: two or more label names were expected, a line each, found {len(names)}")
    return names


def suffix_format(path: str) -> str | None:
    """The format that a file name's suffix says, also before .gz; None for any other suffix."""
    return _SUFFIX_FORMATS.get(os.path.splitext(strip_gz(path))[1].lower())


def detect_format(path: str, encoding: str) -> str:
    """The format of a file, by its suffix, else by its first line. Raises DataError where neither tells."""
    by_suffix = suffix_format(path)
    if by_suffix:
        return by_suffix
    with open_binary(path) as stream:
        first = next(read_lines(stream, encoding, path, ENCODING_OPTION), None)
    if first is None:
        raise DataError(f"{path}: the file is empty")
    if first.startswith("__label__"):
        return "fasttext"
    try:
        if isinstance(json.loads(first), dict):
            return "jsonl"
    except (ValueError, RecursionError):
        pass
    if "\t" in first:
        return "tsv"
    raise DataError(
        f"{path}:1: the format cannot be told from the first line, {formats.strip_line_end(first)[:60]!r}: no tab, no "
        f"__label__, no JSON object. Set data.format to tsv, csv, jsonl or fasttext"
    )


def read_texts(
    lines: Iterator[str], kind: str, name: str, text_column: Column | None, label_column: Column | None
) -> Iterator[str]:
    """The texts of a file to predict on, one for each record, in order; labels are not needed.

    Raises: DataError `file:line` for a record whose text cannot be told.
    """
    for record in formats.parse(lines, kind, name, text_column, label_column, labelled=False):
        if isinstance(record, BadRow):
            raise DataError(f"{name}:{record.line}: {record.reason}")
        yield record.text
