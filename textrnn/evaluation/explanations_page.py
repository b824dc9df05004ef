"""Explanations as a page: one file without a network, made with Jinja2."""

from __future__ import annotations

from typing import Any

from textrnn.evaluation.explained_text import WORDS_SHOWN, segments, strongest, top_words
from textrnn.evaluation.explanations import Explanation
from textrnn.evaluation.html import render
from textrnn.runtime.decoding import visible

MOST_TOKENS, MOST_OF_ONE = 50_000, 5_000  # a few megabytes, which a phone still shows


class Page:
    """Explanations to be shown, as many as fit. name: of the model."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.texts: list[dict[str, Any]] = []
        self.tokens = self.left_out = 0

    def add(self, explanation: Explanation) -> None:
        shown = min(len(explanation.tokens), MOST_OF_ONE)
        if self.left_out or self.tokens + shown > MOST_TOKENS:
            self.left_out += 1
            return
        self.tokens += shown + 1
        self.texts.append(_shown(explanation))

    def html(self) -> str:
        """Every text, label and name is escaped."""
        values = {"name": visible(self.name), "texts": self.texts, "left_out": self.left_out}
        return render("explanations.html", values)


def _shown(explanation: Explanation) -> dict[str, Any]:
    largest, words = strongest(explanation), top_words(explanation)
    widest = max([abs(word.value) for word in words], default=1.0)
    return {
        "label": visible(explanation.label),
        "predicted": None if explanation.predicted == explanation.label else visible(explanation.predicted),
        "probability": f"{100 * explanation.probability:.1f} %",
        "log_odds": _number(explanation.log_odds),
        "baseline": _number(explanation.baseline),
        "total": _number(sum(each.value for each in explanation.tokens)),
        "segments": [
            (visible(text.replace("\t", " ").replace("\r", "")), _number(value or 0), _strength(value, largest),
             (value or 0) > 0)
            for text, value in segments(explanation, MOST_OF_ONE)
        ],
        "more": max(len(explanation.tokens) - MOST_OF_ONE, 0),
        "words": [
            (visible(token), _number(value), round(100 * abs(value) / widest), value > 0, times)
            for token, value, times in [word for word in words if word.value > 0][:WORDS_SHOWN]
            + [word for word in words if word.value < 0][-WORDS_SHOWN:]
        ],
    }  # fmt: skip


def _strength(value: float | None, largest: float) -> float:
    """0 to 1; 0 is shown without a colour."""
    share = abs(value or 0) / largest
    return 0.0 if share < 0.05 else round(share, 2)


def _number(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")
