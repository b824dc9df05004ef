"""The measure of how well wrong labels are found."""

from __future__ import annotations

import numpy as np

from scripts.label_noise import RANKINGS, measure, scores, with_wrong_labels
from tests.conftest import make_rows


def test_a_share_of_labels_is_changed_to_another_class() -> None:
    labels = np.repeat([0, 1, 2], 100)
    changed, wrong = with_wrong_labels(labels, 0.05, np.random.default_rng(1))
    assert wrong.sum() == 15
    assert ((changed != labels) == wrong).all()
    assert set(changed) == {0, 1, 2}


def test_each_ranking_puts_the_one_wrong_label_first() -> None:
    margins = np.array([[3, 0], [2, 0], [0, 3], [0, 2], [3, 0]], np.float32)
    found = scores(margins, np.array([0, 0, 1, 1, 1]))
    assert len(found) == len(RANKINGS) - 1
    assert [each.argmax() for each in found] == [4, 4, 4, 4]


def test_texts_that_are_easily_told_apart_are_ranked_far_better_than_at_random() -> None:
    labels, texts = zip(*make_rows(300), strict=True)
    *rankings, precision, recall = measure(texts, labels, 0.05, seed=1, rows=240)
    assert rankings[0] < 0.3 < 0.7 < min(rankings[1:])
    assert 0.5 < precision <= 1 and 0.3 < recall <= 1
