from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest

from textrnn.explaining import report
from textrnn.explaining.explanations import Contribution, Explanation
from textrnn.explaining.report import Page, jsonl_line, record, segments, top_words


def explained(text: str, *tokens: tuple[str, int, int, float], label: str = "sport") -> Explanation:
    located = [Contribution(*token) for token in tokens]
    log_odds = -2 + sum(token.value for token in located)
    return Explanation(text, label, 0.75, "sport", log_odds, -2.0, located, 0.0, False)


def page_of(*explanations: Explanation, name: str = "runs/x") -> Page:
    page = Page(name)
    for explanation in explanations:
        page.add(explanation)
    return page


GAME = explained("a goal, a Goal", ("a", 0, 1, -0.5), ("goal", 2, 6, 2.0), (",", 6, 7, 0.001), ("a", 8, 9, 0.25),
                 ("goal", 10, 14, 1.5))  # fmt: skip


def test_the_record_of_a_text() -> None:
    assert record(GAME, coloured=False) == (
        "sport  0.7500  a goal, a Goal\n"
        "  log-odds 1.25 = baseline -2.00 + 3.25 from tokens\n"
        "  for      +3.50 goal ×2\n"
        "  against  -0.25 a ×2\n"
        "\n"
    )
    assert record(GAME._replace(label="food"), coloured=False).startswith("food (predicted: sport)  0.7500  a goal")


def test_colours_follow_contributions() -> None:
    (line, *_) = record(GAME, coloured=True).split("\n")
    strong, weak, against = (f"\x1b[38;5;16;48;5;{shade}m" for shade in (75, 195, 223))
    end = "\x1b[0m"
    assert line == f"sport  0.7500  {against}a{end} {strong}goal{end}, {weak}a{end} {strong}Goal{end}"


def test_the_record_of_a_text_without_tokens_and_of_unknown_words() -> None:
    assert "  the text has no tokens\n" in record(explained(""), coloured=True)
    unknown = record(explained("qq", ("qq", 0, 2, 0.0)), coloured=False)
    assert "  no token makes a difference: the model knows none of them\n" in unknown


def test_control_characters_do_not_reach_the_terminal() -> None:
    text = "\x1b[31mred\u202e\tx"
    for coloured in (False, True):
        shown = record(explained(text, ("\x1b", 0, 1, 1.0), ("\u202e", 8, 9, -1.0)), coloured=coloured)
        for code in ("\x1b[31m", "\u202e", "\t"):
            assert code not in shown


def test_segments_cover_the_text_and_join_tokens_of_one_character() -> None:
    half = explained("x ½!", ("x", 0, 1, 1.0), ("1", 2, 3, 0.5), ("⁄", 2, 3, 0.25), ("2", 2, 3, 0.0))
    assert list(segments(half, 100)) == [("x", 1.0), (" ", None), ("½", 0.75), ("!", None)]
    assert list(segments(half, 1)) == [("x", 1.0)]
    assert top_words(half)[0][0] == ("x", 1.0, 1)


def test_a_long_text_is_cut_where_it_is_shown() -> None:
    long = explained("ab " * 3000, *(("ab", 3 * number, 3 * number + 2, 1.0) for number in range(3000)))
    assert "… and 1,000 more tokens\n" in record(long, coloured=True)
    assert len(record(long, coloured=False).split("\n")[0]) < 250


def test_jsonl_has_these_keys() -> None:
    item = json.loads(jsonl_line(explained("x\u2028y", ("x", 0, 1, 1.0))))
    assert item == {
        "text": "x\u2028y", "label": "sport", "probability": 0.75, "baseline": -2.0,
        "tokens": [{"token": "x", "start": 0, "end": 1, "contribution": 1.0}],
    }  # fmt: skip


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
    hostile = explained(HOSTILE, (HOSTILE, 0, len(HOSTILE), 1.0), label=HOSTILE)._replace(predicted='"><b>')
    read = Reader(page_of(hostile, name=HOSTILE).html())
    assert {tag for tag, _ in read.tags}.isdisjoint({"img", "b", "link", "iframe"})
    assert read.words.count(HOSTILE) == 5  # title, heading, label, text, strongest tokens


def test_nothing_is_loaded_from_elsewhere() -> None:
    html = page_of(GAME).html()
    assert "default-src 'none'" in html
    assert not re.search(r"https?:|@import|url\(", html)
    assert all("src" not in attributes and "href" not in attributes for _, attributes in Reader(html).tags)


def test_tokens_are_coloured_by_their_share_and_carry_their_number() -> None:
    spans = [attributes for tag, attributes in Reader(page_of(GAME).html()).tags if tag == "span"]
    tokens = [span for span in spans if "title" in span]
    assert [(each["class"], each["style"], each["title"]) for each in tokens] == [
        ("against", "--share:0.25", "−0.50"), ("for", "--share:1.0", "+2.00"), ("for", "--share:0.12", "+0.25"),
        ("for", "--share:0.75", "+1.50"),
    ]  # fmt: skip


def test_a_page_without_texts_and_one_with_too_many_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "There were no texts." in page_of().html()
    monkeypatch.setattr(report, "MOST_TOKENS", 12)
    page = page_of(*[GAME] * 5)
    assert (len(page.texts), page.left_out) == (2, 3)
    assert "3 more texts do not fit on this page" in page.html()


def test_a_very_long_text_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "MOST_TOKENS_OF_TEXT", 2)
    assert "… and 3 more tokens" in page_of(GAME).html()
