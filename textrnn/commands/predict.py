"""`textrnn predict`: one output row for each record, in order, in constant memory."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from textrnn.classifier import TextClassifier
from textrnn.commands.output import check_output
from textrnn.commands.prediction_input import InputOptions, examples_of, inputs_of, is_live
from textrnn.commands.prediction_output import Csv, Format, Prediction, jsonl, tsv
from textrnn.commands.window import Window, quick_switches
from textrnn.errors import DataError
from textrnn.inference import class_probabilities
from textrnn.reading.reader import Example
from textrnn.runtime.files import atomic_writer
from textrnn.runtime.progress import bar, log, show_bars

WINDOW_TEXTS = 16_384  # sorted by length together: more is faster, but takes memory
UNSURE = "?"
_BAD_SHOWN = 5


class Unsure:
    """What texts are called whose likeliest label has a probability below `least`, or that have no token, and how many
    texts there were."""

    def __init__(self, least: float, label: str | None = None) -> None:
        self.least, self.label = least, UNSURE if label is None else label
        self.texts = self.unsure = self.empty = 0

    def covers(self, probability: float, is_empty: bool) -> bool:
        """Whether a text is unsure, given its highest probability and whether it has no token; it is counted."""
        unsure = is_empty or probability < self.least
        self.texts += 1
        self.unsure += unsure
        self.empty += is_empty
        return unsure


class _Predictions:
    """Examples and their answers -> predictions; counts the records that could not be read."""

    def __init__(self, labels: list[str], unsure: Unsure | None) -> None:
        self.labels, self.unsure = labels, unsure
        self.bad_count, self.bad = 0, list[str]()  # the first ones: where they are, and what is wrong

    def of(self, examples: list[Example], probabilities: np.ndarray, is_empty: np.ndarray) -> Iterator[Prediction]:
        """probabilities: (n, classes). is_empty: (n,), of texts without a token."""
        best, highest = probabilities.argmax(axis=1).tolist(), probabilities.max(axis=1).tolist()
        rows = zip(examples, probabilities, best, highest, is_empty.tolist(), strict=True)
        for example, row, column, probability, has_no_token in rows:
            if example.problem is not None:
                self.bad_count += 1
                if len(self.bad) < _BAD_SHOWN:
                    self.bad.append(f"{example.where}: {example.problem}")
                yield Prediction(example, "", 0.0, np.zeros(len(self.labels)))
            elif self.unsure is not None and self.unsure.covers(probability, has_no_token):
                yield Prediction(example, self.unsure.label, probability, row)
            else:
                yield Prediction(example, self.labels[column], probability, row)

    def warn_of_bad_records(self, count: int) -> None:
        """count: of all records."""
        if self.bad_count:
            more = "; ..." if self.bad_count > len(self.bad) else ""
            log.warning(
                "%d of %d records could not be read and got an empty label: %s%s",
                self.bad_count, count, "; ".join(self.bad), more,
            )  # fmt: skip


@quick_switches()
def predict(
    classifier: TextClassifier,
    files: list[str],
    output: Path | None,
    *,
    options: InputOptions,
    output_format: str,
    top_k: int | None,
    all_probabilities: bool,
    batch_size: int,
    unsure: Unsure | None = None,
) -> None:
    """Predict each text of each file. unsure: when and how to say that a text has no clear label.

    Raises: UsageError for an output that is an input; DataError `file:line` for a record without a readable text,
    unless such records are marked; TextRNNError where the output cannot hold or be written.
    """
    if output is not None:
        check_output("--output", output, inputs_of(files))
    on_terminal = output is None and sys.stdout.isatty()
    labels, count = classifier.labels, 0
    predictions = _Predictions(labels, unsure)
    lines_of: Format
    if output_format == "jsonl":
        top = top_k if unsure is None else top_k or 1  # which `label` does not name if it is unsure
        lines_of = jsonl(labels, top=top, all_probabilities=all_probabilities)
    elif output_format == "csv":
        lines_of = Csv(labels, keep=options.keep, all_probabilities=all_probabilities, on_terminal=on_terminal)
    else:
        lines_of = tsv(on_terminal=on_terminal)

    # a bar would stay on the terminal between the rows
    with show_bars(False) if on_terminal else nullcontext(), bar("predicting", unit="text") as shown:

        def run(stream: BinaryIO) -> None:
            def compute(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
                logits, is_empty, *_ = classifier.answer(texts, batch_size=batch_size)
                return class_probabilities(logits), is_empty

            def write_lines(lines: Iterator[str]) -> None:
                try:
                    stream.writelines(line.encode("utf-8", "replace") for line in lines)
                    stream.flush()
                except OSError as error:  # with a name, since it may pass through the reading of a pipe
                    raise OSError(error.errno, error.strerror, str(stream.name) if output else "stdout") from error

            def write(examples: list[Example], answers: tuple[np.ndarray, np.ndarray]) -> None:
                write_lines(lines_of(predictions.of(examples, *answers)))
                nonlocal count
                count += len(examples)
                shown.update(len(examples))

            for name in files:
                window = Window(compute, write, batch_size if is_live(name) else WINDOW_TEXTS, wait=is_live(name))
                try:
                    for example in examples_of(name, classifier, options, window.flush):
                        window.add(example)
                except DataError:
                    window.flush()  # texts before the bad record still get their answer
                    raise
                window.flush()
            if isinstance(lines_of, Csv):
                write_lines(lines_of.rest())

        if output is None:
            run(cast(BinaryIO, sys.stdout.buffer))
        else:
            with atomic_writer(output) as stream:
                run(stream)
    if not count:
        log.warning("no texts were found")
    predictions.warn_of_bad_records(count)
    cut = classifier.transform.cut_texts
    if cut:
        plural = "s are" if cut > 1 else " is"
        log.warning(
            "%d text%s longer than the model reads (data.max_length, %d tokens): cut there",
            cut, plural, classifier.transform.max_length,
        )  # fmt: skip
    if unsure is not None:
        reason = f"no label with a probability of {unsure.least:g} or more"
        if unsure.empty:
            reason += f" (or no token: {unsure.empty:,})"
        log.info("%d of %d texts have %s: they are labelled %s", unsure.unsure, unsure.texts, reason, unsure.label)
