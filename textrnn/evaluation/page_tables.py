"""Metrics -> the rows of a page's tables."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from textrnn.evaluation.comparison import decides_together
from textrnn.evaluation.metrics import MOST_WHOLE, Cells, class_sums, dense_matrix, most_confused
from textrnn.evaluation.slices import Slice
from textrnn.runtime.terminal import cut, display_width

_HEADER_WIDTH = 20  # of labels beside a matrix, in columns of a terminal
_SHORT_LABEL = 4  # or less: all labels fit above their columns
MOST_CLASSES = 1000
PAIRS_BESIDE_MATRIX, PAIRS_ALONE = 15, 50


def part_rows(metrics: dict[str, Any], intervals: dict[str, dict[str, list[float]]]) -> list[dict[str, Any]]:
    """Name, scores and intervals of each part and of what decides."""
    whole = {"scores": metrics, "interval": metrics["interval"]}
    parts = metrics["parts"]
    if parts["linear"] is None:
        return [{"name": "network", **whole}]
    linear = {"name": "linear model alone", "scores": parts["linear"], "interval": intervals["linear"]}
    network = {"name": "network alone", "scores": parts["network"], "interval": intervals["network"]}
    if metrics["weight"] == 1:
        return [network, {"name": "linear model, which decides", **whole}]
    if not decides_together(metrics):
        return [{"name": "network, which decides", **whole}, linear]
    return [network, linear, {"name": "together", **whole}]


def class_rows(metrics: dict[str, Any], labels: list[str], cells: Cells) -> list[dict[str, Any]]:
    """A row per class, in the order of the labels; of more than a thousand, those of the lowest F1. A score that has
    nothing to count (no text of the class, or none predicted as it) is None."""
    predicted = class_sums(cells[1], cells[2], len(labels))
    mistaken: dict[int, tuple[int, int]] = {}  # class -> its most frequent wrong prediction, and how often
    for true, other, count in most_confused(cells).tolist():
        mistaken.setdefault(true, (other, count))
    rows: list[dict[str, Any]] = []
    for number, scores in enumerate(metrics["per_class"].values()):
        has_texts, is_predicted = scores["support"] > 0, predicted[number] > 0
        other, count = mistaken.get(number, (None, 0))
        rows.append(
            {
                "number": number,
                "label": labels[number],
                "texts": scores["support"],
                "precision": scores["precision"] if is_predicted else None,
                "recall": scores["recall"] if has_texts else None,
                "f1": scores["f1"] if has_texts or is_predicted else None,
                "mistaken": other,
                "mistaken_count": count,
            }
        )
    if len(rows) > MOST_CLASSES:
        worst = sorted(rows, key=lambda row: (row["f1"] is None, row["f1"] or 0))[:MOST_CLASSES]
        rows = sorted(worst, key=lambda row: row["number"])
    return rows


def pair_rows(cells: Cells, num_classes: int) -> list[dict[str, Any]]:
    """The most confused pairs, with their share of the true class: a few beside a matrix, more in its place."""
    sizes = class_sums(cells[0], cells[2], num_classes)
    most = PAIRS_BESIDE_MATRIX if num_classes <= MOST_WHOLE else PAIRS_ALONE
    return [
        {"true": true, "predicted": predicted, "count": count, "share": count / sizes[true]}
        for true, predicted, count in most_confused(cells)[:most].tolist()
    ]


def cells_to_browse(cells: Cells, num_classes: int) -> list[tuple[int, int]] | None:
    """(true, predicted) of the cells that a page without a matrix has a button for, the most confused first: those of
    `pair_rows`, and what each class is most often taken for. None, which is all cells, where it has a matrix."""
    if num_classes <= MOST_WHOLE:
        return None
    pairs = most_confused(cells)
    first_of_class = np.unique(pairs[:, 0], return_index=True)[1]
    chosen = np.union1d(first_of_class, np.arange(len(pairs))[:PAIRS_ALONE])
    return [(true, predicted) for true, predicted, _ in pairs[chosen].tolist()]


def matrix_view(labels: list[str], cells: Cells) -> dict[str, Any] | None:
    """Rows of the classes, each with its cells: count, share of the true class and depth of the colour. Right cells
    have the depth of their share; wrong ones are few and would hardly show, so theirs is relative to the largest share
    of errors, by its square root. None where there are more classes than a matrix is shown of."""
    if len(labels) > MOST_WHOLE:
        return None
    matrix = dense_matrix(cells, list(range(len(labels))))
    shares = matrix / np.maximum(matrix.sum(axis=1), 1)[:, None]
    wrong = shares.copy()
    np.fill_diagonal(wrong, 0)
    most = wrong.max(initial=0)
    rows = []
    for true, counts in enumerate(matrix.tolist()):
        row = []
        for predicted, count in enumerate(counts):
            share = float(shares[true, predicted])
            depth = share if true == predicted else math.sqrt(share / (most or 1.0)) * 0.9
            row.append({"predicted": predicted, "count": count, "share": share, "depth": round(depth, 2)})
        rows.append({"true": true, "cells": row})
    return {
        "headers": [cut(label, _HEADER_WIDTH) for label in labels],
        "is_short": all(display_width(label) <= _SHORT_LABEL for label in labels),
        "rows": rows,
        "most": most,
    }


def slice_view(slices: list[Slice]) -> dict[str, Any]:
    """The parts, and the ends of the axis on which their intervals are drawn: tenths."""
    low = math.floor(10 * min(each.interval[0] for each in slices) + 1e-9) / 10
    high = math.ceil(10 * max(each.interval[1] for each in slices) - 1e-9) / 10
    return {"rows": slices, "low": low, "high": high}
