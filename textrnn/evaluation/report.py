"""Metrics -> the text that `eval` prints, aligned for wide characters too."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from wcwidth import wcswidth

from textrnn.evaluation.metrics import weighted_cells
from textrnn.runtime.decoding import visible

MATRIX_HEADING = "Confusion matrix (rows: true, columns: predicted)"


def report_text(metrics: dict[str, Any]) -> str:
    """scikit-learn's classification report, the confusion matrix, and the totals; control characters in labels are
    shown as escapes."""
    labels = [visible(label) for label in metrics["labels"]]
    return "\n".join(
        [
            classification_report(metrics["confusion_matrix"], labels),
            MATRIX_HEADING,
            matrix_table(metrics["confusion_matrix"], labels),
            "",
            f"accuracy   {metrics['accuracy']:.4f}",
            f"macro-F1   {metrics['macro_f1']:.4f}",
            f"documents  {metrics['n']}",
            f"time used  {metrics['seconds']:.1f} s",
            "",
        ]
    )


def classification_report(matrix: list[list[int]], labels: list[str]) -> str:
    """scikit-learn's, with columns that also align where labels have wide characters."""
    from sklearn.metrics import classification_report as sklearn_report

    truth, predicted, counts = weighted_cells(np.asarray(matrix))
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


def matrix_table(matrix: list[list[int]], labels: list[str]) -> str:
    """Rows with their label on the left, columns under theirs, right-aligned in terminal columns."""
    first = max(map(display_width, labels))
    widths = [
        max(display_width(label), *(len(str(row[column])) for row in matrix)) for column, label in enumerate(labels)
    ]
    header = " " * first + "".join("  " + pad_left(label, width) for label, width in zip(labels, widths, strict=True))
    rows = (
        pad_left(label, first) + "".join(f"  {count:>{width}}" for count, width in zip(row, widths, strict=True))
        for label, row in zip(labels, matrix, strict=True)
    )
    return "\n".join([header, *rows])


def display_width(text: str) -> int:
    """Terminal columns; control characters, which have none, count as the code points they are."""
    width = wcswidth(text)
    return len(text) if width < 0 else width


def pad_left(text: str, width: int) -> str:
    return " " * (width - display_width(text)) + text
