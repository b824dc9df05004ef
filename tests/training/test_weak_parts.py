"""When a part is no better than chance, or below the other one, by macro-F1."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score

from textrnn.training.weak_parts import chance_macro_f1, is_below, is_chance, macro_f1


@pytest.mark.parametrize("classes", [2, 3, 12])
def test_macro_f1_of_shuffled_predictions_has_the_mean_and_deviation_that_are_computed(classes: int) -> None:
    random = np.random.default_rng(classes)
    truth = random.integers(0, classes, 150) * random.integers(0, 2, 150)  # the first class is frequent
    predicted = random.integers(0, classes, 150)
    shuffled = [macro_f1(truth, random.permutation(predicted), classes) for _ in range(4000)]
    mean, deviation = chance_macro_f1(truth, predicted, classes)
    assert mean == pytest.approx(np.mean(shuffled), abs=4 * deviation / 4000**0.5)
    assert deviation == pytest.approx(np.std(shuffled), rel=0.06)


def test_macro_f1_is_that_of_scikit_learn() -> None:
    random = np.random.default_rng(0)
    truth, predicted = random.integers(0, 4, 60), random.integers(1, 5, 60)
    expected = f1_score(truth, predicted, labels=range(6), average="macro", zero_division=0.0)
    assert macro_f1(truth, predicted, 6) == pytest.approx(expected)


def test_a_constant_answer_is_chance_and_a_few_rare_hits_are_not() -> None:
    truth = np.array([0] * 1000 + [1] * 3)
    assert is_chance(truth, np.zeros(1003, int), 2)
    assert not is_chance(truth, np.array([0] * 1001 + [1] * 2), 2)


def test_noise_is_called_chance_as_often_as_a_95_percent_interval_says() -> None:
    random = np.random.default_rng(5)
    truth = random.integers(0, 3, 300)
    draws = [is_chance(truth, random.integers(0, 3, 300), 3) for _ in range(400)]
    assert 0.95 < np.mean(draws) < 1  # one side of the interval: 97.5 %


def test_a_difference_is_found_and_chance_is_not_called_one() -> None:
    random = np.random.default_rng(6)
    truth = random.integers(0, 3, 500)

    def right_at(share: float) -> np.ndarray:
        return np.where(random.random(500) < share, truth, random.integers(0, 3, 500))

    assert is_below(truth, right_at(0.6), right_at(0.8), 3)
    draws = [is_below(truth, right_at(0.7), right_at(0.7), 3) for _ in range(400)]
    assert np.mean(draws) < 0.06
