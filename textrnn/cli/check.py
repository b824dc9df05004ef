"""`textrnn check`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from textrnn.cli import options
from textrnn.errors import DataError, UsageError
from textrnn.runtime.terminal import json_text


def check(
    config: options.Config = None,
    text_column: options.TextColumn = None,
    label_column: options.LabelColumn = None,
    set_: options.Set = None,
    data: options.Data = None,
    output: Annotated[
        Path | None,
        options.option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write the texts whose labels are probably wrong, the likeliest first, to a .tsv or .csv file.",
        ),
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Add the other columns of the input to the file of --output.")
    ] = False,
    clean: Annotated[
        Path | None,
        options.option(
            metavar="FILE",
            help="Write a copy of the training file without empty texts, repeated texts and texts of test.",
        ),
    ] = None,
    json: options.Json = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with code 1 if a severe fault is found.")] = False,
) -> None:
    """Find faults in labelled texts: copies, leaks, wrong labels.

    It also finds damaged characters, rare classes and more (docs/explanation/check.md).

    Example: textrnn check --config configs/sample.yaml

    Example: textrnn check --data reviews.csv --set data.test=test.csv --output suspects.tsv

    Example: textrnn check --data reviews.csv --clean clean.csv
    """
    if keep and output is None:
        raise UsageError("--keep adds columns to the file of --output: give both")
    overrides = options.parse_overrides(set_, text_column, label_column)
    settings = options.load_config(config, data, overrides, example="textrnn check --data reviews.csv")
    from textrnn.checking.findings import report_json, report_text
    from textrnn.commands.check import check as run

    report = run(settings, output, config, keep=keep, clean=clean)
    print(json_text(report_json(report), indent=2) if json else report_text(report), end="", flush=True)
    if strict and report.severe:
        raise DataError(f"{report.severe} severe finding{'s' * (report.severe > 1)} (--strict)")
