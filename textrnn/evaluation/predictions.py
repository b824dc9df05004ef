"""What was predicted for each text, and the file that says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from textrnn.corpus.store import content_changed
from textrnn.corpus.writer import text_hash
from textrnn.reading.reader import read_examples
from textrnn.reading.source import Source
from textrnn.runtime.files import atomic_writer
from textrnn.runtime.terminal import one_line


@dataclass
class Predictions:
    """What was predicted for each text, (n,) each, in the order of their source.

    rows: positions of the texts in the source. truth, predicted: label ids. probabilities: of the predicted labels.
    hashes: of all texts of the source, see Corpus.
    """

    rows: np.ndarray
    hashes: np.ndarray
    truth: np.ndarray
    predicted: np.ndarray
    probabilities: np.ndarray


def write_predictions(
    path: Path,
    source: Source,
    predictions: Predictions,
    labels: list[str],
    visit: Callable[[int, str], object] = lambda number, text: None,
) -> None:
    """A line per text in the order of the data; the texts are read again rather than kept in memory. visit: called with
    the position of each text in `predictions`, and the text.

    Raises: DataError where they are others than those that were evaluated.
    """
    at = count = 0
    with atomic_writer(path) as stream:
        stream.write(b"true\tpredicted\tprobability\ttext\n")
        for number, example in enumerate(read_examples(source)):
            if number == len(predictions.hashes) or text_hash(example.text) != predictions.hashes[number].tobytes():
                raise content_changed(source)
            count += 1
            if at < len(predictions.rows) and number == predictions.rows[at]:
                names = (labels[predictions.truth[at]], labels[predictions.predicted[at]])
                if example.label != names[0]:
                    raise content_changed(source)
                columns = (*names, f"{predictions.probabilities[at]:.4f}", example.text)
                stream.write(("\t".join(map(one_line, columns)) + "\n").encode())
                visit(at, example.text)
                at += 1
        if count < len(predictions.hashes):
            raise content_changed(source)
