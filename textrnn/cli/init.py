"""`textrnn init`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from textrnn.cli import options


def init(
    file: Annotated[
        str,
        typer.Argument(metavar="FILE", help="Labelled texts: a file, a glob pattern or a folder.", show_default=False),
    ],
    text_column: options.TextColumn = None,
    label_column: options.LabelColumn = None,
    set_: options.Set = None,
    output: Annotated[
        Path | None, options.option("--output", "-o", metavar="CONFIG", help="Config to write.  [default: stdout]")
    ] = None,
    preset: options.Preset = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing CONFIG.")] = False,
) -> None:
    """Write a commented config for a file of labelled texts.

    Example: textrnn init reviews.csv -o reviews.yaml

    Example: textrnn init reviews.csv --preset plain --set model.cell=lstm
    """
    overrides = options.parse_overrides(set_, text_column, label_column)
    from textrnn.commands.init import init as run

    text = run(file, overrides, preset, output, force=force)
    if output is None:
        sys.stdout.write(text)
