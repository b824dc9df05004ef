"""`textrnn vocab`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from textrnn.cli import options
from textrnn.runtime.terminal import json_text, visible


def vocab(
    config: options.Config = None,
    text_column: options.TextColumn = None,
    label_column: options.LabelColumn = None,
    set_: options.Set = None,
    data: options.Data = None,
    output: Annotated[
        Path | None,
        options.option("--output", "-o", metavar="FILE", help="Write each token and its count, separated by a tab."),
    ] = None,
    json: options.Json = False,
) -> None:
    """Build the vocabulary from the training texts and describe it.

    Example: textrnn vocab --config configs/sample.yaml --output vocab.tsv
    """
    overrides = options.parse_overrides(set_, text_column, label_column)
    settings = options.load_config(config, data, overrides, example="textrnn vocab --data reviews.csv")
    from textrnn.commands.vocab import vocab as run
    from textrnn.corpus.statistics import statistics_lines

    described = run(settings, output, config)
    text = "".join(f"{visible(line)}\n" for line in statistics_lines(described))
    sys.stdout.write(json_text(described, indent=2) if json else text)
