"""`textrnn eval`."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated, Literal

import typer

from textrnn.cli import options
from textrnn.errors import UsageError
from textrnn.runtime.process import TORCH_ADDRESS_SPACE, check_memory
from textrnn.runtime.terminal import json_text, stdout_columns


def eval_(
    run: options.Run,
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="DATA", help="File of labelled texts.  [default: the run's own test file]", show_default=False
        ),
    ] = None,
    split: Annotated[
        Literal["test", "dev", "train"] | None,
        options.option(help="Part of the run's own data to read.  [default: test]"),
    ] = None,
    text_column: options.TextColumn = None,
    label_column: options.LabelColumn = None,
    set_: options.Set = None,
    output: Annotated[
        Path | None,
        options.option("--output", "-o", metavar="DIR", help="Folder for results.  [default: RUN/eval/<data name>]"),
    ] = None,
    json: options.Json = False,
    device: options.Device = "auto",
    precision: options.Precision = "float32",
) -> None:
    """Evaluate a model: scores, confusion matrix, predictions.

    Example: textrnn eval runs/sample

    Example: textrnn eval runs/sample more.tsv --json
    """
    begin = time.perf_counter()
    if data is not None and split is not None:
        raise UsageError("--split names a part of the run's own data; it does not go with DATA")
    overrides = options.parse_overrides(set_, text_column, label_column)
    check_memory(TORCH_ADDRESS_SPACE)
    from textrnn.commands.eval import evaluate
    from textrnn.reports.text import report_text

    folder, metrics = evaluate(
        run, data, split=split, overrides=overrides, output=output, device=device, precision=precision, begin=begin
    )
    text = json_text(metrics, indent=2) if json else report_text(metrics, stdout_columns(), file=folder / "report.txt")
    sys.stdout.write(text)
