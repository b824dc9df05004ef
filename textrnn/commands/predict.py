"""`textrnn predict`: one output row for each text, in order, in constant memory."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from textrnn.classifier import TextClassifier
from textrnn.commands.output import check_output
from textrnn.commands.prediction_input import InputOptions, examples_of, inputs_of, is_live
from textrnn.commands.window import Row, Window, quick_switches
from textrnn.errors import DataError
from textrnn.inference import class_probabilities
from textrnn.runtime.decoding import one_line, visible, visible_json
from textrnn.runtime.files import atomic_writer
from textrnn.runtime.progress import bar, log, show_bars

WINDOW_TEXTS = 16_384  # sorted by length together: more is faster, but takes memory
UNSURE = "?"


class Unsure:
    """What texts are called whose likeliest label has a probability below `least`, or that have no token, and how many
    texts there were."""

    def __init__(self, least: float, label: str | None = None) -> None:
        self.least, self.label = least, UNSURE if label is None else label
        self.texts = self.unsure = 0

    def covers(self, probability: float, is_empty: bool) -> bool:
        """Whether a text is unsure, given its highest probability and whether it has no token; it is counted."""
        unsure = is_empty or probability < self.least
        self.texts += 1
        self.unsure += unsure
        return unsure


@quick_switches()
def predict(
    classifier: TextClassifier,
    files: list[str],
    output: Path | None,
    *,
    options: InputOptions,
    output_format: str,
    top_k: int | None,
    batch_size: int,
    unsure: Unsure | None = None,
) -> None:
    """Predict each text of each file. unsure: when and how to say that a text has no clear label.

    Raises: UsageError for an output that is an input; DataError `file:line` for a record without a readable text.
    """
    if output is not None:
        check_output("--output", output, inputs_of(files))
    on_terminal = output is None and sys.stdout.isatty()
    write_row = (
        jsonl_row(classifier.labels, top_k, unsure)
        if output_format == "jsonl"
        else tsv_row(classifier.labels, unsure, on_terminal=on_terminal)
    )
    count = 0
    # a bar would stay on the terminal between the rows
    with show_bars(False) if on_terminal else nullcontext(), bar("predicting", unit="text") as shown:

        def run(stream: BinaryIO) -> None:
            def compute(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
                logits, is_empty = classifier.answer(texts, batch_size=batch_size)
                return class_probabilities(logits), is_empty

            def write(texts: list[str], rows: list[Row], answers: tuple[np.ndarray, np.ndarray]) -> None:
                probabilities, is_empty = answers
                best = probabilities.argmax(axis=1).tolist()
                lines = map(write_row, texts, probabilities, best, is_empty.tolist(), rows)
                try:
                    stream.writelines(line.encode("utf-8", "surrogatepass") for line in lines)
                    stream.flush()
                except OSError as error:  # with a name, since it may pass through the reading of a pipe
                    raise OSError(error.errno, error.strerror, str(stream.name) if output else "stdout") from error
                nonlocal count
                count += len(texts)
                shown.update(len(texts))

            for name in files:
                window = Window(compute, write, batch_size if is_live(name) else WINDOW_TEXTS, wait=is_live(name))
                try:
                    for example in examples_of(name, classifier, options, window.flush):
                        window.add(example.text, example.row)
                except DataError:
                    window.flush()  # texts before the bad record still get their answer
                    raise
                window.flush()

        if output is None:
            run(cast(BinaryIO, sys.stdout.buffer))
        else:
            with atomic_writer(output) as stream:
                run(stream)
    if not count:
        log.warning("no texts were found")
    cut = classifier.transform.cut_texts
    if cut:
        plural = "s are" if cut > 1 else " is"
        log.warning(
            "%d text%s longer than the model reads (data.max_length, %d tokens): cut there",
            cut, plural, classifier.transform.max_length,
        )  # fmt: skip
    if unsure is not None:
        log.info(
            "%d of %d texts have no label with a probability of %g or more: they are labelled %s",
            unsure.unsure, unsure.texts, unsure.least, unsure.label,
        )  # fmt: skip


def tsv_row(
    labels: list[str], unsure: Unsure | None = None, *, on_terminal: bool
) -> Callable[[str, np.ndarray, int, bool, Row], str]:
    """`label<TAB>probability<TAB>text`, with tabs and line ends inside the text as spaces.

    on_terminal: other control characters are shown as escapes, since a terminal would obey them. Elsewhere they stay.
    """

    def column(text: str) -> str:
        return visible(one_line(text)) if on_terminal else one_line(text)

    names = [column(label) for label in labels]
    unsure_name = "" if unsure is None else column(unsure.label)

    def line(text: str, probabilities: np.ndarray, best: int, is_empty: bool, row: Row) -> str:
        name = unsure_name if unsure is not None and unsure.covers(probabilities[best], is_empty) else names[best]
        return f"{name}\t{probabilities[best]:.4f}\t{column(text)}\n"

    return line


def jsonl_row(
    labels: list[str], top_k: int | None, unsure: Unsure | None = None
) -> Callable[[str, np.ndarray, int, bool, Row], str]:
    """A JSON object with text, label and probability; the likeliest labels where top_k is given or a text may be
    unsure, since `label` does not name them then; and the row where it is kept."""

    def line(text: str, probabilities: np.ndarray, best: int, is_empty: bool, row: Row) -> str:
        order = [best] if top_k is None else np.argsort(-probabilities, kind="stable")[:top_k]
        ranked = [{"label": labels[at], "probability": round(float(probabilities[at]), 4)} for at in order]
        item: dict[str, object] = {"text": text, **ranked[0]}
        if unsure is not None and unsure.covers(probabilities[order[0]], is_empty):
            item["label"] = unsure.label
        if top_k is not None or unsure is not None:
            item["top"] = ranked
        if row is not None:
            item["row"] = row
        return visible_json(json.dumps(item, ensure_ascii=False, allow_nan=False)) + "\n"

    return line
