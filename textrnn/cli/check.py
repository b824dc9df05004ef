"""`textrnn check`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from textrnn.cli import options
from textrnn.errors import DataError, UsageError


def check(
    config: options.Config = None,
    text_column: options.TextColumn = None,
    label_column: options.LabelColumn = None,
    set_: options.Set = None,
    data: options.Data = None,
    output: Annotated[
        Path | None,
        options.option(metavar="FILE", help="Write the suspects of wrong labels, the likeliest first: .tsv or .csv."),
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="With --output: add the other columns of the input.")] = False,
    clean: Annotated[
        Path | None,
        options.option(metavar="FILE", help="Write the training file without empty texts, copies and texts of test."),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 where something severe is found.")] = False,
) -> None:
    """Look for faults of labelled texts: copies, leaks, wrong labels.

    Also damaged characters, rare classes and more (docs/explanation/check.md).

    Example: textrnn check --config configs/sample.yaml

    Example: textrnn check --data reviews.csv --set data.test=test.csv --output suspects.tsv

    Example: textrnn check --data reviews.csv --clean clean.csv
    """
    if keep and output is None:
        raise UsageError("--keep adds columns to the file of --output: give both")
    overrides = options.parse_overrides(set_, text_column, label_column)
    settings = options.load_config(config, data, overrides, example="textrnn check --data reviews.csv")
    from textrnn.commands.check import check as run

    report, severe = run(settings, output, config, keep=keep, clean=clean)
    print(report, end="", flush=True)
    if strict and severe:
        raise DataError(f"{severe} severe finding{'s' * (severe > 1)} (--strict)")
