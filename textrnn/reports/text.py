"""The text that `eval` prints of its metrics, aligned for wide characters as well."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textrnn.evaluation.comparison import decides_together
from textrnn.evaluation.metrics import MOST_WHOLE, confusion_matrix, most_confused, weighted_cells
from textrnn.runtime.terminal import aligned, cut, display_width, visible, wrapped

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_HELD_OUT = (
    "Held-out texts of the run: each is classified by models that were not trained on it. Copies of a text with the "
    "same label count once. {} were chosen on these texts."
)
MATRIX_HEADING = "Confusion matrix (rows: true, columns: predicted)"
PAIRS_HEADING = "too wide for this terminal; its most confused pairs:"
PAIRS_SHOWN, PAIRS_OF_MANY_CLASSES = 10, 30
SCORES_WIDTH, MIN_LABEL_WIDTH = 41, len("weighted avg")  # columns of scikit-learn's report


def held_out_heading(metrics: dict[str, Any]) -> str:
    """The heading above scores on the run's held-out texts."""
    return _HELD_OUT.format("Epochs and weights" if metrics["parts"]["network"] else "Features, C and temperature")


def report_text(metrics: dict[str, Any], columns: int | None = None, *, file: Path | str = "report.txt") -> str:
    """scikit-learn's classification report, the confusion matrix, the scores of the parts of a model that has both, the
    totals, and the verdict. A heading stands above if the texts are the run's held-out ones. Control characters in
    labels are shown as escapes.

    The most confused pairs stand in for the matrix of more than thirty classes, and for one that is wider than the
    terminal, for which long labels are cut. columns: of the terminal, None for a file or pipe. file: the report with
    the whole matrix.
    """
    labels = [visible(label) for label in metrics["labels"]]
    matrix = confusion_matrix(metrics)
    accuracy, macro_f1 = ("{:.4f} to {:.4f}".format(*metrics["interval"][key]) for key in ("accuracy", "macro_f1"))
    return "\n".join(
        [
            *([wrapped(held_out_heading(metrics), columns), ""] if metrics["held_out"] else []),
            classification_report(matrix, labels, columns),
            *confusion_lines(matrix, labels, columns, visible(str(file))),
            "",
            *([parts_table(metrics), ""] if all(metrics["parts"].values()) else []),
            f"accuracy   {metrics['accuracy']:.4f}",
            f"macro-F1   {metrics['macro_f1']:.4f}",
            wrapped(f"95 %       accuracy {accuracy}, macro-F1 {macro_f1}", columns, indent=len("95 %       ")),
            f"calibration error  {metrics['calibration_error']:.4f}",
            f"documents  {metrics['n']}",
            *seen_lines(metrics),
            f"time used  {metrics['seconds']:.1f} s",
            *(["", wrapped(metrics["verdict"], columns)] if metrics["verdict"] else []),
            "",
        ]
    )


def confusion_lines(matrix: csr_array, labels: list[str], columns: int | None, file: str) -> list[str]:
    """The heading, then the matrix, or its most confused pairs and the file that has the rest."""
    if len(labels) > MOST_WHOLE:
        heading = f"Most confused pairs of the {len(labels):,} classes"
        table = pairs_table(matrix, labels, columns, PAIRS_OF_MANY_CLASSES)
        return [wrapped(heading, columns), table, "the whole matrix is in confusion_matrix.csv"]
    table = matrix_table(matrix.toarray().tolist(), labels)
    if columns is None or max(map(display_width, table.split("\n"))) <= columns:
        return [MATRIX_HEADING, table]
    pairs = pairs_table(matrix, labels, columns, PAIRS_SHOWN)
    return [wrapped(MATRIX_HEADING, columns), wrapped(PAIRS_HEADING, columns), pairs, f"the whole matrix is in {file}"]


def classification_report(matrix: csr_array, labels: list[str], columns: int | None) -> str:
    """The report of scikit-learn, with columns that also align if labels have wide characters."""
    from sklearn.metrics import classification_report as sklearn_report

    truth, predicted, counts = weighted_cells(matrix)
    if columns is not None:
        labels = [cut(label, max(columns - SCORES_WIDTH, MIN_LABEL_WIDTH)) for label in labels]
    stand_ins = ["x" * max(display_width(label), 1) for label in labels]
    report = sklearn_report(
        truth, predicted, labels=range(len(labels)), target_names=stand_ins, sample_weight=counts, digits=4,
        zero_division=0.0,
    )  # fmt: skip
    report = re.sub(r"(\d+)\.0$", r"  \1", report, flags=re.MULTILINE)  # the support, which weights make a float
    lines = report.split("\n")
    for number, (label, stand_in) in enumerate(zip(labels, stand_ins, strict=True), start=2):  # below header and gap
        lines[number] = lines[number].replace(stand_in, label, 1)
    return "\n".join(lines)


def seen_lines(metrics: dict[str, Any]) -> list[str]:
    """The scores on the texts that the model was not trained on, if it was trained on some of them."""
    seen = metrics["seen"]
    if not seen or not seen["n"]:
        return []
    if seen["unseen_accuracy"] is None:
        return ["all documents were seen in training"]
    unseen = metrics["n"] - seen["n"]
    scores = f"accuracy {seen['unseen_accuracy']:.4f}, macro-F1 {seen['unseen_macro_f1']:.4f}"
    return [f"not seen in training  {unseen}: {scores}"]


def score_columns(scores: dict[str, Any]) -> tuple[str, str, str]:
    """Accuracy, macro-F1 and loss for a table."""
    return f"{scores['accuracy']:.4f}", f"{scores['macro_f1']:.4f}", f"{scores['loss']:.4f}"


def parts_table(metrics: dict[str, Any]) -> str:
    """The scores of each part, and those of both together if predictions combine them."""
    parts = {"network alone": metrics["parts"]["network"], "linear model alone": metrics["parts"]["linear"]}
    if decides_together(metrics):
        parts["together"] = metrics
    header = ("", "accuracy", "macro-F1", "loss")
    return "\n".join(aligned([header, *((name, *score_columns(scores)) for name, scores in parts.items())]))


def matrix_table(matrix: list[list[int]], labels: list[str]) -> str:
    """Rows with their label on the left, columns under theirs, right-aligned in terminal columns."""
    rows = ([label, *map(str, row)] for label, row in zip(labels, matrix, strict=True))
    return "\n".join(aligned([["", *labels], *rows], left=0))


def pairs_table(matrix: csr_array, labels: list[str], columns: int | None, most: int) -> str:
    """The most frequent errors, at most `most`: true and predicted label, texts, and their percentage of the true
    class. Equal counts are in the order of the matrix. Long labels are cut to the width of a terminal."""
    pairs = most_confused(matrix)
    if not len(pairs):
        return "none: all predictions are right"
    sizes = matrix.sum(axis=1)
    rows = [("true", "predicted", "count", "% of true")]
    for true, predicted, count in pairs[:most].tolist():
        rows.append((labels[true], labels[predicted], str(count), f"{100 * count / sizes[true]:.1f}"))
    if columns is not None:
        numbers = sum(max(len(row[column]) for row in rows) for column in (2, 3))
        width = max((columns - numbers - 3 * len("  ")) // 2, len("predicted"))
        rows = [(cut(true, width), cut(predicted, width), count, share) for true, predicted, count, share in rows]
    lines = aligned(rows, left=2)
    more = len(pairs) - most
    if more > 0:
        lines.append(f"and {more:,} more pair{'s' * (more > 1)}")
    return "\n".join(lines)
