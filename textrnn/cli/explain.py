"""`textrnn explain`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from textrnn.cli import options
from textrnn.runtime.process import TORCH_ADDRESS_SPACE, check_memory


def explain(
    run: options.Run,
    files: options.Files = None,
    label: Annotated[
        str | None, options.option(metavar="L", help="Class to explain.  [default: the likeliest of each text]")
    ] = None,
    format: options.Format = None,
    text_column: options.TextColumn = None,
    delimiter: options.Delimiter = None,
    encoding: options.Encoding = None,
    output_format: Annotated[
        Literal["text", "jsonl"] | None,
        options.option(
            help="Format of the output: text for people, or jsonl with every token.  [default: text; none with --html]"
        ),
    ] = None,
    html: Annotated[
        Path | None, options.option(metavar="FILE", help="Write an HTML page, to read in a browser.")
    ] = None,
    device: options.Device = "auto",
) -> None:
    """Show the tokens in favour of a label, and those against it.

    Example: textrnn explain runs/sample texts.txt --html why.html

    Example: echo "where is my parcel?" | textrnn explain runs/sample --label complaint
    """
    options.check_files(files, "explain", run)
    reading = options.reading_options(format, text_column, delimiter, encoding)
    check_memory(TORCH_ADDRESS_SPACE)
    from textrnn.classifier import TextClassifier
    from textrnn.commands.explain import explain as run_explain
    from textrnn.commands.prediction_input import STDIN, InputOptions
    from textrnn.run.folder import RunFolder

    classifier = TextClassifier.load(run, device=device)
    RunFolder(run).warn_of_unfinished()
    run_explain(
        classifier,
        files or [STDIN],
        options=InputOptions(*reading),
        label=label,
        output_format=output_format or ("text" if html is None else None),
        html=html,
        name=str(run),
    )
