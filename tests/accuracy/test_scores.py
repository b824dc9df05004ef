from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, f1_score

from scripts.accuracy.scores import compared, interval, scores

RANDOM = np.random.default_rng(0)
NUMBERS = RANDOM.integers(0, 4, 400)
TRUTH = [str(number) for number in NUMBERS]
FOUND = [str(number) for number in np.where(RANDOM.random(400) < 0.7, NUMBERS, RANDOM.integers(0, 4, 400))]


def test_the_interval_of_accuracy_is_about_two_standard_errors_to_each_side() -> None:
    share = scores(TRUTH, FOUND, None, "accuracy")["accuracy"]
    error = 1.96 * np.sqrt(share * (1 - share) / len(TRUTH))
    assert interval(confusion_matrix(TRUTH, FOUND), "accuracy") == pytest.approx(
        (share - error, share + error), abs=0.006
    )


def test_the_interval_of_macro_f1_is_that_of_texts_drawn_one_by_one() -> None:
    true, found, random = np.array(TRUTH), np.array(FOUND), np.random.default_rng(1)
    rows = [random.integers(len(true), size=len(true)) for _ in range(400)]
    scores = [f1_score(true[drawn], found[drawn], average="macro") for drawn in rows]
    assert interval(confusion_matrix(TRUTH, FOUND), "macro-F1") == pytest.approx(
        np.percentile(scores, [2.5, 97.5]), abs=0.01
    )


def test_p_counts_the_texts_which_one_alone_has_right() -> None:
    truth = ["a"] * 100
    ours, theirs = ["b"] * 2 + ["a"] * 98, ["a"] * 2 + ["b"] * 10 + ["a"] * 88
    assert compared(truth, ours, theirs) == {"p": pytest.approx(2 * (1 + 12 + 66) / 2**12), "right_more": 8}
    assert compared(truth, ours, ours) == {"p": 1.0, "right_more": 0}
    assert scores(truth, ours, None, "accuracy")["p"] is None
