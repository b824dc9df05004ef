"""Ranking and counting of labels that are likely to be wrong."""

from __future__ import annotations

import numpy as np

from textrnn.checking.suspects import calibrated, find_label_errors


def test_a_temperature_calibrates_margins() -> None:
    # three of four are right: the best probability of the first class is 3/4, log-odds ln 3
    margins = np.array([[5.0, 0.0]] * 4, dtype=np.float32)
    probabilities = calibrated(margins, np.array([0, 0, 0, 1]))
    assert np.allclose(probabilities, [[0.75, 0.25]] * 4, atol=1e-3)


def test_texts_are_ranked_by_the_probability_of_their_own_label() -> None:
    margins = np.array([[2, 0, 0], [0, 2, 1], [1, 0, 2], [0, 3, 0], [3, 0, 0], [0, 0, 3], [3, 0, 1]], np.float32)
    labels = np.array([0, 1, 2, 1, 0, 2, 2])
    errors = find_label_errors(margins, labels)
    assert errors.confidence.argmin() == 6
    assert errors.suggested.tolist()[6] == 0
    assert errors.is_other.tolist() == [False] * 6 + [True]


def test_a_label_is_suspect_where_another_class_reaches_its_mean() -> None:
    # the probability of class 0 among its own is about the mean of two certain and one uncertain text
    margins = np.array([[4, 0], [4, 0], [4, 0], [0, 4], [0, 4], [4, 0], [0.1, 0]], np.float32)
    labels = np.array([0, 0, 0, 1, 1, 1, 1])
    errors = find_label_errors(margins, labels)
    assert errors.suspect.tolist() == [False] * 5 + [True, False]
    assert errors.is_other.tolist() == [False] * 5 + [True, True]


def test_a_class_without_texts_is_never_meant() -> None:
    margins = np.array([[1, 0, 0.9], [0, 1, 0.9], [1, 0, 0.9]], np.float32)
    assert not find_label_errors(margins, np.array([0, 1, 0])).suspect.any()


def test_nothing_is_counted_to_a_class_that_is_hardly_known() -> None:
    # the single text of class 1 has so low a probability of it that texts of class 0 reach it, too
    margins = np.log(np.array([[0.2, 0.8], [0.9, 0.1], [0.9, 0.1], [0.95, 0.05]]))
    labels = np.array([0, 0, 0, 1])

    assert find_label_errors(margins, labels).suspect[0]
    assert not find_label_errors(margins, labels, fewest=2).suspect[:3].any()
