"""`textrnn config`."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from textrnn.cli import options
from textrnn.errors import UsageError


def config(
    config: options.Config = None,
    text_column: options.TextColumn = None,
    label_column: options.LabelColumn = None,
    set_: options.Set = None,
    data: options.Data = None,
    preset: options.Preset = None,
    schema: Annotated[
        bool,
        typer.Option("--schema", help="Print the JSON Schema of a config, with which editors check and complete it."),
    ] = False,
) -> None:
    """Print the config that `train` would use, with every key.

    Without options, these are the defaults.

    Example: textrnn config --data reviews.csv --set model.cell=lstm > reviews.yaml
    """
    if not schema:
        overrides = options.parse_overrides(set_, text_column, label_column)
        settings = options.load_config(config, data, overrides, preset)
        from textrnn.commands.config import resolved

        print(resolved(settings), end="")
    elif any((config, text_column, label_column, set_, data, preset)):
        raise UsageError("--schema prints the schema of every config: give no other option with it")
    else:
        from textrnn.config.schema import json_schema

        print(json.dumps(json_schema(), indent=2, ensure_ascii=False))
