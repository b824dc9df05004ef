from __future__ import annotations

import base64
import hashlib
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
from textrnn.reports.examples import Examples, Pieces
from textrnn.reports.page import About, cells_to_browse, evaluation_page

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


def html_of(
    labels: list[str], truth: list[int], predicted: list[int], texts: list[str], *, history: Any = (), best: Any = None,
    explain: Any = None,
) -> str:  # fmt: skip
    """The page of these predictions, all of them with the probability 0.9 or so."""
    logits = torch.full((len(truth), len(labels)), -2.0)
    logits[torch.arange(len(truth)), torch.tensor(predicted)] = 2.0
    totals = PartTotals(len(labels), None)
    totals.add(logits, np.asarray(truth), network=logits)
    metrics = all_metrics(totals, labels)
    rows, probabilities = np.arange(len(truth)), logits.softmax(1).numpy().max(1)
    given = Predictions(rows, rows, np.asarray(truth), np.asarray(predicted), probabilities)
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
    assert text.count("None: every text has the label that was predicted.") == 2
    assert "A class without texts here counts as F1 0" in text
    assert "There is no history.jsonl with the model" in text
