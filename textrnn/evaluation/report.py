"""Metrics -> the text that `eval` prints, aligned for wide characters too."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from wcwidth import wcswidth

MATRIX_HEADING = "Confusion matrix (rows: true, columns: predicted)"


def report_text(metrics: dict[str, Any]) -> str:
    """scikit-learn's classification report, the confusion matrix, and the totals."""
    labels = metrics["labels"]
    return "\n".join(
        [
            classification_report(metrics),
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


def classification_report(metrics: dict[str, Any]) -> str:
    """In the layout of scikit-learn's, but with columns that are aligned where labels are wide."""
    columns = ("precision", "recall", "f1")
    by_class, count = metrics["per_class"], metrics["n"]
    scores = np.array([[entry[column] for column in columns] for entry in by_class.values()])
    support = np.array([entry["support"] for entry in by_class.values()])
    width = max(len("weighted avg"), *map(display_width, by_class))

    def line(name: str, cells: Iterable[str], support: int) -> str:
        return f"{pad_left(name, width)} " + "".join(f" {cell:>9}" for cell in cells) + f" {support:>9}"

    def decimals(values: np.ndarray) -> list[str]:
        return [f"{value:.4f}" for value in values]

    header = " " * width + " " + "".join(f" {title:>9}" for title in ("precision", "recall", "f1-score", "support"))
    return "\n".join(
        [
            header,
            "",
            *(
                line(label, decimals(row), int(number))
                for label, row, number in zip(by_class, scores, support, strict=True)
            ),
            "",
            line("accuracy", ["", "", f"{metrics['accuracy']:.4f}"], count),
            line("macro avg", decimals(scores.mean(axis=0)), count),
            line("weighted avg", decimals(np.average(scores, axis=0, weights=support)), count),
            "",
        ]
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
