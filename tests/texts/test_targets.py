"""Targets of texts: chosen rows, totals of classes, and several targets put together."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from textrnn.texts.targets import Targets, class_weights_of, weights_by_class

CLASSES = np.array([0, 1, 1, 2], np.int32)
SHARES = np.array([[0.7, 0.3, 0], [0, 1, 0], [0.02, 0.9, 0.08], [0.3, 0.3, 0.4]], np.float32)
WEIGHTS = np.array([1, 0.5, 2, 4], np.float32)
SOFT = Targets(CLASSES, csr_array(SHARES), WEIGHTS)


@pytest.mark.parametrize("rows", [np.array([3, 0, 0]), slice(1, 3), np.array([True, False, True, False])], ids=str)
def test_rows_of_all_parts_are_chosen_together(rows: np.ndarray | slice) -> None:
    chosen = SOFT.rows(rows)
    assert chosen.probabilities is not None and chosen.weights is not None
    assert chosen.classes.tolist() == CLASSES[rows].tolist()
    np.testing.assert_array_equal(chosen.probabilities.toarray(), SHARES[rows])
    assert chosen.weights.tolist() == WEIGHTS[rows].tolist()
    assert Targets(CLASSES).rows(rows).weights is None


def test_the_total_of_a_class_is_the_weight_of_its_texts() -> None:
    assert Targets(CLASSES).totals(4).tolist() == [1, 2, 1, 0]
    assert Targets(CLASSES, weights=WEIGHTS).totals(4).tolist() == [1, 2.5, 4, 0]
    np.testing.assert_allclose(Targets(CLASSES, SOFT.probabilities).totals(3), SHARES.sum(axis=0))
    np.testing.assert_allclose(SOFT.totals(3), WEIGHTS @ SHARES, rtol=1e-6)


def test_soft_labels_are_repeated_without_improbable_classes() -> None:
    rows, classes, weights = SOFT.repeated()
    entries = sorted(zip(rows.tolist(), classes.tolist(), np.round(weights, 4).tolist(), strict=True))
    assert entries == [
        (0, 0, 0.7), (0, 1, 0.3), (1, 1, 0.5), (2, 1, 1.8), (2, 2, 0.16), (3, 0, 1.2), (3, 1, 1.2), (3, 2, 1.6),
    ]  # fmt: skip
    many = Targets(np.array([3]), csr_array(np.full((1, 40), 1 / 40, np.float32)))
    assert many.repeated()[1].tolist() == [3], "the own class always stands there"


def test_targets_that_are_joined_need_not_have_the_same_parts() -> None:
    hard = Targets(np.array([2], np.int32))
    both = hard.joined(SOFT, 3)
    assert both.probabilities is not None and both.weights is not None
    assert both.classes.tolist() == [2, 0, 1, 1, 2]
    np.testing.assert_array_equal(both.probabilities.toarray(), [[0, 0, 1], *SHARES.tolist()])
    assert both.weights.tolist() == [1, *WEIGHTS]
    assert hard.joined(hard, 3).probabilities is hard.joined(hard, 3).weights is None


def test_balanced_weights_give_every_class_the_same_total() -> None:
    for targets in (Targets(CLASSES), Targets(CLASSES, weights=WEIGHTS), SOFT):
        weights = weights_by_class("balanced", targets, 4 if targets is not SOFT else 3)
        assert weights is not None
        totals = targets.totals(len(weights))
        np.testing.assert_allclose((weights * totals)[totals > 0], totals.sum() / 3, rtol=1e-6)
        assert not weights[totals == 0].any()


def test_a_mapping_gives_1_to_the_labels_that_it_lacks() -> None:
    weights = class_weights_of({"b": 3.0}, ["a", "b"])
    assert isinstance(weights, np.ndarray) and weights.tolist() == [1, 3]
    assert class_weights_of("none", ["a", "b"]) is None
