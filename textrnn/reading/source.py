"""A split as the user specifies it: files, globs or folders, their format, and how to read them."""

from __future__ import annotations

import contextlib
import difflib
import glob
import json
import os
import re
import shlex
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from textrnn.errors import DataError, short
from textrnn.reading.decoding import check_encoding, check_line_end, looks_like_utf8, read_lines, strip_line_end
from textrnn.runtime.files import open_binary, strip_gz

Column = int | str
TextColumns = Column | list[Column]  # the texts of several columns are joined
DEFAULT_COLUMNS: dict[str, tuple[Column, Column]] = {
    "tsv": (1, 0),
    "csv": ("text", "label"),
    "jsonl": ("text", "label"),
}
_SUFFIX_FORMATS = {".tsv": "tsv", ".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_ARRAY = re.compile(r"\[\s*(\{|\[|$)")


@dataclass(frozen=True)
class OptionNames:
    """A command's options, for messages. bad_rows: the option that accepts bad rows, and its effect; None without."""

    format: str = "--set data.format="
    encoding: str = "--set data.encoding="
    delimiter: str = "--set data.delimiter="
    bad_rows: str | None = "--set data.bad_rows=skip leaves such rows out and counts them"


@dataclass(frozen=True)
class Source:
    """The texts of one split.

    paths: files, globs or folders. format: auto, tsv, csv, jsonl, fasttext, folder, or text (one text per line, for
    texts without labels). text_column, label_column: a name (in a header or of a JSON key), a 0-based number, or None
    for the default; a list for a text that is joined from several columns. label_names: the names of the 0-based ids
    in the files, None if labels are names. weight_column: a name or number of the weights of rows, None without; it is
    read with labels. delimiter: the character between the fields of csv files; None to detect it.
    mark_bad_rows: whether a bad row becomes an example with a problem. labelled: whether labels are read. live: whether
    lines may arrive late, so that only one is awaited at a time. keep: whether examples keep all fields. options: the
    options that messages name. cache_dir: the folder of its tokenized corpus, if it has one.
    """

    paths: list[str]
    format: str = "auto"
    text_column: TextColumns | None = None
    label_column: Column | None = None
    label_names: list[str] | None = None
    weight_column: Column | None = None
    delimiter: str | None = None
    encoding: str = "utf-8"
    skip_bad_rows: bool = False
    mark_bad_rows: bool = False
    labelled: bool = True
    live: bool = False
    keep: bool = False
    options: OptionNames = OptionNames()
    cache_dir: Path | None = None

    def __post_init__(self) -> None:
        if self.format == "text" and self.labelled:
            raise ValueError("format 'text' has no labels: it needs labelled=False")

    @cached_property
    def text_columns(self) -> list[Column]:
        """The columns that make up a text; empty for the format's default."""
        if isinstance(self.text_column, list):
            return self.text_column
        return [] if self.text_column is None else [self.text_column]

    @cached_property
    def required_columns(self) -> list[Column]:
        """The columns that each row must have: the text columns and, if labels are read, those of labels and
        weights."""
        others = (self.label_column, self.weight_column) if self.labelled else ()
        return [*self.text_columns, *(column for column in others if column is not None)]

    def option_for(self, column: Column) -> str:
        """The option that sets one of the required columns; its value follows."""
        if column in self.text_columns:
            return "--text-column "
        return "--label-column " if column == self.label_column else "--set data.weight_column="

    def similar_weight_column(self, names: list[str]) -> str:
        """A question about the column that was meant by a weight column that is not among these names, or nothing."""
        similar = difflib.get_close_matches(str(self.weight_column), names, n=1)
        return f"Did you mean {short(similar[0])}? " if similar else ""

    @property
    def sample_lines(self) -> int:
        """The number of lines to guess from: one in a live stream, whose next line may take long to arrive."""
        return 1 if self.live else 100

    def files(self) -> list[tuple[str, str]]:
        """(path, format) of each file or folder, globs expanded in sorted order.

        Raises: DataError for a path that does not exist, is given twice, or is not of the format.
        """
        return self._files

    @cached_property  # because a file may have to be opened to find its format
    def _files(self) -> list[tuple[str, str]]:
        files: dict[str, tuple[str, str]] = {}  # by real path
        for pattern in self.paths:
            names = [pattern] if os.path.exists(pattern) else sorted(glob.glob(pattern, recursive=True))
            if not names:
                reason = "no file matches" if glob.has_magic(pattern) else "no such file or folder"
                raise DataError(f"{pattern}: {reason}")
            for name in names:
                kind = self._format_of(name)
                if files.setdefault(os.path.realpath(name), (name, kind))[0] is not name:
                    raise DataError(f"{name}: given twice for the same split; name each file once")
        return list(files.values())

    def unused_options(self) -> list[str]:
        """A sentence for each setting that has no effect on these files."""
        kinds, sentences = {kind for _, kind in self.files()}, []
        has_columns = self.text_column is not None or self.label_column is not None
        if has_columns and kinds <= {"fasttext", "folder", "text"}:
            sentences.append("data.text_column and data.label_column have no effect: the format has no columns")
        if self.delimiter is not None and self.format == "auto" and "csv" not in kinds:
            sentences.append("data.delimiter has no effect: no file is csv")
        return sentences

    def encoding_hints(self) -> list[str]:
        """A sentence for each file that seems to be UTF-8 but is read in another encoding; many encodings decode UTF-8
        as other characters."""
        if check_encoding(self.encoding) == "utf-8":
            return []  # without opening the files
        hints = []
        for path, kind in self.files():
            file: str | None = path
            if kind == "folder":  # its first file stands for all
                file = next((file for file, problem in folder_entries(path, follow_links=True) if not problem), None)
            if file is not None and looks_like_utf8(file):
                hints.append(
                    f"{file}: read as {self.encoding}, but it looks like utf-8: if texts come out garbled, pass "
                    f"{self.options.encoding}utf-8"
                )
        return hints

    def common_format(self) -> str:
        """The format of all files; auto if they differ."""
        kinds = {kind for _, kind in self.files()}
        return kinds.pop() if len(kinds) == 1 else "auto"

    def _format_of(self, path: str) -> str:
        if os.path.isdir(path):
            if self.format not in ("auto", "folder"):
                raise DataError(f"{path}: expected a {self.format} file (data.format), found a folder")
            return "folder"
        if problem := file_problem(path):
            raise DataError(f"{path}: {problem}")
        if self.format == "folder":
            raise DataError(f"{path}: expected a folder (data.format), found a file")
        if self.format != "auto":
            return self.format
        if kind := suffix_format(path):
            return kind
        return self._format_of_first_line(path) if self.labelled else "text"

    def _format_of_first_line(self, path: str) -> str:
        with open_binary(path) as stream:
            line = next(read_lines(stream, self.encoding, path, self.options.encoding), None)
        if line is None:
            raise DataError(f"{path}: the file is empty")
        check_line_end(line, path)
        if line.startswith("__label__"):
            return "fasttext"
        with contextlib.suppress(ValueError, RecursionError):
            if isinstance(json.loads(line), dict):
                return "jsonl"
        if "\t" in line:
            return "tsv"
        check_one_object_per_line(line, path)
        raise DataError(
            f"{path}:1: unknown format: expected a tab, __label__ or a JSON object in the first line, found "
            f"{strip_line_end(line)[:60]!r}. Pass {self.options.format}tsv, csv, jsonl or fasttext"
        )


def check_one_object_per_line(line: str, name: str, number: int = 1) -> None:
    """Raises DataError if a file's first line begins a JSON array, or an object that spans several lines."""
    text = line.strip()
    if _ARRAY.match(text):
        convert = "import json, sys; [print(json.dumps(row)) for row in json.load(open(sys.argv[1], encoding='utf-8'))]"
        raise DataError(
            f"{name}:{number}: expected one JSON object per line (jsonl), found a JSON array: convert the file with "
            f'python3 -c "{convert}" {shlex.quote(name)} > NEW.jsonl'
        )
    if text == "{":
        raise DataError(
            f"{name}:{number}: expected one JSON object per line (jsonl), found one over several lines: write each "
            f"object on its own line"
        )


def suffix_format(path: str) -> str | None:
    """The format that a file name's suffix implies, also before .gz; None for any other suffix."""
    return _SUFFIX_FORMATS.get(os.path.splitext(strip_gz(path))[1].lower())


def changed_while_read(paths: Iterable[str]) -> DataError:
    return DataError(f"{', '.join(paths)}: changed while or after it was read; try again once nothing writes to it")


def class_names(folder: str) -> list[str]:
    """The sorted names in a folder, without hidden ones (.DS_Store); in a folder of classes, one per class."""
    return sorted(name for name in os.listdir(folder) if not name.startswith("."))


def folder_entries(folder: str, *, follow_links: bool = False) -> Iterator[tuple[str, str | None]]:
    """(path, None) for each file below a folder that is not hidden, sorted, at any depth; (path, problem) for anything
    else there.

    follow_links: whether to follow links to folders directly in this one. Further down, links may form a circle.
    """
    waiting = [(folder, name) for name in reversed(class_names(folder))]
    while waiting:
        parent, name = waiting.pop()
        path = os.path.join(parent, name)
        if os.path.isdir(path) and ((follow_links and parent == folder) or not os.path.islink(path)):
            waiting += [(path, name) for name in reversed(class_names(path))]
        else:
            yield path, file_problem(path)


def file_problem(path: str) -> str | None:
    """Why a path cannot be read as a file, or None."""
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        if os.path.islink(path):
            return "expected a file, found a broken link"
        return f"cannot be read: {error.strerror}"
    if stat.S_ISDIR(mode):
        return "expected a file, found a link to a folder, which is not followed; move the folder here"
    return None if stat.S_ISREG(mode) else "expected a file, found a pipe, socket or device"
