"""`textrnn predict`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from textrnn.cli import options
from textrnn.errors import UsageError
from textrnn.runtime.process import TORCH_ADDRESS_SPACE, check_memory


def _probability(option: float | None) -> float | None:
    if option is not None and not 0 <= option <= 1:  # nor NaN, which a range of typer's lets pass
        raise typer.BadParameter(f"a number from 0 to 1 was expected, found {option:g}")
    return option


def predict(
    run: options.Run,
    files: options.Files = None,
    format: options.Format = None,
    text_column: options.TextColumn = None,
    delimiter: options.Delimiter = None,
    encoding: options.Encoding = None,
    output: Annotated[
        Path | None,
        options.option("--output", "-o", metavar="OUT", help="File for the predictions.  [default: standard output]"),
    ] = None,
    output_format: Annotated[
        Literal["tsv", "csv", "jsonl"],
        typer.Option(help="Format of the output; csv and jsonl keep tabs and line ends in texts."),
    ] = "tsv",
    top_k: Annotated[
        int | None, options.option(min=1, metavar="K", help="Add the K likeliest labels of each text (jsonl only).")
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep all fields of each input record, such as an id (csv and jsonl only).")
    ] = False,
    probabilities: Annotated[
        bool, typer.Option("--probabilities", help="Add the probability of each class (csv and jsonl only).")
    ] = False,
    bad_rows: Annotated[
        Literal["error", "mark"],
        typer.Option(help="What to do about a record that cannot be read: stop, or give it an empty label and go on."),
    ] = "error",
    min_probability: Annotated[
        float | None,
        options.option(
            callback=_probability,
            metavar="P",
            help="Label a text with --unsure-label if no label reaches this probability.",
        ),
    ] = None,
    unsure_label: Annotated[
        str | None, options.option(metavar="L", help="Label of unsure texts, with --min-probability.  [default: ?]")
    ] = None,
    batch_size: Annotated[
        int, typer.Option(min=1, metavar="N", help="Number of texts that are computed together.")
    ] = 512,
    device: options.Device = "auto",
    precision: options.Precision = "float32",
) -> None:
    """Predict the label of each text: one row per text, in order.

    Example: textrnn predict runs/sample new.csv --output-format csv --output labels.csv

    Example: echo "where is my parcel?" | textrnn predict runs/sample

    Example: textrnn predict runs/sample texts.txt --min-probability 0.8
    """
    if top_k is not None and output_format != "jsonl":
        raise UsageError("--top-k needs --output-format jsonl")
    for option, is_given in (("--keep", keep), ("--probabilities", probabilities)):
        if is_given and output_format == "tsv":
            raise UsageError(f"{option} needs --output-format csv or jsonl")
    if unsure_label is not None and min_probability is None:
        raise UsageError("--unsure-label needs --min-probability, below which texts are unsure")
    options.check_files(files, "predict", run)
    options.warn_of_suffix(output, output_format)
    reading = options.reading_options(format, text_column, delimiter, encoding)
    check_memory(TORCH_ADDRESS_SPACE)
    from textrnn.classifier import TextClassifier
    from textrnn.commands.predict import describe_precision
    from textrnn.commands.predict import predict as run_predict
    from textrnn.commands.prediction_input import STDIN, InputOptions
    from textrnn.run.folder import RunFolder

    classifier = TextClassifier.load(run, device=device, precision=precision)
    RunFolder(run).warn_of_unfinished()
    describe_precision(classifier, precision)
    run_predict(
        classifier,
        files or [STDIN],
        output,
        options=InputOptions(*reading, keep, bad_rows),
        output_format=output_format,
        top_k=top_k,
        all_probabilities=probabilities,
        batch_size=batch_size,
        min_probability=min_probability,
        unsure_label=unsure_label,
    )
