"""`textrnn vocab`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from textrnn.cli.options import (
    ConfigOption,
    DataOption,
    LabelColumnOption,
    SetOption,
    TextColumnOption,
    load_config,
    optional,
    parse_overrides,
)
from textrnn.runtime.distributed import alone
from textrnn.runtime.process import exit_on_error
from textrnn.runtime.terminal import visible


@exit_on_error()
@alone()
def vocab(
    config: ConfigOption = None,
    text_column: TextColumnOption = None,
    label_column: LabelColumnOption = None,
    set_: SetOption = None,
    data: DataOption = None,
    output: Annotated[Path | None, optional(metavar="FILE", help="Write `token<TAB>count` lines.")] = None,
) -> None:
    """Build the vocabulary from the training texts and describe it.

    Example: textrnn vocab --config configs/sample.yaml --output vocab.tsv
    """
    overrides = parse_overrides(set_, text_column, label_column)
    settings = load_config(config, data, overrides, example="textrnn vocab --data reviews.csv")
    from textrnn.commands.vocab import vocab as run

    for line in run(settings, output, config):
        print(visible(line))
