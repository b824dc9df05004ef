"""`textrnn compare`."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated, Literal

import typer

from textrnn.cli import options
from textrnn.cli.completion import run_folders
from textrnn.errors import UsageError
from textrnn.runtime.process import TORCH_ADDRESS_SPACE, check_memory
from textrnn.runtime.terminal import json_text, stdout_columns


def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN RUN...", autocompletion=run_folders, help="Folders of runs; each is compared with the first."
        ),
    ],
    data: Annotated[
        str | None,
        options.option(
            metavar="DATA",
            help="File of labelled texts to compare the runs on.  [default: the runs' test files, which must be equal]",
        ),
    ] = None,
    split: Annotated[
        Literal["test", "dev"] | None,
        options.option(help="Part of the runs' own data to read.  [default: test]"),
    ] = None,
    text_column: options.TextColumn = None,
    label_column: options.LabelColumn = None,
    set_: options.Set = None,
    output: Annotated[
        Path | None,
        options.option(
            "--output",
            "-o",
            metavar="DIR",
            help="Folder for comparison.json, .txt and .html, and for differences.tsv, the texts that one run gets "
            "right and another wrong.",
        ),
    ] = None,
    json: options.Json = False,
    device: options.Device = "auto",
) -> None:
    """Compare runs on the same texts, with tests of significance.

    Example: textrnn compare runs/a runs/b

    Example: textrnn compare runs/a runs/b runs/c --data more.tsv --output comparison
    """
    begin = time.perf_counter()
    if data is not None and split is not None:
        raise UsageError("--split names a part of the runs' own data; it does not go with --data")
    if len(runs) < 2:
        raise UsageError("two or more runs were expected, as in: textrnn compare runs/a runs/b")
    overrides = options.parse_overrides(set_, text_column, label_column)
    check_memory(TORCH_ADDRESS_SPACE)
    from textrnn.commands.compare import compare as run_compare
    from textrnn.reports.comparison import comparison_text

    comparison = run_compare(runs, data, split=split, overrides=overrides, output=output, device=device, begin=begin)
    sys.stdout.write(json_text(comparison, indent=2) if json else comparison_text(comparison, stdout_columns()))
