"""Logistic regressions on projected values, with weights and soft labels, and the mixture of their margins."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.linear_model import LogisticRegression

from textrnn.linear.mixture import calibrated, cross_entropy, mix
from textrnn.linear.regression import regression
from textrnn.texts.targets import Targets

RANDOM = np.random.default_rng(1)
VALUES = RANDOM.standard_normal((90, 6)).astype(np.float32)
LABELS = (VALUES @ RANDOM.standard_normal((6, 3)) + RANDOM.standard_normal((90, 3))).argmax(axis=1)
WEIGHTS = RANDOM.choice([0.2, 1.0, 4.0], 90).astype(np.float32)
SHARES = RANDOM.dirichlet([2.0] * 3, 90).clip(min=0.06)
SHARES = (SHARES / SHARES.sum(axis=1, keepdims=True)).astype(np.float32)
SOFT = Targets(SHARES.argmax(axis=1), csr_array(SHARES))
CANDIDATE = (6, 3.0)


def margins(targets: Targets, classes: int, class_weights: np.ndarray | str | None = None) -> np.ndarray:
    weight, bias = regression(VALUES, targets, classes, CANDIDATE, class_weights=class_weights)
    return VALUES @ weight + bias


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("by_class", [None, "balanced", [0.5, 2.0, 1.0]])
def test_texts_and_classes_have_the_weights_that_scikit_learn_gives_them(
    classes: int, by_class: str | list[float] | None
) -> None:
    labels = LABELS % classes
    own = by_class
    if by_class == "balanced":  # of the sum of weights
        own = WEIGHTS.sum() / classes / np.bincount(labels, WEIGHTS)
    class_weight = None if own is None else dict(enumerate(own))
    model = LogisticRegression(C=3.0, max_iter=1000, class_weight=class_weight).fit(VALUES, labels, WEIGHTS)

    given = np.array(by_class[:classes]) if isinstance(by_class, list) else by_class
    found = margins(Targets(labels, weights=WEIGHTS), classes, given)
    expected = model.decision_function(VALUES).reshape(found.shape)
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_a_soft_label_is_a_text_of_each_class_with_the_probability_as_its_weight() -> None:
    rows, classes = (axis.ravel() for axis in np.indices(SHARES.shape))
    model = LogisticRegression(C=3.0, max_iter=1000).fit(VALUES[rows], classes, SHARES.ravel())
    np.testing.assert_allclose(margins(SOFT, 3), model.decision_function(VALUES), atol=1e-3)


@pytest.mark.parametrize("weights", [np.array([1.0, 0.0, 2.0]), np.array([0.0, 0.0, 2.0]), np.zeros(3)])
def test_a_class_of_weight_0_is_not_learnt(weights: np.ndarray) -> None:
    found = margins(Targets(LABELS), 3, weights)
    assert np.isfinite(found).all()
    if weights.any():
        assert set(found.argmax(axis=1)) == set(np.flatnonzero(weights))


def test_the_mixture_is_learnt_from_all_probabilities() -> None:
    logits = np.log(SHARES)
    parts = [3 * logits, RANDOM.standard_normal(logits.shape)]
    folds = np.arange(len(logits)) % 3
    _, together = mix(parts, SOFT, folds)
    entropy = float(-(SHARES * logits).sum(axis=1).mean())  # no logits have less
    for found in (together, calibrated(parts[0], SOFT)):
        assert entropy <= cross_entropy(found, SOFT) < entropy + 0.02
    hard = Targets(SOFT.classes)
    assert cross_entropy(calibrated(parts[0], hard), SOFT) > entropy + 0.02, "classes alone would not do"
