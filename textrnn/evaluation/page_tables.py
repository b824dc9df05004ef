"""Metrics -> the rows of a page's tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from textrnn.evaluation.report import cut, display_width
from textrnn.evaluation.slices import Slice
from textrnn.evaluation.verdict import decides_together

MOST_WHOLE, MOST_CONFUSED = 40, 30  # classes in a matrix that is shown whole; else, of the classes with most errors
_HEADER_WIDTH = 20  # of labels beside a matrix, in columns of a terminal
_SHORT_LABEL = 4  # or less: all labels fit above their columns
MOST_CLASSES = 1000


def part_rows(metrics: dict[str, Any], intervals: dict[str, dict[str, list[float]]]) -> list[dict[str, Any]]:
    """Name, scores and intervals of each part and of what decides."""
    whole = {"scores": metrics, "interval": metrics["interval"]}
    parts = metrics["parts"]
    if parts["linear"] is None:
        return [{"name": "network", **whole}]
    linear = {"name": "linear model alone", "scores": parts["linear"], "interval": intervals["linear"]}
    if not decides_together(metrics):
        return [{"name": "network, which decides", **whole}, linear]
    network = {"name": "network alone", "scores": parts["network"], "interval": intervals["network"]}
    return [network, linear, {"name": "together", **whole}]


def class_rows(metrics: dict[str, Any], labels: list[str]) -> list[dict[str, Any]]:
    """A row per class, in the order of the labels; of more than a thousand, those of the lowest F1. A score that has
    nothing to count (no text of the class, or none predicted as it) is None."""
    matrix = metrics["confusion_matrix"]
    predicted = [sum(column) for column in zip(*matrix, strict=True)]
    rows: list[dict[str, Any]] = []
    for number, scores in enumerate(metrics["per_class"].values()):
        has_texts, is_predicted = scores["support"] > 0, predicted[number] > 0
        wrong = [(count, other) for other, count in enumerate(matrix[number]) if other != number and count]
        count, mistaken = max(wrong, key=lambda each: each[0], default=(0, None))
        rows.append(
            {
                "number": number,
                "label": labels[number],
                "texts": scores["support"],
                "precision": scores["precision"] if is_predicted else None,
                "recall": scores["recall"] if has_texts else None,
                "f1": scores["f1"] if has_texts or is_predicted else None,
                "mistaken": mistaken,
                "mistaken_count": count,
            }
        )
    if len(rows) > MOST_CLASSES:
        worst = sorted(rows, key=lambda row: (row["f1"] is None, row["f1"] or 0))[:MOST_CLASSES]
        rows = sorted(worst, key=lambda row: row["number"])
    return rows


def classes_shown(matrix: Sequence[Sequence[int]] | np.ndarray) -> list[int]:
    """The classes whose cells a page shows: all, or, of more than forty, the thirty with most errors, in order."""
    counts = np.asarray(matrix)
    if len(counts) <= MOST_WHOLE:
        return list(range(len(counts)))
    errors = counts.sum(axis=0) + counts.sum(axis=1) - 2 * np.diag(counts)
    return sorted(np.argsort(-errors, kind="stable")[:MOST_CONFUSED].tolist())


def matrix_view(metrics: dict[str, Any], labels: list[str]) -> dict[str, Any]:
    """Rows of the classes that are shown, each with its cells: count, share of the true class and depth of the colour.
    Right cells have the depth of their share; wrong ones are few and would hardly show, so theirs is relative to the
    largest share of errors, by its square root. others: how many texts of each row and column have other labels."""
    matrix = np.asarray(metrics["confusion_matrix"])
    shown = classes_shown(matrix)
    sizes = np.maximum(matrix.sum(axis=1), 1)
    shares = matrix[np.ix_(shown, shown)] / sizes[shown, None]
    wrong = shares.copy()
    np.fill_diagonal(wrong, 0)
    most = wrong.max(initial=0) or 1.0
    rows = []
    for at, true in enumerate(shown):
        cells = []
        for column, predicted in enumerate(shown):
            share = float(shares[at, column])
            depth = share if true == predicted else math.sqrt(share / most) * 0.9
            cells.append(
                {
                    "predicted": predicted,
                    "count": int(matrix[true, predicted]),
                    "share": share,
                    "depth": round(depth, 2),
                }
            )
        rows.append(
            {"true": true, "cells": cells, "others": int(matrix[true].sum() - matrix[np.ix_([true], shown)].sum())}
        )
    others = [int(matrix[:, column].sum() - matrix[np.ix_(shown, [column])].sum()) for column in shown]
    return {
        "shown": shown,
        "headers": [cut(labels[number], _HEADER_WIDTH) for number in shown],
        "is_short": all(display_width(labels[number]) <= _SHORT_LABEL for number in shown),
        "rows": rows,
        "others": others,
        "hidden": len(matrix) - len(shown),
        "most": most,
    }


def slice_view(slices: list[Slice]) -> dict[str, Any]:
    """The parts, and the ends of the axis on which their intervals are drawn: tenths."""
    low = math.floor(10 * min(each.interval[0] for each in slices) + 1e-9) / 10
    high = math.ceil(10 * max(each.interval[1] for each in slices) - 1e-9) / 10
    return {"rows": slices, "low": low, "high": high}
