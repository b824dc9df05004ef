"""Options that several commands share, and how they are read."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from textrnn.cli.completion import config_files, device_names, key_settings, run_folders
from textrnn.errors import DataError, UsageError, command, short
from textrnn.runtime.progress import log

option = partial(typer.Option, show_default=False)


def _device(name: str) -> str:
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", name, re.ASCII):
        raise typer.BadParameter(f"auto, cpu, cuda or cuda:N was expected, found {short(name)}")
    return name


Config = Annotated[
    Path | None,
    option(
        "--config", "-c", metavar="FILE", autocompletion=config_files,
        help="YAML file with the settings of data, model and training.",
    ),
]  # fmt: skip
Set = Annotated[
    list[str] | None,
    option(
        "--set", metavar="A.B=V", autocompletion=key_settings,
        help="Set a config key; the value is read as YAML. Takes precedence over the config file and over all other "
        "options. Repeatable.",
    ),
]  # fmt: skip
Data = Annotated[
    list[str] | None,
    option("--data", metavar="FILE", help="{data.train} Short for --set data.train=FILE. Repeatable."),
]
TextColumn = Annotated[
    list[str] | None,
    option(metavar="COLUMN", help="{data.text_column} Several columns are joined if named with commas: title,body."),
]
LabelColumn = Annotated[list[str] | None, option(metavar="COLUMN", help="{data.label_column}")]
Preset = Annotated[Literal["best", "plain", "linear"] | None, option(help="{preset}")]
Device = Annotated[
    str,
    typer.Option(
        "--device", callback=_device, metavar="NAME", autocompletion=device_names,
        help="Device to compute on: cpu, cuda or cuda:N; auto takes a GPU if there is one.",
    ),
]  # fmt: skip
Precision = Annotated[
    Literal["float32", "bfloat16", "auto"],
    typer.Option(
        "--precision",
        help="Number format of matrix products; auto takes bfloat16 if it is fast on this processor and predicted the "
        "same classes during training.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object in place of the text.")]
Run = Annotated[
    Path,
    typer.Argument(
        metavar="RUN", autocompletion=run_folders, help="Folder of a run, or the folder model/ in it.",
        show_default=False,
    ),
]  # fmt: skip


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
    options: list[str] | None, text_column: list[str] | None = None, label_column: list[str] | None = None, *,
    values: Mapping[str, Any] | None = None,
) -> list[tuple[str, Any]]:  # fmt: skip
    """The (key, value) pairs of all options that set a config key, those of `--set` last, since they take precedence.
    values: of options that are short for a key; None if an option is not given. Raises UsageError."""
    from textrnn.config import parse_override

    overrides = [(key, value) for key, value in (values or {}).items() if value is not None]
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
    """The config of --config, --data and --set together. example: options that the message of a
    UsageError suggests if none of them names texts; None allows that."""
    if example and config is None and not data and not any(key == "data.train" for key, _ in overrides):
        raise UsageError(f"give --config FILE, or --data FILE for a labelled file, as in: {example}")
    from textrnn.config import changed_keys
    from textrnn.config import load_config as load

    train = [("data.train", one_or_all(data))] if data else []
    settings = load(config, train + overrides, preset)
    values = settings.model_dump()
    keys = (key.split(".") for key in changed_keys(settings, type(settings)(preset=settings.preset)))
    changed = [f"{section}.{key} {short(values[section][key])}" for section, key in keys]
    log.debug("config: preset %s", ", ".join([settings.preset, *changed]))
    return settings


def one_or_all(files: list[str] | None) -> str | list[str] | None:
    """The value of a key for the files of a repeatable option; None without any."""
    return files[0] if files and len(files) == 1 else files or None


def run_name(config: Path | None, train_files: Any) -> str:
    """The config's name, or that of the first training file."""
    from textrnn.runtime.files import data_name

    if config is not None:
        return data_name(config.with_suffix(".yaml"))
    first = train_files[0] if isinstance(train_files, list) and train_files else train_files
    return data_name(first if isinstance(first, str) else "train")


InputFormat = Literal["text", "tsv", "csv", "jsonl", "fasttext", "folder"]
Files = Annotated[
    list[str] | None,
    typer.Argument(metavar="FILE|-", help="Files of texts; - reads standard input.", show_default=False),
]
Format = Annotated[
    InputFormat | None,
    option(
        metavar="F",
        help="Format of the files: text (one text per line), tsv, csv, jsonl, fasttext or folder.  [default: by the "
        "suffix, else the training format if the first lines fit it, else text]",
    ),
]
Delimiter = Annotated[str | None, option(metavar="D", help="{data.delimiter}  [default: as in training]")]
Encoding = Annotated[
    str | None,
    option(metavar="NAME", help="{data.encoding}  [default: as in training; utf-8 for standard input]"),
]


def check_files(files: list[str] | None, verb: str, run: Path, *, may_be_text: bool = True) -> None:
    """Raises UsageError if no texts are given, DataError for a name of no file. may_be_text: whether a user may have
    given a text in place of a name."""
    if not files and sys.stdin.isatty():
        raise UsageError(f"give a FILE, or pipe texts in, as in: {command(verb, run, 'texts.txt')}")
    missing = [name for name in files or [] if name != "-" and not os.path.lexists(name)]
    if missing:
        text = " ".join(missing) if missing == files else missing[0]
        direct = f"{shlex.join(['echo', text])} | {command(verb, run)}"
        hint = f"; to classify a text directly, pipe it in: {direct}" if may_be_text else ""
        raise DataError(f"{missing[0]}: no such file{hint}")


def warn_of_suffix(output: Path | None, output_format: str) -> None:
    """Log a warning if an output has the suffix of another format than it is written in."""
    suffix = "" if output is None else output.suffix.lower().removeprefix(".")
    if suffix in ("csv", "jsonl") and suffix != output_format:
        log.warning("%s is written as %s; --output-format %s writes %s", output, output_format, suffix, suffix)


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
