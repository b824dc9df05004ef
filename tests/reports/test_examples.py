from __future__ import annotations

import numpy as np
import pytest

from textrnn.evaluation.slices import Predictions
from textrnn.reports import examples
from textrnn.reports.examples import Examples, pieces, shorten


def predictions(truth: list[int], predicted: list[int], probabilities: list[float]) -> Predictions:
    rows = np.arange(len(truth))
    return Predictions(rows, rows, np.asarray(truth), np.asarray(predicted), np.asarray(probabilities, np.float32))


def test_the_surest_errors_and_the_least_sure_right_ones_stand_for_a_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examples, "PER_CELL", 2)
    found = Examples(predictions([0] * 8, [0, 0, 0, 0, 1, 1, 1, 1], [0.9, 0.6, 0.7, 0.8, 0.9, 0.6, 0.7, 0.8]))
    assert found.cells == [1, 4, 2, 7]  # the first of each cell, then the second of each
    assert found.errors == [4, 7]


def test_blocks_give_what_one_block_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    given = predictions(*random.integers(0, 4, (2, 1000)).tolist(), random.random(1000).round(2).tolist())
    whole = Examples(given)
    monkeypatch.setattr(examples, "ROWS_AT_ONCE", 64)
    assert Examples(given).cells == whole.cells
    assert len(whole.cells) == 16 * 20


def test_only_chosen_cells_have_texts_all_of_one_before_the_next() -> None:
    given = predictions([0, 0, 1, 2, 0, 2], [0, 2, 1, 0, 2, 1], [0.9, 0.8, 0.9, 0.9, 0.9, 0.6])
    found = Examples(given, [(2, 0), (0, 2), (1, 0)])
    assert (found.cells, found.errors) == ([3, 4, 1], [4, 3, 1, 5])


def test_texts_are_kept_cut_and_those_of_errors_whole() -> None:
    found = Examples(predictions([0, 0], [0, 1], [0.9] * 2))
    found.visit(0, "a" * 300)
    found.visit(1, "b\n b" + " c" * 300)
    assert found.short[0] == "a" * 199 + "…"
    assert (len(found.short[1]), found.short[1][:5]) == (200, "b b c")
    assert found.whole == {1: "b\n b" + " c" * 300}


def test_control_characters_and_white_space_are_visible_in_one_line() -> None:
    assert shorten("  a\t\n\u3000b\x1b[31m\u202e ") == "a b\\x1b[31m\\u202e"
    assert shorten(" " * 5000 + "late") == ""


def test_pieces_join_to_the_text() -> None:
    text = "A late goal!"
    found = pieces(text, [(0, 1, 0.5), (2, 6, -0.25), (7, 11, 2.0)])
    assert found == [("A", 0.5), (" ", 0.0), ("late", -0.25), (" ", 0.0), ("goal", 2.0), ("!", 0.0)]
    assert pieces("", []) == []
    assert pieces("ab" * 400, [(0, 2, 1.0)]) == [("ab", 1.0), ("ab" * 299, 0.0), ("…", 0.0)]


def test_tokens_of_the_same_character_are_one_piece() -> None:
    assert pieces("½x", [(0, 1, 1.0), (0, 1, 2.0), (0, 1, 0.5)]) == [("½", 3.5), ("x", 0.0)]
