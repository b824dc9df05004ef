"""Options that several commands share, and how they are read."""

from __future__ import annotations

import os
import re
import shlex
import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from textrnn.errors import DataError, UsageError, command, short

option = partial(typer.Option, show_default=False)


def _device(name: str) -> str:
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", name, re.ASCII):
        raise typer.BadParameter(f"auto, cpu, cuda or cuda:N was expected, found {short(name)}")
    return name


Config = Annotated[Path | None, option("--config", "-c", metavar="FILE", help="The YAML config.")]
Set = Annotated[
    list[str] | None, option("--set", metavar="A.B=V", help="Change a config key, the value read as YAML. Repeatable.")
]
Data = Annotated[
    list[str] | None,
    option("--data", metavar="FILE", help="Labelled texts: short for --set data.train=FILE. Repeatable."),
]
TextColumn = Annotated[
    list[str] | None,
    option(metavar="COLUMN", help="Of texts: a name, or a 0-based number; several, with commas, are joined."),
]
LabelColumn = Annotated[list[str] | None, option(metavar="COLUMN", help="Of labels, likewise a single one.")]
Preset = Annotated[
    Literal["best", "plain"] | None,
    option(help="The defaults of keys that are not stated; plain: the network of the config and nothing else."),
]
Device = Annotated[str, typer.Option("--device", callback=_device, metavar="NAME", help="auto, cpu, cuda or cuda:N.")]
Precision = Annotated[
    Literal["float32", "bfloat16", "auto"],
    typer.Option("--precision", help="Of matrix products; auto: bfloat16 where it is fast and agrees."),
]
Run = Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder, or the model/ in it.", show_default=False)]


def _text_column(values: list[str]) -> int | str | list[int | str]:
    """The value of --text-column: one column, or several between commas. Raises UsageError."""
    value = _once("--text-column", values)
    columns = [_column("--text-column", name) for name in re.findall(r'"[^"]+"|[^,]+', value) or [value]]
    return columns[0] if len(columns) == 1 else columns


def _once(option: str, values: list[str]) -> str:
    if len(values) > 1:
        raise UsageError(
            f"{option} is given more than once; several columns of texts are named together: --text-column title,body"
        )
    return values[0]


def _column(option: str, value: str) -> int | str:
    """A column's number, or its name: in double quotes if it looks like a number or has a comma. Raises UsageError."""
    from textrnn.config.values import MAX_COLUMN

    name = value.strip()
    if len(name) > 2 and name[0] == name[-1] == '"':
        return name[1:-1]
    is_number = name.isascii() and name.isdigit()
    if not name or (is_number and len(name) > len(str(MAX_COLUMN))):
        raise UsageError(f"{option}: a name, or a number up to {MAX_COLUMN}, was expected, found {short(name)}")
    return int(name) if is_number else name


def parse_overrides(
    options: list[str] | None, text_column: list[str] | None = None, label_column: list[str] | None = None
) -> list[tuple[str, Any]]:
    """The (key, value) pairs of `--text-column`, `--label-column` and `--set`. Raises UsageError."""
    from textrnn.config import parse_override

    overrides: list[tuple[str, Any]] = []
    if text_column:
        overrides.append(("data.text_column", _text_column(text_column)))
    if label_column:
        overrides.append(("data.label_column", _column("--label-column", _once("--label-column", label_column))))
    try:
        return overrides + [parse_override(option) for option in options or []]
    except ValueError as error:
        raise UsageError(f"--set: {error}") from None


def load_config(
    config: Path | None, data: list[str] | None, overrides: list[tuple[str, Any]], preset: str | None = None, *,
    example: str | None = None,
) -> Any:  # fmt: skip
    """The config of --config, --data and --set together. example: what to give, for the UsageError that is raised if
    none of them names texts; without one, they need not."""
    if example and config is None and not data and not any(key == "data.train" for key, _ in overrides):
        raise UsageError(f"give --config FILE, or --data FILE for a labelled file, as in: {example}")
    from textrnn.config import load_config as load

    train = [("data.train", data[0] if len(data) == 1 else data)] if data else []
    return load(config, train + overrides, preset)


def run_name(config: Path | None, train_files: Any) -> str:
    """The config's name, or that of the first training file."""
    from textrnn.runtime.files import data_name

    if config is not None:
        return data_name(config.with_suffix(".yaml"))
    first = train_files[0] if isinstance(train_files, list) and train_files else train_files
    return data_name(first if isinstance(first, str) else "train")


InputFormat = Literal["text", "tsv", "csv", "jsonl", "fasttext", "folder"]
Files = Annotated[list[str] | None, typer.Argument(metavar="FILE|-", help="Texts; - is stdin.", show_default=False)]
Format = Annotated[
    InputFormat | None,
    option(
        metavar="F",
        help="text (one a line), tsv, csv, jsonl, fasttext or folder.  [default: by suffix; else the run's, where "
        "the first lines fit it; else text]",
    ),
]
Delimiter = Annotated[str | None, option(metavar="D", help="Of csv files.  [default: the run's]")]
Encoding = Annotated[str | None, option(metavar="NAME", help="Of the files.  [default: the run's; of stdin utf-8]")]


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
    from textrnn.config.values import check_delimiter
    from textrnn.reading.decoding import check_encoding

    try:
        if encoding is not None:
            check_encoding(encoding)
    except LookupError as error:
        raise UsageError(f"--encoding: {error.args[0]}") from None
    columns = _text_column(text_column) if text_column else None
    try:
        return format, columns, delimiter if delimiter is None else check_delimiter(delimiter), encoding
    except ValueError as error:
        raise UsageError(f"--delimiter: {error}") from None
