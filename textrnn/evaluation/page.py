"""An evaluation as a web page of one file, which asks the network for nothing."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from textrnn.evaluation.examples import Examples, Pieces
from textrnn.evaluation.html import TEMPLATES, render
from textrnn.evaluation.metrics import confusion_cells
from textrnn.evaluation.page_charts import Best, coverage_chart, reliability_chart, training_charts
from textrnn.evaluation.page_tables import class_rows, matrix_view, pair_rows, part_rows, slice_view
from textrnn.evaluation.predictions import Predictions
from textrnn.evaluation.report import HELD_OUT_HEADING
from textrnn.evaluation.slices import by_length, by_unknown, coverage_curve, reliability, thresholds
from textrnn.runtime.terminal import visible

_BYTES_OF_TEXTS = 1_500_000  # in the page, as JSON
_LONGEST_LABEL = 200

# Texts, the labels predicted for them and the positions of these -> the pieces of each text, None where there are none
Explain = Callable[[Sequence[str], Sequence[int]], Sequence[Pieces | None]]


@dataclass
class About:
    """What a page says of an evaluation besides its scores.

    model: what it is, in a phrase. name: the same in a few words. data: the name of the evaluated texts. max_length:
    tokens that the model reads of a text. lengths, unknown (n,): tokens of each text, and the share of those read that
    the vocabulary lacks. intervals: part -> score -> [low, high]. history: the lines of history.jsonl. best: the best
    epoch of each network.
    """

    model: str
    name: str
    data: str
    max_length: int
    lengths: np.ndarray
    unknown: np.ndarray
    intervals: dict[str, dict[str, list[float]]]
    history: list[dict[str, Any]] = field(default_factory=list)
    best: Best = field(default_factory=dict)


def evaluation_page(
    metrics: dict[str, Any],
    predictions: Predictions,
    examples: Examples,
    about: About,
    explain: Explain | None = None,
) -> str:
    """The HTML. examples: of the texts of `cells_to_browse`. explain: colours the words of the most confident
    errors."""
    script = (TEMPLATES / "page.js").read_text(encoding="utf-8")
    labels = [shown_label(label) for label in metrics["labels"]]
    cells = confusion_cells(metrics)
    right = predictions.truth == predictions.predicted
    probabilities = predictions.probabilities
    rows = thresholds(probabilities, right)
    values = dict(
        style=(TEMPLATES / "page.css").read_text(encoding="utf-8"),
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        texts=texts_json(labels, predictions, examples),
        metrics=metrics,
        held_out_heading=HELD_OUT_HEADING,
        labels=labels,
        about=about,
        data=visible(about.data),
        parts=part_rows(metrics, about.intervals),
        wrong=int(np.count_nonzero(~right)),
        classes=class_rows(metrics, labels, cells),
        matrix=matrix_view(labels, cells),
        pairs=pair_rows(cells, len(labels)),
        pair_count=int(np.count_nonzero(cells[0] != cells[1])),
        errors=error_rows(labels, predictions, examples, explain),
        reliability=reliability_chart(reliability(probabilities, right)),
        coverage=coverage_chart(coverage_curve(probabilities, right), rows),
        thresholds=rows,
        lengths=slice_view(by_length(about.lengths, right)),
        cut=float(np.count_nonzero(about.lengths > about.max_length)) / len(right),
        unknown=slice_view(by_unknown(about.unknown, right)),
        training=training_charts(about.history, about.best),
    )
    return render("evaluation.html", values)


def shown_label(label: str) -> str:
    label = visible(label).replace("\n", " ")
    return label if len(label) <= _LONGEST_LABEL else label[: _LONGEST_LABEL - 1] + "…"


def texts_json(labels: list[str], predictions: Predictions, examples: Examples) -> str:
    """The texts to browse, as JSON that may stand in a script element: {"labels", "texts": [[true, predicted,
    probability, text], ...]}, with as many texts as fit, of each cell about as many."""
    rows: list[str] = []
    room = _BYTES_OF_TEXTS
    for number in examples.cells:
        truth, predicted = int(predictions.truth[number]), int(predictions.predicted[number])
        probability = round(float(predictions.probabilities[number]), 4)
        row = in_script([truth, predicted, probability, examples.short[number]])
        room -= len(row.encode())
        if room < 0:
            break
        rows.append(row)
    return f'{{"labels":{in_script(labels)},"texts":[{",".join(rows)}]}}'


def in_script(value: Any) -> str:
    """JSON without `<`, which alone could end a script element or begin a comment in it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def error_rows(
    labels: list[str], predictions: Predictions, examples: Examples, explain: Explain | None
) -> list[dict[str, Any]]:
    """The most confident errors; `pieces` is (text, contribution, share of the largest contribution) of each piece."""
    numbers = examples.errors
    explained: Sequence[Pieces | None] = [None] * len(numbers)
    if explain is not None and numbers:
        predicted = [int(predictions.predicted[number]) for number in numbers]
        explained = explain([examples.whole[number] for number in numbers], predicted)
    rows = []
    for number, pieces in zip(numbers, explained, strict=True):
        largest = max((abs(contribution) for _, contribution in pieces or ()), default=0.0) or 1.0
        rows.append(
            {
                "true": labels[predictions.truth[number]],
                "predicted": labels[predictions.predicted[number]],
                "probability": float(predictions.probabilities[number]),
                "text": examples.short[number],
                "pieces": [(piece, each, round(abs(each) / largest, 2)) for piece, each in pieces or ()],
            }
        )
    return rows
