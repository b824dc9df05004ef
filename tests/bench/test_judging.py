from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score

from scripts.bench.judging import accuracy, better_by_chance, coded, interval, macro_f1

RANDOM = np.random.default_rng(0)
TRUE = RANDOM.integers(0, 4, 400)
PREDICTED = np.where(RANDOM.random(400) < 0.7, TRUE, RANDOM.integers(0, 4, 400))


def test_labels_are_numbered_by_name() -> None:
    one, other = coded(["a", "b"], ["b", "a", "b"], ["a"])
    assert (one.tolist(), other.tolist()) == ([1, 0, 1], [0])


def test_macro_f1_is_that_of_scikit_learn() -> None:
    assert macro_f1(TRUE, PREDICTED, 4) == pytest.approx(f1_score(TRUE, PREDICTED, average="macro"))


def test_the_interval_is_about_two_standard_errors_to_each_side() -> None:
    share = accuracy(TRUE, PREDICTED)
    low, high = interval(TRUE, PREDICTED, "accuracy", 4)
    error = 1.96 * np.sqrt(share * (1 - share) / len(TRUE))
    assert (low, high) == pytest.approx((share - error, share + error), abs=0.006)


def test_chance_is_that_of_the_texts_which_one_alone_has_right() -> None:
    true = np.zeros(100, int)
    ours, theirs = np.zeros(100, int), np.zeros(100, int)
    ours[:2], theirs[2:12] = 1, 1  # we alone are right on ten texts, they on two
    assert better_by_chance(true, ours, theirs) == pytest.approx(2 * (1 + 12 + 66) / 2**12)
    assert better_by_chance(true, ours, ours) == 1.0
