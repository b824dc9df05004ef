"""What is requested from a data file, and what each parser yields: records and bad rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

Column = int | str
TextColumns = Column | list[Column]  # of several, the texts are joined


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a file: the line it begins on (1-based), its text, its label where labels are read, and all its
    fields by column where they are kept."""

    line: int
    text: str
    label: str | None
    row: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that does not fit the format; the caller decides what happens to it. row: its fields, if they are kept and
    could be read."""

    line: int
    reason: str
    row: dict[str, Any] | None = None


@dataclass(frozen=True)
class OptionNames:
    """How messages refer to an option. bad_rows: which option accepts bad rows, and its effect; None if none does."""

    text_column: str = "--text-column "
    label_column: str = "--label-column "
    format: str = "--set data.format="
    encoding: str = "--set data.encoding="
    delimiter: str = "--set data.delimiter="
    bad_rows: str | None = "--set data.bad_rows=skip leaves such rows out and counts them"


@dataclass(frozen=True)
class Columns:
    """Where text and label are: a name (of a header, of a JSON key), a 0-based number, or None, the format's default.

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
        """The columns of the text, none if it is the format's default."""
        return self.text if isinstance(self.text, list) else [] if self.text is None else [self.text]


def join_texts(parts: Iterable[str]) -> str:
    """The text of several columns: a line each, without empty ones."""
    return "\n".join(part for part in parts if part)


def strip_line_end(line: str) -> str:
    """Without the `\\n` or `\\r\\n` at its end; a lone `\\r` there is text."""
    if line.endswith("\n"):
        return line[:-2] if line.endswith("\r\n") else line[:-1]
    return line


def quoted(fields: list[str]) -> str:
    """The first fields of a row for a message, each cut where it is long."""
    return ", ".join(repr(field if len(field) <= 40 else field[:37] + "...") for field in fields[:8])


def count_of(number: int, noun: str) -> str:
    """`1 field`, `3 fields`."""
    return f"{number} {noun}{'s' * (number != 1)}"
