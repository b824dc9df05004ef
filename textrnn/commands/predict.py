"""`textrnn predict`: one output row for each record, in order, in constant memory."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from itertools import islice
from pathlib import Path

import numpy as np

from textrnn.classifier import TextClassifier
from textrnn.commands.output import check_output
from textrnn.commands.pipeline import answer_files
from textrnn.commands.prediction_input import InputOptions, inputs_of
from textrnn.commands.prediction_output import Csv, Format, Prediction, jsonl, tsv
from textrnn.inference import class_probabilities
from textrnn.reading.reader import Example
from textrnn.runtime.files import atomic_writer
from textrnn.runtime.progress import bar, log, show_bars

WINDOW_TEXTS = 16_384  # sorted by length together: more is faster, but takes memory
UNSURE = "?"
_BAD_SHOWN = 5


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
    min_probability: float | None = None,
    unsure_label: str | None = None,
) -> None:
    """Predict each text of each file. min_probability: texts whose likeliest label has a lower one, or that have no
    token, get `unsure_label` (None: UNSURE).

    Raises: UsageError for an output that is an input; DataError `file:line` for a record without a readable text,
    unless such records are marked; TextRNNError where the output cannot hold or be written.
    """
    if output is not None:
        check_output("--output", output, inputs_of(files))
    on_terminal = output is None and sys.stdout.isatty()
    labels, unsure_label = classifier.labels, UNSURE if unsure_label is None else unsure_label
    counts, bad_records = Counter[str](), list[str]()
    lines_of: Format
    if output_format == "jsonl":
        top = top_k if min_probability is None else top_k or 1  # which `label` does not name if it is unsure
        lines_of = jsonl(labels, top=top, all_probabilities=all_probabilities)
    elif output_format == "csv":
        lines_of = Csv(labels, keep=options.keep, all_probabilities=all_probabilities, on_terminal=on_terminal)
    else:
        lines_of = tsv(on_terminal=on_terminal)

    def compute(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
        answer = classifier.answer(texts, batch_size=batch_size)
        return class_probabilities(answer.logits), answer.is_empty

    def predictions(examples: list[Example], probabilities: np.ndarray, is_empty: np.ndarray) -> Iterator[Prediction]:
        best, highest = probabilities.argmax(axis=1), probabilities.max(axis=1).astype(np.float64)
        is_bad = np.array([example.problem is not None for example in examples])
        is_unsure = np.zeros(len(examples), bool)
        if min_probability is not None:
            is_unsure = ~is_bad & (is_empty | (highest < min_probability))
        counts.update(records=len(examples), bad=is_bad.sum(), unsure=is_unsure.sum(), empty=(is_empty & ~is_bad).sum())
        problems = (f"{example.where}: {example.problem}" for example in examples if example.problem is not None)
        bad_records.extend(islice(problems, _BAD_SHOWN - len(bad_records)))
        rows = zip(examples, best.tolist(), highest.tolist(), probabilities, is_unsure.tolist(), strict=True)
        for example, column, probability, row, unsure in rows:
            if example.problem is None:
                yield Prediction(example, unsure_label if unsure else labels[column], probability, row)
            else:
                yield Prediction(example, "", 0.0, np.zeros(len(labels)))

    with (
        nullcontext(sys.stdout.buffer) if output is None else atomic_writer(output) as stream,
        show_bars(False) if on_terminal else nullcontext(),  # a bar would stay on the terminal between the rows
        bar("predicting", unit="text") as shown,
    ):

        def write_lines(lines: Iterator[str]) -> None:
            stream.writelines(line.encode("utf-8", "replace") for line in lines)
            stream.flush()

        def write(examples: list[Example], answers: tuple[np.ndarray, np.ndarray]) -> None:
            write_lines(lines_of(predictions(examples, *answers)))
            shown.update(len(examples))

        answer_files(
            files, classifier, options, compute, write, size=WINDOW_TEXTS, live_size=batch_size,
            target="stdout" if output is None else str(stream.name),
        )  # fmt: skip
        if isinstance(lines_of, Csv):
            write_lines(lines_of.rest())
    if not counts["records"]:
        log.warning("no texts were found")
    if bad := counts["bad"]:
        shown_bad = "; ".join([*bad_records, "..."] if bad > len(bad_records) else bad_records)
        message = "%d of %d records could not be read and got an empty label: %s"
        log.warning(message, bad, counts["records"], shown_bad)
    if cut := classifier.transform.cut_texts:
        log.warning(
            "%d text%s longer than the model reads (data.max_length, %d tokens): cut there",
            cut, "s are" if cut > 1 else " is", classifier.transform.max_length,
        )  # fmt: skip
    if min_probability is not None:
        reason = f"no label with a probability of {min_probability:g} or more"
        if empty := counts["empty"]:
            reason += f" (or no token: {empty:,})"
        texts = counts["records"] - counts["bad"]
        log.info("%d of %d texts have %s: they are labelled %s", counts["unsure"], texts, reason, unsure_label)
