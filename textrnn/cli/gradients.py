"""`textrnn gradients`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from textrnn.cli import options
from textrnn.cli.completion import run_folders
from textrnn.errors import UsageError
from textrnn.runtime.process import TORCH_ADDRESS_SPACE, check_memory
from textrnn.runtime.terminal import json_text

DEFAULT_STEPS = 200


def all_cells() -> list[str]:
    """The cells of the config, and rnn-relu, its rnn with nonlinearity relu."""
    from textrnn.config import Cell

    return [name for cell in get_args(Cell) for name in ([cell, "rnn-relu"] if cell == "rnn" else [cell])]


def _cells_like(incomplete: str) -> list[str]:
    return [name for name in all_cells() if name.startswith(incomplete)]


def _known_cells(names: list[str] | None) -> list[str]:
    names = names or []  # typer 0.19 fails if the callback of a list returns None
    for name in names:
        if name not in all_cells():
            raise typer.BadParameter(f"{name!r} is not one of {', '.join(map(repr, all_cells()))}.")
    return names


def gradients(
    run: Annotated[
        Path | None,
        typer.Argument(metavar="RUN", autocompletion=run_folders, help="Folder of a run.", show_default=False),
    ] = None,
    config: options.Config = None,
    text_column: options.TextColumn = None,
    label_column: options.LabelColumn = None,
    set_: options.Set = None,
    data: options.Data = None,
    cell: Annotated[
        list[str] | None,
        options.option(
            callback=_known_cells,
            metavar="CELL",
            autocompletion=_cells_like,
            help="Cell to measure, without RUN: a value of model.cell, or rnn-relu. Repeatable.  [default: all]",
        ),
    ] = None,
    layers: Annotated[
        list[int] | None,
        options.option(
            metavar="N",
            min=1,
            max=64,
            help="Number of recurrent layers to measure, without RUN. Repeatable.  [default: that of the config]",
        ),
    ] = None,
    steps: Annotated[
        int | None,
        options.option(
            metavar="N",
            min=1,
            help=f"Number of optimizer steps of each training, without RUN.  [default: {DEFAULT_STEPS}]",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        options.option(
            "--output",
            "-o",
            metavar="DIR",
            help="Folder for the picture and all values.  [default: RUN/gradients, or gradients/<config name>]",
        ),
    ] = None,
    json: options.Json = False,
    device: options.Device = "auto",
) -> None:
    """Show how far back gradients reach, in a table and a picture.

    With RUN, they are measured in its network, before and after training. With --config or --data, they are measured in
    new networks of each cell, before and after a short training with and without clipping
    (docs/explanation/gradients.md).

    Example: textrnn gradients runs/sample

    Example: textrnn gradients --config configs/sample.yaml --cell rnn --cell gru --layers 2
    """
    overrides = options.parse_overrides(set_, text_column, label_column)
    if run is not None:
        if any((config, set_, text_column, label_column, data, cell, layers, steps)):
            raise UsageError(
                "a run has its own config, and is not trained again: --config, --data, --text-column, --label-column, "
                "--set, --cell, --layers and --steps do not go with RUN"
            )
        check_memory(TORCH_ADDRESS_SPACE)
        from textrnn.commands.gradients import gradients_of_run

        _print(gradients_of_run(run, output, device_name=device), json)
        return
    example = "textrnn gradients --data reviews.csv; or a run's folder, as in: textrnn gradients runs/sample"
    settings = options.load_config(config, data, overrides, example=example)
    check_memory(TORCH_ADDRESS_SPACE)
    from textrnn.commands.gradients import gradients_by_cell

    output = output or Path("gradients") / options.run_name(config, settings.data.train)
    cells, steps = list(dict.fromkeys(cell or all_cells())), steps or DEFAULT_STEPS
    result = gradients_by_cell(settings, cells, layers or [], steps, output, device_name=device, config_file=config)
    _print(result, json)


def _print(result: Any, json: bool) -> None:
    from textrnn.gradients.report import gradients_json, gradients_text

    sys.stdout.write(json_text(gradients_json(result), indent=2) if json else gradients_text(result))
