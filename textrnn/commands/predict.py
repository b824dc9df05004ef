"""`textrnn predict`: one row of tsv or csv, or one JSON object, for each record, in order, in constant memory."""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import cache, partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from textrnn.classifier import TextClassifier
from textrnn.commands.output import check_output
from textrnn.commands.pipeline import answer_files
from textrnn.commands.prediction_input import InputOptions, inputs_of, longer_texts
from textrnn.corpus.statistics import unknown_shares
from textrnn.errors import TextRNNError, short
from textrnn.evaluation.drift import TextCounts, TextStatistics, differences
from textrnn.inference import class_probabilities, predicted_classes
from textrnn.reading.reader import Example
from textrnn.runtime.device import has_bfloat16_units
from textrnn.runtime.files import atomic_writer
from textrnn.runtime.progress import bar, log, show_bars, timed
from textrnn.runtime.terminal import json_text, one_line, visible

WINDOW_TEXTS = 16_384  # sorted by length together: more is faster, but takes memory
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
    token, get `unsure_label` (None: `?`).

    Raises: UsageError for an output that is an input; DataError `file:line` for a record without a readable text,
    unless such records are marked; TextRNNError if the output cannot be written.
    """
    if output is not None:
        check_output("--output", output, inputs_of(files))
    on_terminal = output is None and sys.stdout.isatty()
    labels, unsure_label = classifier.labels, "?" if unsure_label is None else unsure_label
    counts, bad_records = Counter[str](), list[str]()
    lines_of: Format
    if output_format == "jsonl":
        top = top_k if min_probability is None else top_k or 1  # an unsure row shows its likeliest label in `top`
        lines_of = jsonl(labels, top=top, all_probabilities=all_probabilities)
    elif output_format == "csv":
        lines_of = Csv(labels, keep=options.keep, all_probabilities=all_probabilities, on_terminal=on_terminal)
    else:
        lines_of = tsv(on_terminal=on_terminal)

    text_counts = TextCounts(np.zeros(len(labels), np.int64))

    def compute(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
        answer = classifier.answer(texts, batch_size=batch_size)
        with_token = np.flatnonzero(~np.asarray(answer.encoded.is_empty))
        text_counts.add(unknown_shares(answer.encoded)[with_token], predicted_classes(answer.logits)[with_token])
        return class_probabilities(answer.logits), answer.is_empty

    def lines(examples: list[Example], probabilities: np.ndarray, is_empty: np.ndarray) -> Iterator[str]:
        best, highest = probabilities.argmax(axis=1).tolist(), probabilities.max(axis=1).tolist()
        rows = zip(examples, best, highest, probabilities, is_empty.tolist(), strict=True)
        for example, column, probability, row, empty in rows:
            counts["records"] += 1
            if example.problem is not None:
                counts["bad"] += 1
                if len(bad_records) < _BAD_SHOWN:
                    bad_records.append(f"{example.where}: {example.problem}")
                yield lines_of(example, "", 0.0, np.zeros(len(labels)))
                continue
            is_unsure = min_probability is not None and (empty or probability < min_probability)
            counts["unsure"] += is_unsure
            counts["empty"] += empty
            yield lines_of(example, unsure_label if is_unsure else labels[column], probability, row)

    with (
        nullcontext(sys.stdout.buffer) if output is None else atomic_writer(output) as stream,
        show_bars(False) if on_terminal else nullcontext(),  # a bar would stay on the terminal between the rows
        bar("predicting", unit="text") as shown,
        timed("reading and predicting the texts"),
    ):

        def write(examples: list[Example], answers: tuple[np.ndarray, np.ndarray]) -> None:
            stream.writelines(line.encode("utf-8", "replace") for line in lines(examples, *answers))
            stream.flush()
            shown.update(len(examples))

        answer_files(
            files, classifier, options, compute, write, size=WINDOW_TEXTS, live_size=batch_size,
            target="stdout" if output is None else str(stream.name),
        )  # fmt: skip
        if isinstance(lines_of, Csv):
            stream.write(lines_of.rest().encode("utf-8", "replace"))
    if not counts["records"]:
        log.warning("no texts were found")
    if bad := counts["bad"]:
        shown_bad = "; ".join(bad_records + ["..."] * (bad > len(bad_records)))
        log.warning("%d of %d records could not be read and got an empty label: %s", bad, counts["records"], shown_bad)
    if cut := classifier.transform.cut_texts:
        longer = longer_texts(cut, classifier.transform.max_length, "model")
        log.warning("%s and %s cut", longer, "were" if cut > 1 else "was")
    warn_of_drift(classifier, text_counts.statistics(cut))
    if min_probability is not None:
        reason = f"no label with a probability of {min_probability:g} or more"
        if empty := counts["empty"]:
            reason += f" ({empty:,} of them {'have' if empty > 1 else 'has'} no token)"
        texts = counts["records"] - counts["bad"]
        log.info("%d of %d texts have %s: they are labelled %s", counts["unsure"], texts, reason, unsure_label)


def warn_of_drift(classifier: TextClassifier, texts: TextStatistics) -> None:
    """Log a warning if the texts are far from those of training. Models of earlier versions have no
    record of these."""
    training = classifier.model.statistics
    if training is None:
        return
    if phrases := differences(texts, training, classifier.labels, classifier.transform.max_length):
        log.warning(
            "the texts differ from those that the model was trained on: %s; more labels than usual may be wrong: see "
            "docs/how-to/drift.md", "; ".join(phrases),
        )  # fmt: skip


def describe_precision(classifier: TextClassifier, asked: str, *, is_saved: bool = False) -> None:
    """Log which precision `auto` has chosen, and why; warn if bfloat16 is slower than float32. is_saved: whether
    the logits were saved in training, so that nothing is computed."""
    if not classifier.model.has_network:
        if asked != "float32":
            log.warning("--precision %s has no effect: the model has no network", asked)
        return
    if is_saved:
        if asked != "float32":
            log.warning("--precision %s has no effect: training has evaluated the held-out texts, in float32", asked)
        return
    agreement, has_units = classifier.model.bfloat16_agreement, has_bfloat16_units(classifier.device)
    if asked == "bfloat16" and not has_units:
        log.warning("--precision bfloat16: this processor has no bfloat16 units; float32 is faster here")
    elif asked == "auto":
        if not has_units:
            reason = "this processor has no bfloat16 units"
        elif agreement is None:
            reason = "the model records no comparison with bfloat16"
        else:
            reason = f"bfloat16 gave the same class for {100 * agreement:.2f} % of held-out texts"
        log.info("computing in %s: %s", classifier.precision, reason)


# Example, label, highest probability, probabilities (classes,) -> the text to write. The label of a record that
# could not be read is empty, and its probabilities are 0.
Format = Callable[[Example, str, float, np.ndarray], str]


def tsv(*, on_terminal: bool) -> Format:
    """`label<TAB>probability<TAB>text`, with tabs and line ends inside the text as spaces.

    on_terminal: other control characters are shown as escapes, since a terminal would obey them. Elsewhere they stay.
    """

    def column(text: str) -> str:
        return visible(one_line(text)) if on_terminal else one_line(text)

    name = cache(column)

    def line(example: Example, label: str, probability: float, probabilities: np.ndarray) -> str:
        return f"{name(label)}\t{probability:.4f}\t{column(example.text)}\n"

    return line


def jsonl(labels: list[str], *, top: int | None, all_probabilities: bool) -> Format:
    """A JSON object with text, label and probability; the `top` likeliest labels; the probabilities of all classes; the
    row if it is kept; and why a record could not be read."""

    def line(example: Example, label: str, probability: float, probabilities: np.ndarray) -> str:
        text = example.text if example.problem is None else None
        item: dict[str, Any] = {"text": text, "label": label, "probability": round(probability, 4)}
        rounded = [round(value, 4) for value in probabilities.tolist()] if top or all_probabilities else []
        if top is not None:
            order = np.argsort(-probabilities, kind="stable")[:top].tolist() if example.problem is None else []
            item["top"] = [{"label": labels[at], "probability": rounded[at]} for at in order]
        if all_probabilities:
            item["probabilities"] = dict(zip(labels, rounded, strict=True))
        if example.row is not None:
            item["row"] = example.row
        if example.problem is not None:
            item["error"] = example.problem
        return json_text(item)

    return line


class Csv:
    """A header, and a row for each prediction: the fields of the record if they are kept, label, probability, text, and
    the probabilities of all classes if requested.

    The first record with fields decides the columns; rows before it wait for it.
    """

    def __init__(self, labels: list[str], *, keep: bool, all_probabilities: bool, on_terminal: bool) -> None:
        self.classes = [f"p:{label}" for label in labels] if all_probabilities else []
        self.keep = keep
        self.line = partial(csv_line, on_terminal=on_terminal)
        self.kept: list[str] | None = None  # names of the record's columns; None until the header is written
        self.waiting: list[tuple[Example, str, float, np.ndarray]] = []

    def __call__(self, example: Example, label: str, probability: float, probabilities: np.ndarray) -> str:
        """Raises TextRNNError for a record with a field that has no column."""
        self.waiting.append((example, label, probability, probabilities))
        return self.rest() if not self.keep or self.kept is not None or example.row else ""

    def rest(self) -> str:
        """The header, unless it is written, and rows that wait."""
        lines = []
        if self.kept is None:
            self.kept = list(self.waiting[-1][0].row or ()) if self.waiting else []
            for name in ("label", "probability"):
                if name in self.kept:
                    log.warning("two columns are named %s: the first is the input's, the last is the prediction", name)
            lines.append(self.line([*self.kept, "label", "probability", "text", *self.classes]))
        for example, label, probability, probabilities in self.waiting:
            row = example.row or {}
            if unknown := [name for name in row if name not in self.kept]:
                raise TextRNNError(
                    f"{example.where}: the field {short(unknown[0])} has no column: with --keep, the fields of the "
                    f"first record are the columns of the csv; pass --output-format jsonl, or remove the field"
                )
            classes = (f"{share:.4f}" for share in probabilities.tolist()) if self.classes else ()
            kept = ["" if row.get(name) is None else row[name] for name in self.kept]
            lines.append(self.line([*kept, label, f"{probability:.4f}", example.text, *classes]))
        self.waiting = []
        return "".join(lines)


# with both in the line's end, fields that hold either are quoted in every version of Python
_quoted = csv.writer(SimpleNamespace(write=lambda line: line), lineterminator="\r\n").writerow


def csv_line(cells: list[Any], *, on_terminal: bool) -> str:
    """A line of csv; values that are not strings are written as JSON. on_terminal: see `tsv`."""
    texts = [cell if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False) for cell in cells]
    line: str = _quoted(map(visible, texts) if on_terminal else texts)
    return line.removesuffix("\r\n") + "\n"
