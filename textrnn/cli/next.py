"""`textrnn next`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from textrnn.cli import options
from textrnn.errors import UsageError
from textrnn.runtime.process import TORCH_ADDRESS_SPACE, check_memory


def next_(
    run: options.Run,
    pool: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="POOL|-", help="Files of texts without labels; - reads standard input.", show_default=False
        ),
    ] = None,
    count: Annotated[int, typer.Option("--count", "-n", min=1, metavar="N", help="Number of texts to choose.")] = 50,
    format: options.Format = None,
    text_column: options.TextColumn = None,
    delimiter: options.Delimiter = None,
    encoding: options.Encoding = None,
    output: Annotated[
        Path | None,
        options.option("--output", "-o", metavar="OUT", help="File for the texts.  [default: standard output]"),
    ] = None,
    output_format: Annotated[
        Literal["tsv", "csv", "jsonl"],
        typer.Option(help="Format of the output; csv and jsonl keep tabs and line ends in texts."),
    ] = "tsv",
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep all fields of each input record, such as an id (csv and jsonl only).")
    ] = False,
    device: options.Device = "auto",
    precision: options.Precision = "float32",
) -> None:
    """Choose the texts to label next, the most useful first.

    Each has an empty label to fill in.

    Example: textrnn next runs/sample pool.txt -n 50 -o to_label.tsv

    Example: textrnn next runs/sample pool.csv --keep --output-format csv -o to_label.csv
    """
    if keep and output_format == "tsv":
        raise UsageError("--keep needs --output-format csv or jsonl")
    options.check_files(pool, "next", run, may_be_text=False)
    options.warn_of_suffix(output, output_format)
    reading = options.reading_options(format, text_column, delimiter, encoding)
    check_memory(TORCH_ADDRESS_SPACE)
    from textrnn.classifier import TextClassifier
    from textrnn.commands.next import choose_next
    from textrnn.commands.predict import describe_precision
    from textrnn.commands.prediction_input import STDIN, InputOptions
    from textrnn.run.folder import RunFolder

    classifier = TextClassifier.load(run, device=device, precision=precision)
    RunFolder(run).warn_of_unfinished()
    describe_precision(classifier, precision)
    choose_next(
        classifier, run, pool or [STDIN], output,
        options=InputOptions(*reading, keep), output_format=output_format, count=count,
    )  # fmt: skip
