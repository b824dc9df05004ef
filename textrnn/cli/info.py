"""`textrnn info`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from textrnn.cli import options
from textrnn.cli.completion import run_folders
from textrnn.runtime.terminal import json_text, stdout_columns


def info(
    run: Annotated[
        Path | None,
        typer.Argument(
            metavar="RUN",
            autocompletion=run_folders,
            help="Folder of a run, or the folder model/ in it.",
            show_default=False,
        ),
    ] = None,
    json: options.Json = False,
) -> None:
    """Describe a run, or without RUN this installation.

    Include the output without RUN in bug reports.

    Example: textrnn info

    Example: textrnn info runs/sample
    """
    from textrnn.commands.info import describe_installation, describe_run, installation_text, run_text

    if run is None:
        installation = describe_installation()
        text = json_text(installation, indent=2) if json else installation_text(installation, stdout_columns())
    else:
        described = describe_run(run)
        text = json_text(described, indent=2) if json else run_text(described, stdout_columns())
    sys.stdout.write(text)
