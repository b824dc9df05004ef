from __future__ import annotations

import numpy as np
import pytest

from textrnn.evaluation import intervals
from textrnn.evaluation.intervals import accuracy_interval, macro_f1_interval, macro_f1_of_draws
from textrnn.evaluation.metrics import weighted_cells


# the score intervals in table I of Newcombe, Two-sided confidence intervals for the single proportion (1998)
@pytest.mark.parametrize(
    ("right", "documents", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_of_accuracy_is_that_of_wilson(right: int, documents: int, low: float, high: float) -> None:
    assert accuracy_interval(right, documents) == pytest.approx([low, high], abs=5e-5)
    assert accuracy_interval(documents - right, documents) == pytest.approx([1 - high, 1 - low], abs=5e-5)


def test_macro_f1_by_hand() -> None:
    truth, predicted = np.array([0, 0, 1]), np.array([0, 1, 1])
    drawn = np.array([[3, 1, 4], [0, 2, 2], [4, 0, 0]])
    # of three classes, one never occurs; the last draw lacks another, of which it tells nothing
    assert macro_f1_of_draws(truth, predicted, drawn, 3) == pytest.approx(
        [(6 / 7 + 8 / 9) / 3, (0 + 4 / 6) / 3, (8 / 8) * 2 / 3]
    )


def interval(matrix: np.ndarray) -> tuple[list[float], float]:
    cells = weighted_cells(matrix)
    macro_f1 = macro_f1_of_draws(cells[0], cells[1], cells[2][None], len(matrix))[0]
    return macro_f1_interval(cells, len(matrix), macro_f1), macro_f1


MATRIX = np.array([[40, 5, 0], [3, 50, 2], [1, 0, 20]])


def test_the_interval_of_macro_f1_has_its_value_and_shrinks_as_documents_grow() -> None:
    (low, high), macro_f1 = interval(MATRIX)
    assert 0.8 < low < macro_f1 < high < 1
    (lower, higher), same = interval(100 * MATRIX)
    assert same == pytest.approx(macro_f1)
    assert lower < macro_f1 < higher
    assert (high - low) / (higher - lower) == pytest.approx(10, rel=0.15)  # the root of 100


def test_with_two_equal_classes_macro_f1_varies_about_as_accuracy_does() -> None:
    found, _ = interval(np.array([[450, 50], [50, 450]]))
    assert found == pytest.approx(accuracy_interval(900, 1000), abs=0.003)


def test_it_is_the_same_each_time_and_however_many_are_drawn_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first, _ = interval(MATRIX)
    monkeypatch.setattr(intervals, "_NUMBERS_AT_ONCE", 100)
    assert interval(MATRIX)[0] == first


def test_few_documents_a_class_do_not_push_it_below_the_value() -> None:
    perfect, _ = interval(np.eye(10, dtype=np.int64))
    assert perfect == [1.0, 1.0]
    random = np.random.default_rng(0)
    truth, matrix = random.integers(0, 200, 1000), np.zeros((200, 200), np.int64)
    predicted = np.where(random.random(1000) < 0.8, truth, random.integers(0, 200, 1000))
    np.add.at(matrix, (truth, predicted), 1)
    (low, high), macro_f1 = interval(matrix)
    assert low <= macro_f1 <= high
    assert low < 0.8 + 0.2 / 200 < high  # what more documents would tend to


def test_many_cells_are_drawn_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    monkeypatch.setattr(
        intervals, "macro_f1_of_draws", lambda *arguments: drawn.append(len(arguments[2])) or np.ones(drawn[-1])
    )
    monkeypatch.setattr(intervals, "_MOST_NUMBERS", 30_000)
    macro_f1_interval(weighted_cells(np.ones((10, 10), np.int64)), 10, 0.1)
    assert sum(drawn) == 300
