"""Self-contained web pages, which make no requests: any page from a template, and the page of an evaluation."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from textrnn.evaluation.comparison import decides_together
from textrnn.evaluation.metrics import MOST_WHOLE, confusion_matrix, most_confused
from textrnn.evaluation.slices import Predictions, Slice, by_length, by_unknown, coverage_curve, reliability, thresholds
from textrnn.reports.charts import Best, History, plot_calibration, plot_coverage, plot_curves, svg, training_curves
from textrnn.reports.examples import Examples, Pieces
from textrnn.reports.text import held_out_heading
from textrnn.runtime.terminal import cut, display_width, visible

if TYPE_CHECKING:
    from jinja2 import Environment
    from scipy.sparse import csr_array

TEMPLATES = Path(__file__).with_name("templates")
_BYTES_OF_TEXTS = 1_500_000  # size in the page, as JSON
_LONGEST_LABEL = 200
_HEADER_WIDTH = 20  # of labels beside a matrix, in columns of a terminal
_SHORT_LABEL = 4  # or less: all labels fit above their columns
MOST_CLASSES = 1000
PAIRS_BESIDE_MATRIX, PAIRS_ALONE = 15, 50

# Texts and the ids of the labels predicted for them -> the pieces of each text, None without an explanation
Explain = Callable[[Sequence[str], Sequence[int]], Sequence[Pieces | None]]


def render(template: str, **values: Any) -> str:
    """The page, in which all values are escaped. Raises an error of Jinja if the template uses a value that is not
    given."""
    return _environment().get_template(template).render(values)


@cache  # and with it the compiled templates
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip


@dataclass
class About:
    """The content of a page besides scores and predictions.

    model: a phrase that describes it. name: the same in a few words. data: the name of the evaluated texts. max_length:
    the number of tokens that the model reads of a text. lengths, unknown (n,): the number of tokens of each text, and
    the share of those read that the vocabulary lacks. intervals: part -> score -> [low, high]. history: the lines of
    history.jsonl. best: the best epoch of each network.
    """

    model: str
    name: str
    data: str
    max_length: int
    lengths: np.ndarray
    unknown: np.ndarray
    intervals: dict[str, dict[str, list[float]]]
    history: History
    best: Best


def evaluation_page(
    metrics: dict[str, Any], predictions: Predictions, examples: Examples, about: About, explain: Explain | None
) -> str:
    """The HTML. examples: from the cells of `cells_to_browse`. explain: colours the words of the most confident
    errors."""
    script = (TEMPLATES / "page.js").read_text(encoding="utf-8")
    labels = [_shown_label(label) for label in metrics["labels"]]
    matrix = confusion_matrix(metrics)
    confused = most_confused(matrix)
    probabilities, right = predictions.probabilities, predictions.truth == predictions.predicted
    rows = thresholds(probabilities, right)
    return render(
        "evaluation.html",
        style=(TEMPLATES / "page.css").read_text(encoding="utf-8"),
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        texts=texts_json(labels, predictions, examples),
        metrics=metrics,
        held_out_heading=held_out_heading(metrics),
        labels=labels,
        about=about,
        data=visible(about.data),
        parts=part_rows(metrics, about.intervals),
        wrong=int(np.count_nonzero(~right)),
        classes=class_rows(metrics, labels, matrix.sum(axis=0), confused),
        matrix=matrix_view(labels, matrix),
        pairs=pair_rows(matrix.sum(axis=1), confused),
        pair_count=len(confused),
        errors=error_rows(labels, predictions, examples, explain),
        calibration=svg(
            plot_calibration(reliability(probabilities, right)),
            "Share of right predictions by the probability of the predicted label",
        ),
        coverage=svg(
            plot_coverage(*coverage_curve(probabilities, right), rows),
            "Accuracy by the share of the texts that are answered",
        ),
        thresholds=rows,
        lengths=slice_view(by_length(about.lengths, right)),
        cut=float(np.count_nonzero(about.lengths > about.max_length)) / len(right),
        unknown=slice_view(by_unknown(about.unknown, right)),
        training=[
            (panel.heading, svg(plot_curves(about.history, [panel], about.best), f"{panel.heading}, by epoch"))
            for panel in training_curves(about.history)[:2]  # losses and scores
        ],
    )


def _shown_label(label: str) -> str:
    label = visible(label).replace("\n", " ")
    return label if len(label) <= _LONGEST_LABEL else label[: _LONGEST_LABEL - 1] + "…"


def texts_json(labels: list[str], predictions: Predictions, examples: Examples) -> str:
    """The texts to browse, as JSON that may stand in a script element: {"labels", "texts": [[true, predicted,
    probability, text], ...]}, with as many texts as fit, of each cell about as many."""
    rows: list[str] = []
    room = _BYTES_OF_TEXTS
    for at in examples.cells:
        classes = int(predictions.truth[at]), int(predictions.predicted[at])
        row = _in_script([*classes, round(float(predictions.probabilities[at]), 4), examples.short[at]])
        room -= len(row.encode())
        if room < 0:
            break
        rows.append(row)
    return f'{{"labels":{_in_script(labels)},"texts":[{",".join(rows)}]}}'


def _in_script(value: Any) -> str:
    """JSON without `<`, which alone could end a script element or begin a comment in it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def error_rows(
    labels: list[str], predictions: Predictions, examples: Examples, explain: Explain | None
) -> list[dict[str, Any]]:
    """The most confident errors; `pieces` is (text, contribution, share of the largest contribution) of each piece."""
    errors = examples.errors
    texts, classes = [examples.whole[at] for at in errors], predictions.predicted[errors].tolist()
    explained = explain(texts, classes) if explain is not None and errors else [None] * len(errors)
    rows = []
    for at, pieces in zip(errors, explained, strict=True):
        largest = max((abs(value) for _, value in pieces or ()), default=0.0) or 1.0
        rows.append(
            {
                "true": labels[predictions.truth[at]],
                "predicted": labels[predictions.predicted[at]],
                "probability": float(predictions.probabilities[at]),
                "text": examples.short[at],
                "pieces": [(piece, value, round(abs(value) / largest, 2)) for piece, value in pieces or ()],
            }
        )
    return rows


def part_rows(metrics: dict[str, Any], intervals: dict[str, dict[str, list[float]]]) -> list[dict[str, Any]]:
    """Name, scores and intervals of each part, and of the whole model."""
    whole = {"scores": metrics, "interval": metrics["interval"]}
    parts = metrics["parts"]
    for part, name in (("linear", "network"), ("network", "linear model")):
        if parts[part] is None:
            return [{"name": name, **whole}]
    linear = {"name": "linear model alone", "scores": parts["linear"], "interval": intervals["linear"]}
    network = {"name": "network alone", "scores": parts["network"], "interval": intervals["network"]}
    if metrics["weight"] == 1:
        return [network, {"name": "linear model, which decides", **whole}]
    if not decides_together(metrics):
        return [{"name": "network, which decides", **whole}, linear]
    return [network, linear, {"name": "together", **whole}]


def class_rows(
    metrics: dict[str, Any], labels: list[str], predicted: np.ndarray, confused: np.ndarray
) -> list[dict[str, Any]]:
    """A row per class, in the order of the labels; of more than a thousand, those of the lowest F1. A score that has
    nothing to count (no text of the class, or none predicted as it) is None. predicted (C,): the number of texts
    predicted as each class. confused: see `most_confused`."""
    # class -> its most frequent wrong prediction, and how often; the last entry of a class is kept
    mistaken = {true: (other, count) for true, other, count in confused[::-1].tolist()}
    rows = [
        {
            "number": number,
            "label": labels[number],
            "texts": scores["support"],
            "precision": scores["precision"] if predicted[number] else None,
            "recall": scores["recall"] if scores["support"] else None,
            "f1": scores["f1"] if scores["support"] or predicted[number] else None,
            "mistaken": mistaken.get(number),
        }
        for number, scores in enumerate(metrics["per_class"].values())
    ]
    lowest = sorted(rows, key=lambda row: (row["f1"] is None, row["f1"] or 0))[:MOST_CLASSES]
    return sorted(lowest, key=lambda row: row["number"])


def pair_rows(sizes: np.ndarray, confused: np.ndarray) -> list[dict[str, Any]]:
    """The most confused pairs, with their share of the true class: a few beside a matrix, more in its place. sizes
    (C,): the number of texts of each class. confused: see `most_confused`."""
    most = PAIRS_BESIDE_MATRIX if len(sizes) <= MOST_WHOLE else PAIRS_ALONE
    return [
        {"true": true, "predicted": predicted, "count": count, "share": count / sizes[true]}
        for true, predicted, count in confused[:most].tolist()
    ]


def cells_to_browse(matrix: csr_array) -> list[tuple[int, int]] | None:
    """(true, predicted) of the cells that a page without a matrix has a button for, the most confused first: those of
    `pair_rows`, and what each class is most often taken for. None, which is all cells, if it has a matrix."""
    if matrix.shape[0] <= MOST_WHOLE:
        return None
    pairs = most_confused(matrix)
    first_of_class = np.unique(pairs[:, 0], return_index=True)[1]
    chosen = np.union1d(first_of_class, np.arange(len(pairs))[:PAIRS_ALONE])
    return [(true, predicted) for true, predicted, _ in pairs[chosen].tolist()]


def matrix_view(labels: list[str], matrix: csr_array) -> dict[str, Any] | None:
    """Rows of cells: count, share of the true class and depth of the colour. Right cells have the depth of their share;
    wrong ones are few and would hardly show, so theirs is relative to the largest share of errors, by its square root.
    None for more classes than a matrix is shown of."""
    if len(labels) > MOST_WHOLE:
        return None
    counts = matrix.toarray()
    shares = counts / np.maximum(counts.sum(axis=1), 1)[:, None]
    is_right = np.eye(len(labels), dtype=bool)
    most = shares[~is_right].max(initial=0)
    depths = np.where(is_right, shares, np.sqrt(shares / (most or 1.0)) * 0.9).tolist()
    rows = [
        [(count, share, round(depth, 2)) for count, share, depth in zip(*row, strict=True)]
        for row in zip(counts.tolist(), shares.tolist(), depths, strict=True)
    ]
    return {
        "headers": [cut(label, _HEADER_WIDTH) for label in labels],
        "is_short": all(display_width(label) <= _SHORT_LABEL for label in labels),
        "rows": rows,
        "most": most,
    }


def slice_view(slices: list[Slice]) -> dict[str, Any]:
    """The slices, and the ends of the axis on which their intervals are drawn: tenths."""
    lows, highs = zip(*(part.interval for part in slices), strict=True)
    low, high = math.floor(10 * min(lows) + 1e-9) / 10, math.ceil(10 * max(highs) - 1e-9) / 10
    return {"rows": slices, "low": low, "high": high}
