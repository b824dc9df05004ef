"""Logistic regressions on the projected values of texts, and their sum with a linear model of TF-IDF features as one
linear model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from textrnn.linear.model import LinearModel, both_sides
from textrnn.linear.projection import COMPONENTS, Projection
from textrnn.texts.targets import ClassWeights, Targets

# (components, C) to try: few labels are not enough for many components; C is the inverse strength of regularization
CANDIDATES = [(components, c) for components in (20, 50, 100, COMPONENTS) for c in (0.3, 3.0, 30.0, 300.0)]
_MOST_ITERATIONS = 1000
_RARE = 3.0  # by how much the margin of a class without texts is below that of any other


def regression(
    values: np.ndarray, targets: Targets, num_classes: int, candidate: tuple[int, float], *,
    class_weights: ClassWeights,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Weights (components, classes) and biases (classes,) float32 of the first components of projected values
    (n, components); for two classes, only those of the second. candidate: one of CANDIDATES."""
    from sklearn.linear_model import LogisticRegression

    components, c = candidate
    values = values[:, :components]
    columns = 1 if num_classes == 2 else num_classes
    rows, labels, weights, class_weight = targets.weighted_rows(class_weights, num_classes)
    present = np.unique(labels)
    if len(present) < 2 or not values.shape[1]:  # a single class, or no directions
        sums = np.bincount(labels, weights, minlength=num_classes)
        logits = np.log((sums / (sums.sum() or 1)).clip(0.5 / max(len(labels), 1)))
        bias = logits if columns > 1 else logits[1:] - logits[:1]
        return np.zeros((values.shape[1], columns), np.float32), bias.astype(np.float32)
    model = LogisticRegression(C=c, max_iter=_MOST_ITERATIONS, class_weight=class_weight)
    model.fit(values[rows], labels, sample_weight=weights)
    if num_classes == 2:
        return model.coef_.T.astype(np.float32), model.intercept_.astype(np.float32)
    coef, intercept = model.coef_, model.intercept_
    if len(present) == 2:  # of more classes; scikit-learn gives only the margin of the second
        coef, intercept = np.vstack([-coef, coef]) / 2, np.concatenate([-intercept, intercept]) / 2
    weight = np.zeros((values.shape[1], columns), np.float32)
    bias = np.full(columns, intercept.min() - _RARE, np.float32)
    weight[:, present], bias[present] = coef.T, intercept
    return weight, bias


def regression_margins(
    fitted: np.ndarray, targets: Targets, judged: np.ndarray, num_classes: int, *, class_weights: ClassWeights
) -> np.ndarray:
    """Margins (candidates, m, classes) of projected values `judged` (m, components) by regressions on `fitted`
    (n, components) with targets (n,), one for each of CANDIDATES."""
    models = (
        regression(fitted, targets, num_classes, candidate, class_weights=class_weights) for candidate in CANDIDATES
    )
    return np.stack([both_sides(judged[:, : len(weight)] @ weight + bias) for weight, bias in models])


def add_regressions(
    model: LinearModel, projections: Sequence[Projection], regressions: Sequence[tuple[np.ndarray, np.ndarray]],
    factors: Sequence[float],
) -> LinearModel:  # fmt: skip
    """A linear model whose margins are the sum of those of `model` and of a regression on each projection, each times
    its factor, the model's first. A projection with a factor of 0 is left out."""
    features, weights, bias = list(model.features), [factors[0] * model.weight], factors[0] * model.bias
    for projection, (weight, own_bias), factor in zip(projections, regressions, factors[1:], strict=True):
        if factor > 0:
            features.append(projection.features)
            weights.append(factor * (projection.directions[:, : len(weight)] @ weight))
            bias = bias + factor * own_bias
    weight = np.concatenate(weights).astype(np.float32)
    return LinearModel(model.folding, features, weight, bias.astype(np.float32))
