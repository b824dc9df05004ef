"""`textrnn embed`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from textrnn.cli import options
from textrnn.errors import UsageError
from textrnn.runtime.process import TORCH_ADDRESS_SPACE, check_memory


def embed(
    run: options.Run,
    output: Annotated[
        Path,
        options.option(
            "--output", "-o", metavar="OUT", help="File for the vectors; its name ends with .npy or .jsonl."
        ),
    ],
    files: options.Files = None,
    format: options.Format = None,
    text_column: options.TextColumn = None,
    delimiter: options.Delimiter = None,
    encoding: options.Encoding = None,
    device: options.Device = "auto",
) -> None:
    """Write a vector for each text: the pooled states of the network.

    Example: textrnn embed runs/sample texts.txt --output vectors.npy

    Example: textrnn embed runs/sample new.csv --output vectors.jsonl
    """
    if output.suffix.lower() not in (".npy", ".jsonl"):
        raise UsageError(f"--output: a file name that ends with .npy or .jsonl was expected, found {output}")
    options.check_files(files, "embed", run)
    reading = options.reading_options(format, text_column, delimiter, encoding)
    check_memory(TORCH_ADDRESS_SPACE)
    from textrnn.classifier import TextClassifier
    from textrnn.commands.embed import embed as run_embed
    from textrnn.commands.prediction_input import STDIN, InputOptions
    from textrnn.run.folder import RunFolder

    classifier = TextClassifier.load(run, device=device)
    RunFolder(run).warn_of_unfinished()
    run_embed(classifier, files or [STDIN], output, options=InputOptions(*reading))
