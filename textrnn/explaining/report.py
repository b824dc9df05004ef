"""Explanations as text for a terminal, as JSON, and as a self-contained page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

from textrnn.explaining.explanations import Explanation
from textrnn.reports.examples import split_at_tokens
from textrnn.reports.page import render
from textrnn.runtime.terminal import json_text, one_line, visible

WORDS_SHOWN, CHARACTERS_SHOWN, TOKENS_SHOWN = 8, 200, 2000
MOST_TOKENS, MOST_TOKENS_OF_TEXT = 50_000, 5_000  # on a page of a few megabytes, which a phone still shows
_LEAST_SHOWN = 0.005  # it would be printed as 0.00
# Of xterm's 256 colours, from weak to strong, as backgrounds of black letters: blue speaks for, orange against.
_FOR, _AGAINST, _BLACK = (195, 153, 111, 75), (230, 223, 215, 208), 16


class Word(NamedTuple):
    """A token, the sum of what its occurrences contribute, and how many there are."""

    token: str
    value: float
    times: int


def jsonl_line(explanation: Explanation) -> str:
    """A JSON object with text, label, probability, baseline and tokens, all as in `Explanation`."""
    return json_text({
        "text": explanation.text,
        "label": explanation.label,
        "probability": round(explanation.probability, 4),
        "baseline": round(explanation.baseline, 5),
        "tokens": [
            {"token": token, "start": start, "end": end, "contribution": round(value, 5)}
            for token, start, end, value in explanation.tokens
        ],
    })  # fmt: skip


def record(explanation: Explanation, *, coloured: bool) -> str:
    """Lines of text, the last one empty: label, probability and text, the parts of the log-odds, and the words that
    contribute most. coloured: with the whole text coloured, for a terminal that has 256 colours."""
    label = visible(one_line(explanation.label))
    if explanation.predicted != explanation.label:
        label += f" (predicted: {visible(one_line(explanation.predicted))})"
    text = _coloured(explanation) if coloured else visible(one_line(_beginning(explanation.text)))
    equals = "=" if abs(explanation.gap) < 0.01 else "≈"
    total = _total(explanation)
    lines = [
        f"{label}  {explanation.probability:.4f}  {text}",
        f"  log-odds {explanation.log_odds:.2f} {equals} baseline {explanation.baseline:.2f} "
        f"{'-' if total < 0 else '+'} {abs(total):.2f} from tokens",
    ]
    speak_for, against = top_words(explanation)
    for name, words in (("for", speak_for), ("against", against)):
        if words:
            shown = (f"{value:+.2f} {visible(token)}" + f" ×{times}" * (times > 1) for token, value, times in words)
            lines.append(f"  {name:8} {'  '.join(shown)}")
    if not explanation.tokens:
        lines.append("  the text has no tokens")
    elif not speak_for and not against:
        lines.append("  no token makes a difference: the model knows none of them")
    return "\n".join(lines) + "\n\n"


def top_words(explanation: Explanation) -> tuple[list[Word], list[Word]]:
    """The distinct tokens that contribute most to the label, and those most against it, strongest first."""
    values: dict[str, list[float]] = defaultdict(list)
    for token in explanation.tokens:
        values[token.token].append(token.value)
    words = [Word(token, sum(parts), len(parts)) for token, parts in values.items()]
    words = sorted((word for word in words if abs(word.value) >= _LEAST_SHOWN), key=lambda word: -word.value)
    speak_for, against = [word for word in words if word.value > 0], [word for word in words[::-1] if word.value < 0]
    return speak_for[:WORDS_SHOWN], against[:WORDS_SHOWN]


def segments(explanation: Explanation, most: int) -> Iterator[tuple[str, float | None]]:
    """The text in pieces, each with its contribution: tokens, those of the same characters together, and, with None,
    what lies between them. At most `most` tokens; the end of a longer text is left out."""
    at, text, tokens = 0, explanation.text, explanation.tokens[:most]
    for piece, value in split_at_tokens(text, [(token.start, token.end, token.value) for token in tokens]):
        yield piece, value
        at += len(piece)
    if len(tokens) == len(explanation.tokens) and at < len(text):
        yield _beginning(text[at:], most), None


def _total(explanation: Explanation) -> float:
    return sum(token.value for token in explanation.tokens)


def _strongest(explanation: Explanation) -> float:
    """The largest absolute contribution, or a small positive number if all are smaller."""
    return max([_LEAST_SHOWN, *(abs(token.value) for token in explanation.tokens)])


def _coloured(explanation: Explanation) -> str:
    largest, pieces = _strongest(explanation), []
    for text, value in segments(explanation, TOKENS_SHOWN):
        shown, share = visible(one_line(text)), abs(value or 0) / largest
        if value is not None and share >= 0.1:
            shade = (_FOR if value > 0 else _AGAINST)[min(int(share * 4), 3)]
            shown = f"\x1b[38;5;{_BLACK};48;5;{shade}m{shown}\x1b[0m"
        pieces.append(shown)
    if len(explanation.tokens) > TOKENS_SHOWN:
        pieces.append(f" … and {len(explanation.tokens) - TOKENS_SHOWN:,} more tokens")
    return "".join(pieces)


def _beginning(text: str, most: int = CHARACTERS_SHOWN) -> str:
    return text if len(text) <= most else text[:most] + "…"


class Page:
    """A page of as many explanations as fit. name: of the model."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.texts: list[dict[str, Any]] = []
        self.tokens = self.left_out = 0

    def add(self, explanation: Explanation) -> None:
        count = min(len(explanation.tokens), MOST_TOKENS_OF_TEXT)
        if self.left_out or self.tokens + count > MOST_TOKENS:
            self.left_out += 1
            return
        self.tokens += count + 1
        largest, (speak_for, against) = _strongest(explanation), top_words(explanation)
        words = [*speak_for, *against[::-1]]
        widest = max([abs(word.value) for word in words], default=1.0)
        pieces = []
        for text, contribution in segments(explanation, MOST_TOKENS_OF_TEXT):
            value, shown = contribution or 0.0, visible(text.replace("\t", " ").replace("\r", ""))
            share = round(abs(value) / largest, 2) if abs(value) >= 0.05 * largest else 0.0  # 0 has no colour
            pieces.append((shown, _number(value), share, value > 0))
        self.texts.append({
            "label": visible(explanation.label),
            "predicted": None if explanation.predicted == explanation.label else visible(explanation.predicted),
            "probability": f"{100 * explanation.probability:.1f} %",
            "log_odds": _number(explanation.log_odds),
            "baseline": _number(explanation.baseline),
            "total": _number(_total(explanation)),
            "segments": pieces,
            "more": len(explanation.tokens) - count,
            "words": [
                (visible(token), _number(value), round(100 * abs(value) / widest), value > 0, times)
                for token, value, times in words
            ],
        })  # fmt: skip

    def html(self) -> str:
        """Every text, label and name is escaped."""
        return render("explanations.html", name=visible(self.name), texts=self.texts, left_out=self.left_out)


def _number(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")
