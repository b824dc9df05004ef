from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
import torch

from textrnn.evaluation.metrics import PartTotals, all_metrics, confusion_matrix
from textrnn.evaluation.slices import Predictions
from textrnn.reports import page
from textrnn.reports.charts import plot_confusion_matrix
from textrnn.reports.examples import Examples, Pieces
from textrnn.reports.page import About, cells_to_browse, evaluation_page
from textrnn.reports.results import matrix_csv
from textrnn.reports.text import MATRIX_HEADING, report_text
from textrnn.runtime.terminal import json_text

HOSTILE = "</script><img src=x onerror=alert(1)><!--<script>"


class Outline(HTMLParser):
    """Elements, and the text outside of scripts and styles."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.addresses: list[str] = []
        self.text = ""
        self.inside = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.elements.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href", "srcset", "action")]
        self.inside = tag

    def handle_data(self, data: str) -> None:
        if self.inside not in ("script", "style"):
            self.text += data


def evaluated(labels: list[str], truth: list[int], predicted: list[int]) -> tuple[dict[str, Any], Predictions]:
    """The metrics and predictions of a network, all with about the same probability."""
    logits = torch.full((len(truth), len(labels)), -2.0)
    logits[torch.arange(len(truth)), torch.tensor(predicted)] = 2.0
    totals = PartTotals(len(labels), None)
    totals.add(logits, np.asarray(truth), network=logits)
    rows, probabilities = np.arange(len(truth)), logits.softmax(1).numpy().max(1)
    given = Predictions(rows, rows, np.asarray(truth), np.asarray(predicted), probabilities)
    return all_metrics(totals, labels), given


def html_of(
    labels: list[str], truth: list[int], predicted: list[int], texts: list[str], *, history: Any = (), best: Any = None,
    explain: Any = None,
) -> str:  # fmt: skip
    """The page of these predictions."""
    metrics, given = evaluated(labels, truth, predicted)
    examples = Examples(given, cells_to_browse(confusion_matrix(metrics)))
    for number, text in enumerate(texts):
        examples.visit(number, text)
    lengths = np.asarray([len(text.split()) for text in texts])
    unknown = np.zeros(len(truth), np.float32)
    about = About("TextRNN", "TextRNN", "test.tsv", 32, lengths, unknown, {}, history, best or {})
    return evaluation_page(metrics, given, examples, about, explain)


def embedded(html: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="texts">(.*?)</script>', html, re.DOTALL)
    assert found
    return json.loads(found[1])


def test_labels_and_texts_are_shown_as_themselves() -> None:
    html = html_of(["体育", HOSTILE], [0, 1, 1], [1, 1, 0], ["a\x1b", HOSTILE, f"{HOSTILE} & co"])
    assert embedded(html) == {
        "labels": ["体育", HOSTILE],
        "texts": [[0, 1, 0.982, "a\\x1b"], [1, 0, 0.982, f"{HOSTILE} & co"], [1, 1, 0.982, HOSTILE]],
    }
    outline = Outline(html)
    assert "img" not in outline.elements
    assert outline.elements.count("script") == 2
    assert outline.text.count(HOSTILE) > 5
    assert outline.addresses and all(address.startswith("#") for address in outline.addresses)


def test_the_script_is_the_only_one_that_may_run() -> None:
    html = html_of(["a", "b"], [0, 1], [0, 0], ["x", "y"])
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', html)
    assert policy and "default-src 'none'" in policy[1]
    script = html.rpartition("<script>")[2].partition("</script>")[0]
    assert f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" in policy[1]


def test_words_are_coloured_by_contribution_where_they_are_explained() -> None:
    asked: list[tuple[list[str], list[int]]] = []

    def explain(texts: Any, predicted: Any) -> list[Pieces | None]:
        asked.append((list(texts), list(predicted)))
        return [[("good", 2.0), (" ", 0.0), ("<bad>", -0.5)], None]

    given = (["a", "b"], [0, 1, 0], [1, 0, 0], ["good <bad>", "other", "right"])
    html = html_of(*given, explain=explain)
    assert asked == [(["good <bad>", "other"], [1, 0])]
    assert '<span class="for" style="--depth:1.0" title="+2.000">good</span> <span class="against"' in html
    assert 'style="--depth:0.25" title="-0.500">&lt;bad&gt;</span></p>' in html
    assert 'dir="auto">other</p>' in html
    assert 'class="for"' not in html_of(*given)
    assert "what speaks" not in html_of(*given)


def test_many_texts_of_many_classes_stay_within_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = [f"{number}" * 50 for number in range(100, 200)]
    random = np.random.default_rng(0)
    truth, predicted = random.integers(0, 100, (2, 4000)).tolist()
    html = html_of(labels, truth, predicted, ["字" * 300] * 4000)
    assert len(html.encode()) < 3_000_000
    assert "Most confused pairs" in Outline(html).text and 'class="wide matrix"' not in html
    monkeypatch.setattr(page, "_BYTES_OF_TEXTS", 10_000)
    found = embedded(html_of(labels, truth, predicted, ["字" * 300] * 4000))["texts"]
    assert len(found) == 10_000 // 620


def test_charts_are_drawn_into_the_page_and_its_bytes_do_not_change(drawn: None) -> None:
    history = [{"epoch": epoch, "train_loss": 0.5, "dev_loss": 0.6, "dev_accuracy": 0.8} for epoch in (1, 2)]
    given = (["a", "b"], [0, 1], [0, 0], ["x", "y"])
    html = html_of(*given, history=history, best={None: 2})
    assert re.findall(r'role="img" viewBox="[^"]+"><title>(.+?)</title>', html) == [
        "Share of right predictions by the probability of the predicted label",
        "Accuracy by the share of the texts that are answered", "Loss, mean per text, by epoch",
        "Scores on dev, by epoch",
    ]  # fmt: skip
    text = Outline(html).text
    assert "best: epoch 2" in text and "macro-F1" in text and "probability of the predicted label" in text
    ids = re.findall(r'<(?!path|clipPath)[^>]* id="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="(#[^"]+)"', html)) <= {f"#{each}" for each in re.findall(r' id="([^"]+)"', html)}
    assert "<?xml" not in html and "<!DOCTYPE svg" not in html
    assert html == html_of(*given, history=history, best={None: 2})


def test_without_errors_it_says_so() -> None:
    text = Outline(html_of(["a", "b"], [0, 0], [0, 0], ["x", ""])).text
    assert text.count("None: all predictions are right.") == 2
    assert "A class without texts here counts as F1 0" in text
    assert "The model has no history.jsonl" in text


# --- above thirty classes people see the most confused pairs, above two hundred files hold the pairs that occur: sizes
# grow with these, not with the square of the classes


def predictions_of(classes: int) -> tuple[list[str], list[int], list[int]]:
    """Labels, true and predicted ids: a text a class, every second one taken for the next class, and class 7 taken for
    class 3 nine times more."""
    truth = [*range(classes), *[7] * 9]
    predicted = [*(number + number % 2 * (number + 1 < classes) for number in range(classes)), *[3] * 9]
    return [f"class {number}" for number in range(classes)], truth, predicted


def metrics_of(classes: int) -> dict[str, Any]:
    labels, truth, predicted = predictions_of(classes)
    return evaluated(labels, truth, predicted)[0] | {"seconds": 1.0}


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
    labels, truth, predicted = predictions_of(3000)
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
        assert (MATRIX_HEADING in report) == is_whole
        assert (f"Most confused pairs of the {classes} classes" in report) != is_whole
        assert ("the whole matrix is in confusion_matrix.csv" in report) != is_whole
    assert max(map(len, report_text(metrics, 60).splitlines())) <= 60
    html = html_of(*predictions_of(classes), ["text"] * (classes + 9))
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
