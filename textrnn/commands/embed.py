"""`textrnn embed`: a vector for each text, in order, in constant memory."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.lib import format as npy

from textrnn.classifier import TextClassifier
from textrnn.commands.output import check_output
from textrnn.commands.pipeline import answer_files
from textrnn.commands.prediction_input import InputOptions, inputs_of, longer_texts
from textrnn.errors import TextRNNError
from textrnn.inference import DEFAULT_BATCH_SIZE
from textrnn.reading.reader import Example
from textrnn.runtime.files import atomic_writer
from textrnn.runtime.progress import bar, log, timed
from textrnn.runtime.terminal import count_of, json_text

TEXTS_AT_ONCE = 8192  # sorted by length together: more is hardly faster, and takes memory


def embed(classifier: TextClassifier, files: list[str], output: Path, *, options: InputOptions) -> None:
    """Write the vector of each text of each file. output: a name that ends with .npy, for a matrix (n, d) of float32,
    or else a file of JSON lines.

    Raises: UsageError for an output that is an input; CheckpointError if the model has no network; DataError
    `file:line` for a record without a readable text; TextRNNError if the output cannot be written.
    """
    check_output("--output", output, inputs_of(files))
    size, count = classifier.embed([]).shape[1], 0
    is_npy = output.suffix.lower() == ".npy"
    with (
        atomic_writer(output) as stream,
        bar("embedding", unit="text") as shown,
        timed("reading and embedding the texts"),
    ):
        if is_npy:
            write_header(stream, (0, size), output)

        def write(examples: list[Example], vectors: np.ndarray) -> None:
            nonlocal count
            stream.write(vectors.astype("<f4").tobytes() if is_npy else json_lines(examples, vectors))
            count += len(examples)
            shown.update(len(examples))

        answer_files(
            files, classifier, options, classifier.embed, write, size=TEXTS_AT_ONCE, live_size=DEFAULT_BATCH_SIZE,
            target=str(output),
        )  # fmt: skip
        if is_npy:
            write_header(stream, (count, size), output)
    if not count:
        log.warning("no texts were found")
    if cut := classifier.transform.cut_texts:
        longer = longer_texts(cut, classifier.transform.max_length, "network")
        log.warning("%s and %s cut", longer, "were" if cut > 1 else "was")
    log.info("%s of %d numbers written to %s", count_of(count, "vector"), size, output)


def write_header(stream: BinaryIO, shape: tuple[int, int], output: Path) -> None:
    """Write the header of a .npy file at its beginning. numpy leaves space in it for any number of rows, so that it may
    be written before the rows, and again when their number is known.

    Raises: TextRNNError for a pipe, which has no beginning to return to.
    """
    if not stream.seekable():
        raise TextRNNError(
            f"{output}: a .npy file cannot be written into a pipe; name a file, or one that ends with .jsonl"
        )
    stream.seek(0)
    npy.write_array_header_1_0(stream, {"descr": "<f4", "fortran_order": False, "shape": shape})


def json_lines(examples: list[Example], vectors: np.ndarray) -> bytes:
    """A JSON object with text and vector for each. The numbers have as many digits as float32 needs."""
    rows = vectors.astype(str).astype(np.float64).tolist()  # 0.1, where a conversion at once gives 0.10000000149011612
    lines = (json_text({"text": example.text, "vector": row}) for example, row in zip(examples, rows, strict=True))
    return "".join(lines).encode("utf-8", "backslashreplace")
