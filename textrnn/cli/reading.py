"""The texts that `predict` and `explain` read, and how: options of both."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from textrnn.cli.options import parse_text_column
from textrnn.errors import DataError, UsageError, command

InputFormat = Literal["text", "tsv", "csv", "jsonl", "fasttext", "folder"]
FilesArgument = Annotated[
    list[str] | None, typer.Argument(metavar="FILE|-", help="Texts; - is stdin.", show_default=False)
]
FormatOption = Annotated[
    InputFormat | None,
    typer.Option(
        metavar="F",
        help="text (one a line), tsv, csv, jsonl, fasttext or folder.  [default: by suffix; else the run's, where "
        "the first lines fit it; else text]",
        show_default=False,
    ),
]
DelimiterOption = Annotated[
    str | None, typer.Option(metavar="D", help="Of csv files.  [default: the run's]", show_default=False)
]
EncodingOption = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Of the files.  [default: the run's; of stdin utf-8]", show_default=False),
]


def check_files(files: list[str] | None, verb: str, run: Path) -> None:
    """Raises UsageError if no texts are given, DataError for a name of no file, which may be a text."""
    if not files and sys.stdin.isatty():
        raise UsageError(f"give a FILE, or pipe texts in, as in: {command(verb, run, 'texts.txt')}")
    missing = [name for name in files or [] if name != "-" and not os.path.lexists(name)]
    if missing:
        text = " ".join(missing) if missing == files else missing[0]
        raise DataError(
            f"{missing[0]}: no such file; texts themselves are read from standard input: "
            f"{shlex.join(['echo', text])} | {command(verb, run)}"
        )


def reading_options(
    format: InputFormat | None, text_column: list[str] | None, delimiter: str | None, encoding: str | None
) -> tuple[str | None, int | str | list[int | str] | None, str | None, str | None]:
    """The first fields of InputOptions. Raises UsageError."""
    from textrnn.runtime.decoding import check_encoding

    try:
        if encoding is not None:
            check_encoding(encoding)
    except LookupError as error:
        raise UsageError(f"--encoding: {error.args[0]}") from None
    text = parse_text_column(text_column) if text_column else None
    return format, text, _delimiter(delimiter), encoding


def _delimiter(option: str | None) -> str | None:
    if option is None:
        return None
    from textrnn.config.sections import check_delimiter

    try:
        return check_delimiter(option)
    except ValueError as error:
        raise UsageError(f"--delimiter: {error}") from None
