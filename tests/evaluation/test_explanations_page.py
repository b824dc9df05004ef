from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from tests.evaluation.test_explained_text import GAME, explained
from textrnn.evaluation import explanation_report
from textrnn.evaluation.explanation_report import Page

HOSTILE = "</script><img src=x onerror=alert(1)>"


class Reader(HTMLParser):
    """The tags of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data


def test_texts_labels_and_names_show_as_themselves() -> None:
    page = Page(HOSTILE)
    page.add(explained(HOSTILE, (HOSTILE, 0, len(HOSTILE), 1.0), label=HOSTILE)._replace(predicted='"><b>'))
    read = Reader(page.html())
    assert {tag for tag, _ in read.tags}.isdisjoint({"img", "b", "link", "iframe"})
    assert read.words.count(HOSTILE) == 5  # title, heading, label, text, strongest tokens


def test_nothing_is_loaded_from_elsewhere() -> None:
    page = Page("runs/x")
    page.add(GAME)
    html = page.html()
    assert "default-src 'none'" in html
    assert not re.search(r"https?:|@import|url\(", html)
    assert all("src" not in attributes and "href" not in attributes for _, attributes in Reader(html).tags)


def test_tokens_are_coloured_by_their_share_and_carry_their_number() -> None:
    page = Page("runs/x")
    page.add(GAME)
    tokens = [attributes for tag, attributes in Reader(page.html()).tags if tag == "span" and "title" in attributes]
    assert [(each["class"], each["style"], each["title"]) for each in tokens] == [
        ("against", "--share:0.25", "−0.50"), ("for", "--share:1.0", "+2.00"), ("for", "--share:0.12", "+0.25"),
        ("for", "--share:0.75", "+1.50"),
    ]  # fmt: skip


def test_a_page_without_texts_and_one_with_too_many_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "There were no texts." in Page("x").html()
    monkeypatch.setattr(explanation_report, "MOST_TOKENS", 12)
    page = Page("x")
    for _ in range(5):
        page.add(GAME)
    assert (len(page.texts), page.left_out) == (2, 3)
    assert "3 more texts do not fit on this page" in page.html()


def test_a_very_long_text_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explanation_report, "MOST_OF_ONE", 2)
    page = Page("x")
    page.add(GAME)
    assert "… and 3 more tokens" in page.html()
