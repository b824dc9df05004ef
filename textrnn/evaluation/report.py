"""Metrics -> the text that `eval` prints, aligned for wide characters too."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.metrics import classification_report
from wcwidth import wcswidth

MATRIX_HEADING = "Confusion matrix (rows: true, columns: predicted)"


def report_text(true_labels: np.ndarray, predicted: np.ndarray, metrics: dict[str, Any]) -> str:
    """scikit-learn's classification report, the confusion matrix, and the totals."""
    labels = metrics["labels"]
    return "\n".join(
        [
            _classification_report(true_labels, predicted, labels),
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


def _classification_report(true_labels: np.ndarray, predicted: np.ndarray, labels: list[str]) -> str:
    """scikit-learn's layout, which counts code points, with its first column widened where labels are wide."""
    text = classification_report(
        true_labels, predicted, labels=np.arange(len(labels)), target_names=labels, digits=4, zero_division=0
    )
    code_points = max(len("weighted avg"), *map(len, labels))
    columns = max(len("weighted avg"), *map(display_width, labels))
    if code_points == columns and all(display_width(label) == len(label) for label in labels):
        return text
    lines = text.split("\n")
    return "\n".join(
        pad_left(line[:code_points].strip(), columns) + line[code_points:] if line else line for line in lines
    )


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
