"""The texts on a page: some of each cell of the confusion matrix, and the errors with the highest probability."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from textrnn.evaluation.slices import Predictions
from textrnn.runtime.terminal import visible
from textrnn.texts.rows import ROWS_AT_ONCE

PER_CELL = 20
ERRORS_SHOWN = 20
CHARACTERS = 200
_LONGEST = 3 * CHARACTERS  # of a text in pieces
_MOST_TEXTS = 20_000
_LONGEST_ERROR = 100_000  # characters, which are kept to explain them

Pieces = list[tuple[str, float]]  # of a text, in order, each with its contribution; 0 for what is between tokens


class Examples:
    """The texts to show, chosen before they are read: `visit` takes them from `write_predictions`.

    cells: positions in the predictions, by rank in their cell: the first of each cell, then the second of each, and so
    on; of chosen cells, all of the first one, then all of the second, and so on. errors: positions of the wrong
    predictions of the highest probability, best first. short: position -> text, cut to 200 characters. whole: position
    of an error -> text.
    """

    def __init__(self, predictions: Predictions, chosen: Sequence[tuple[int, int]] | None = None) -> None:
        """chosen: (true, predicted) of the cells whose texts are shown; None for all cells."""
        candidates, ranks = _first_of_each_cell(predictions)
        truth, predicted = predictions.truth[candidates], predictions.predicted[candidates]
        wrong = candidates[truth != predicted]
        order = np.argsort(-predictions.probabilities[wrong], kind="stable")
        self.errors: list[int] = wrong[order[:ERRORS_SHOWN]].tolist()
        if chosen is None:
            order = np.argsort(ranks, kind="stable")
        else:
            place_of = {cell: place for place, cell in enumerate(chosen)}
            cells = zip(truth.tolist(), predicted.tolist(), strict=True)
            places = np.fromiter((place_of.get(cell, len(chosen)) for cell in cells), np.int64, len(truth))
            order = np.lexsort((ranks, places))[: np.count_nonzero(places < len(chosen))]
        self.cells: list[int] = candidates[order][:_MOST_TEXTS].tolist()
        self.short = dict.fromkeys([*self.cells, *self.errors], "")
        self.whole = dict.fromkeys(self.errors, "")

    def visit(self, at: int, text: str) -> None:
        if at in self.short:
            self.short[at] = shorten(text)
        if at in self.whole:
            self.whole[at] = text[:_LONGEST_ERROR]


def _first_of_each_cell(predictions: Predictions) -> tuple[np.ndarray, np.ndarray]:
    """(m,) positions of at most 20 texts of each cell, by cell, and (m,) their ranks in it. Wrong predictions of the
    highest probability come first, right ones of the lowest. Memory grows with the cells, not with the texts."""
    kept, ranks = np.empty(0, np.int64), np.empty(0, np.int64)
    count = len(predictions.truth)
    for begin in range(0, count, ROWS_AT_ONCE):
        at = np.concatenate([kept, np.arange(begin, min(begin + ROWS_AT_ONCE, count))])
        truth, predicted = predictions.truth[at], predictions.predicted[at]
        probabilities = predictions.probabilities[at]
        order = np.lexsort((np.where(truth == predicted, probabilities, -probabilities), predicted, truth))
        truth, predicted = truth[order], predicted[order]
        is_first = np.r_[True, (truth[1:] != truth[:-1]) | (predicted[1:] != predicted[:-1])]
        numbers = np.arange(len(order))
        ranks = numbers - np.maximum.accumulate(np.where(is_first, numbers, 0))
        kept, ranks = at[order][ranks < PER_CELL], ranks[ranks < PER_CELL]
    return kept, ranks


def shorten(text: str) -> str:
    """The text on one line, white space made one space, control characters visible, cut with `…`."""
    text = visible(" ".join(text[: 4 * CHARACTERS].split()))
    return text if len(text) <= CHARACTERS else text[: CHARACTERS - 1] + "…"


def split_at_tokens(text: str, tokens: Sequence[tuple[int, int, float]]) -> Iterator[tuple[str, float | None]]:
    """A text up to the end of its last token, in pieces with their contributions: tokens, those of the same characters
    together, and what lies between them, with None. tokens: (start, end, contribution) of each, in order."""
    spans: list[tuple[int, int, float]] = []
    for start, end, contribution in tokens:
        if spans and start < spans[-1][1]:
            first, last, total = spans.pop()
            start, end, contribution = first, max(last, end), total + contribution
        spans.append((start, end, contribution))
    at = 0
    for start, end, contribution in spans:
        if start > at:
            yield text[at:start], None
        yield text[start:end], contribution
        at = end


def pieces(text: str, tokens: Sequence[tuple[int, int, float]]) -> Pieces:
    """A text split at its tokens, for a page to colour; a long text is cut. tokens: (start, end,
    contribution) of each, in order."""
    shown = [token for token in tokens if token[0] < _LONGEST]
    parts = [(piece, value or 0.0) for piece, value in split_at_tokens(text, shown)]
    at = sum(len(piece) for piece, _ in parts)
    if at < min(len(text), _LONGEST):
        parts.append((text[at:_LONGEST], 0.0))
    if max(at, _LONGEST) < len(text):
        parts.append(("…", 0.0))
    return [(visible(piece).replace("\n", " "), value) for piece, value in parts]
