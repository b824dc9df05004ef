"""Above thirty classes people see the most confused pairs, above two hundred files hold the pairs that occur: sizes
grow with these, not with the square of the classes."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import numpy as np
import pytest
import torch

from tests.reports.test_page import Outline, embedded, html_of
from textrnn.evaluation.metrics import PartTotals, all_metrics, confusion_matrix
from textrnn.reports.charts import plot_confusion_matrix
from textrnn.reports.results import matrix_csv
from textrnn.reports.text import report_text
from textrnn.runtime.terminal import json_text

HEADING = "Confusion matrix (rows: true, columns: predicted)"


def predictions(classes: int) -> tuple[list[str], list[int], list[int]]:
    """Labels, true and predicted ids: a text a class, every second one taken for the next class, and class 7 taken for
    class 3 nine times more."""
    truth = [*range(classes), *[7] * 9]
    predicted = [*(number + number % 2 * (number + 1 < classes) for number in range(classes)), *[3] * 9]
    return [f"class {number}" for number in range(classes)], truth, predicted


def metrics_of(classes: int) -> dict[str, Any]:
    labels, truth, predicted = predictions(classes)
    logits = torch.zeros(len(truth), classes)
    logits[torch.arange(len(truth)), torch.tensor(predicted)] = 9.0
    totals = PartTotals(classes, None)
    totals.add(logits, np.asarray(truth), network=logits)
    return all_metrics(totals, labels) | {"seconds": 1.0}


def test_thousands_of_classes_give_files_of_the_size_of_their_pairs() -> None:
    metrics = metrics_of(3000)
    assert len(json_text(metrics, indent=2)) < 1_500_000
    assert metrics["confusion_matrix"] is None
    assert ["class 7", "class 3", 9] in metrics["confusion_pairs"]
    assert sum(count for *_, count in metrics["confusion_pairs"]) == 3009
    rows = list(csv.reader(io.StringIO(matrix_csv(metrics))))
    assert rows[0] == ["true", "predicted", "count"]
    assert [[true, predicted, int(count)] for true, predicted, count in rows[1:]] == metrics["confusion_pairs"]
    report = report_text(metrics)
    assert len(report) < 300_000
    lines = report.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("true  "))
    assert lines[at + 1].split() == ["class", "7", "class", "3", "9", "90.0"]
    assert f"and {1499 + 1 - 30:,} more pairs" in lines


def test_the_page_of_thousands_of_classes_has_the_texts_of_its_pairs() -> None:
    labels, truth, predicted = predictions(3000)
    html = html_of(labels, truth, predicted, [f"text {number}" for number in range(len(truth))])
    assert len(html.encode()) < 3_000_000
    assert 'data-true="7" data-predicted="3">9</button>' in html
    texts = [row for row in embedded(html)["texts"] if row[:2] == [7, 3]]
    assert len(texts) == 9
    assert "And 1,450 more pairs." in Outline(html).text


@pytest.mark.parametrize(("classes", "is_whole"), [(30, True), (31, False), (200, False)])
def test_above_thirty_classes_pairs_stand_in_the_place_of_the_matrix(classes: int, is_whole: bool) -> None:
    metrics = metrics_of(classes)
    assert len(metrics["confusion_matrix"]) == classes and "confusion_pairs" not in metrics
    for report in (report_text(metrics), report_text(metrics, 400)):
        assert (HEADING in report) == is_whole
        assert (f"Most confused pairs of the {classes} classes" in report) != is_whole
        assert ("the whole matrix is in confusion_matrix.csv" in report) != is_whole
    assert max(map(len, report_text(metrics, 60).splitlines())) <= 60
    html = html_of(*predictions(classes), ["text"] * (classes + 9))
    assert ('class="wide matrix"' in html) == is_whole
    assert matrix_csv(metrics).startswith("true \\ predicted,class 0,class 1,")


@pytest.mark.parametrize("classes", [200, 201])
def test_a_saved_matrix_and_saved_pairs_are_read_alike(classes: int) -> None:
    metrics = json.loads(json_text(metrics_of(classes)))
    assert (metrics["confusion_matrix"] is None) == (classes > 200)
    matrix = confusion_matrix(metrics)
    assert (matrix[7, 3], matrix[7, 8], matrix[8, 8]) == (9, 1, 1)
    assert (matrix.nnz, matrix.shape) == (classes + 1, (classes, classes))


def test_the_picture_shows_the_thirty_most_confused_classes() -> None:
    metrics = metrics_of(300)
    figure, legend = plot_confusion_matrix(confusion_matrix(metrics), metrics["labels"], "GRU")
    assert legend is None
    axes = figure.axes[0]
    names = [tick.get_text() for tick in axes.get_yticklabels()]
    assert len(names) == 30 and {"class 3", "class 7"} <= set(names)
    assert axes.images[0].get_array()[names.index("class 7"), names.index("class 3")] == 0.9
    assert figure.get_suptitle() == "GRU\nthe 30 most confused of 300 classes"
