"""The columns that are read from a file; records and bad rows, of lines of text and fastText in particular."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from textrnn.errors import DataError

Column = int | str
TextColumns = Column | list[Column]  # of several, the texts are joined
DEFAULT_COLUMNS: dict[str, tuple[Column, Column]] = {
    "tsv": (1, 0),
    "csv": ("text", "label"),
    "jsonl": ("text", "label"),
}
_COMMA = re.compile(r"__label__[^,\s]+\s*,")
_FASTTEXT_LABEL = re.compile(r"__label__(\S+)(?:[ \t]+|$)")


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a file: the line it begins on (1-based), its text, its label if labels are read, and all its
    fields by column if they are kept."""

    line: int
    text: str
    label: str | None
    row: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that does not fit the format. row: its fields, if they are kept and could be read."""

    line: int
    reason: str
    row: dict[str, Any] | None = None


@dataclass(frozen=True)
class OptionNames:
    """A command's options, for messages. bad_rows: the one that accepts bad rows, and its effect; None without it."""

    format: str = "--set data.format="
    encoding: str = "--set data.encoding="
    delimiter: str = "--set data.delimiter="
    bad_rows: str | None = "--set data.bad_rows=skip leaves such rows out and counts them"


@dataclass(frozen=True)
class Columns:
    """The columns of text and label: a name (in a header or of a JSON key), a 0-based number, or None for the default.

    text: a list for a text that is joined from several columns (`join_texts`). labelled: False ignores labels, so that
    files without any can be read. delimiter: of csv files, None: the one that fits their first `sample_lines` lines.
    keep: whether records keep all their fields.
    """

    text: TextColumns | None = None
    label: Column | None = None
    labelled: bool = True
    delimiter: str | None = None
    sample_lines: int = 100
    keep: bool = False
    options: OptionNames = OptionNames()

    @property
    def texts(self) -> list[Column]:
        """The columns of the text; an empty list for the format's default."""
        return self.text if isinstance(self.text, list) else [] if self.text is None else [self.text]

    @property
    def required(self) -> list[Column]:
        """The columns that each row must have: those of the text, and of labels if they are read."""
        return [*self.texts, self.label] if self.labelled and self.label is not None else self.texts

    def option_for(self, column: Column) -> str:
        """The option that sets one of the required columns."""
        return "--text-column" if column in self.texts else "--label-column"

    def empty_text(self, line: int) -> Record:
        """The record of a blank line in a file without labels."""
        return Record(line, "", None, {} if self.keep else None)


def text_records(lines: Iterable[str], columns: Columns) -> Iterator[Record]:
    """Each line is a text."""
    row: dict[str, Any] | None = {} if columns.keep else None
    return (Record(number, strip_line_end(line), None, row) for number, line in enumerate(lines, start=1))


def fasttext_records(lines: Iterable[str], name: str, columns: Columns) -> Iterator[Record | BadRow]:
    """`__label__NAME text` on each line. name: the file's name, for messages."""
    for number, line in enumerate(lines, start=1):
        line = strip_line_end(line)
        match = _FASTTEXT_LABEL.match(line)
        text = line[match.end() :] if match else line
        if not columns.labelled:
            row = {"label": match.group(1)} if match else {}
            yield Record(number, text, None, row if columns.keep else None)
        elif match is None:
            yield BadRow(number, f"expected `__label__NAME text`, found {line[:40]!r}")
        elif _FASTTEXT_LABEL.match(text):
            yield BadRow(number, f"expected one label, found several: {line[:60]!r}")
        elif match.group(1).endswith(","):
            yield BadRow(number, f"expected `__label__NAME text`, found {line[:40]!r}: {comma_remedy(line, name)}")
        else:
            yield Record(number, text, match.group(1))


def comma_remedy(line: str, name: str) -> str | None:
    """The remedy for a comma behind the label of a fastText line; None without a comma."""
    if _COMMA.match(line) is None:
        return None
    return (
        f"the label ends at white space, so a comma belongs to it: remove commas after labels with "
        f"sed 's/^\\(__label__[^, ]*\\) *, */\\1 /' {shlex.quote(name)} > NEW.txt"
    )


def check_line_end(line: str, name: str) -> None:
    """Raises DataError if a file's first line shows that its lines end in carriage returns alone."""
    if "\r" in line and not line.endswith("\n"):
        raise DataError(
            f"{name}: the lines end in carriage returns (\\r) without line feeds, as on old Macs: convert the file "
            f"with tr '\\r' '\\n' < {shlex.quote(name)} > NEW"
        )


def join_texts(parts: Iterable[str]) -> str:
    """The text of several columns: a line each, without empty ones."""
    return "\n".join(part for part in parts if part)


def strip_line_end(line: str) -> str:
    """The line without `\\n` or `\\r\\n` at its end; a lone `\\r` there is text."""
    return line[:-2] if line.endswith("\r\n") else line.removesuffix("\n")


def quoted(fields: list[str]) -> str:
    """The first fields of a row for a message; long ones are cut."""
    return ", ".join(repr(field if len(field) <= 40 else field[:37] + "...") for field in fields[:8])


def count_of(number: int, noun: str) -> str:
    """`1 field`, `3 fields`."""
    return f"{number} {noun}{'s' * (number != 1)}"
