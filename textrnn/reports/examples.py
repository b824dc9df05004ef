"""Which texts a page shows: some of each cell of the confusion matrix, and the errors of the highest probability."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from textrnn.evaluation.predictions import Predictions
from textrnn.runtime.terminal import visible
from textrnn.texts.rows import ROWS_AT_ONCE

PER_CELL = 20
ERRORS_SHOWN = 20
CHARACTERS = 200
_MOST_TEXTS = 20_000
_LONGEST_ERROR = 100_000  # characters, which are kept to explain them

Pieces = list[tuple[str, float]]  # of a text, in order, each with what it contributed; 0 for what stands between tokens


class Examples:
    """The texts to show, chosen before they are read: `write_predictions` hands each of them over.

    cells: positions in the predictions, by rank in their cell: the first of each cell, then the second of each, and so
    on; of chosen cells, all of the first one, then all of the second, and so on. errors: positions of the wrong
    predictions of the highest probability, best first. short: position -> text, cut to 200 characters. whole: position
    of an error -> text.
    """

    def __init__(self, predictions: Predictions, chosen: Sequence[tuple[int, int]] | None = None) -> None:
        """chosen: (true, predicted) of the cells whose texts are shown; None: those of all."""
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
        self._wanted, self._wanted_whole = {*self.cells, *self.errors}, {*self.errors}
        self.short: dict[int, str] = {}
        self.whole: dict[int, str] = {}

    def visit(self, number: int, text: str) -> None:
        if number in self._wanted:
            self.short[number] = shortened(text)
        if number in self._wanted_whole:
            self.whole[number] = text[:_LONGEST_ERROR]


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


def shortened(text: str, characters: int = CHARACTERS) -> str:
    """The text on one line, white space made one space, control characters visible, cut with `…`."""
    text = " ".join(text[: 4 * characters].split()) if len(text) > 4 * characters else " ".join(text.split())
    text = visible(text)
    return text if len(text) <= characters else text[: characters - 1] + "…"


def divided(text: str, tokens: Sequence[tuple[int, int, float]]) -> Iterator[tuple[str, float | None]]:
    """A text up to the end of its last token, in pieces, each with what it contributes: tokens, those of the same
    characters together, and what lies between them, with None. tokens: (start, end, contribution) of each, in order."""
    at = number = 0
    while number < len(tokens):
        start, end, contribution = tokens[number]
        number += 1
        while number < len(tokens) and tokens[number][0] < end:
            end, contribution = max(end, tokens[number][1]), contribution + tokens[number][2]
            number += 1
        if start > at:
            yield text[at:start], None
        yield text[start:end], contribution
        at = end


def pieces(text: str, tokens: Sequence[tuple[int, int, float]], characters: int = 3 * CHARACTERS) -> Pieces:
    """A text cut up by its tokens, for a page to colour. tokens: (start, end, contribution) of each, in order; what
    stands between them contributes 0. Of a long text, the beginning."""
    shown = [token for token in tokens if token[0] < characters]
    found = [(piece, contribution or 0.0) for piece, contribution in divided(text, shown)]
    at = sum(len(piece) for piece, _ in found)
    if at < min(len(text), characters):
        found.append((text[at:characters], 0.0))
        at = characters
    if at < len(text):
        found.append(("…", 0.0))
    return [(visible(piece).replace("\n", " "), contribution) for piece, contribution in found]
