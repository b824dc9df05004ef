"""Predictions of several models for the same texts -> how each differs from the first, and whether beyond chance."""

from __future__ import annotations

from typing import Any

import numpy as np

from textrnn.evaluation.intervals import CONFIDENCE, difference_intervals
from textrnn.evaluation.verdict import SIGNIFICANCE, mcnemar_p

CLASSES_SHOWN = 10
BETTER, WORSE, UNCLEAR = "better", "worse", "unclear"
_DESCRIBED = ("accuracy", "macro_f1", "weighted_f1", "loss", "interval", "calibration_error", "parts", "per_class")


def describe_scores(metrics: dict[str, Any]) -> dict[str, Any]:
    """What a comparison keeps of the metrics of a model."""
    return {key: metrics[key] for key in _DESCRIBED}


def compare_predictions(
    truth: np.ndarray, one: np.ndarray, other: np.ndarray, metrics: tuple[dict[str, Any], dict[str, Any]],
    labels: list[str],
) -> dict[str, Any]:  # fmt: skip
    """How the other model differs from the one: differences are fractions, larger than 0 where the other is better.

    truth, one, other: (n,) ids of the true and the predicted labels. metrics: of both models.
    """
    codes, counts = np.unique(
        np.ravel_multi_index((truth, one, other), (len(labels),) * 3), return_counts=True
    )  # (cells,): the documents with the same true label and the same predictions
    cells = np.unravel_index(codes, (len(labels),) * 3)
    gains = _f1_gains(metrics, labels)
    chosen = [column for column in np.argsort(-np.abs(gains), kind="stable")[:CLASSES_SHOWN] if gains[column]]
    intervals = difference_intervals((cells[0], cells[1], cells[2], counts), len(labels), chosen)
    one_right, other_right = one == truth, other == truth
    only_one, only_other = int((one_right & ~other_right).sum()), int((other_right & ~one_right).sum())
    p = mcnemar_p(only_one, only_other)
    return {
        "accuracy": {"difference": (only_other - only_one) / len(truth), "interval": intervals.accuracy},
        "macro_f1": {
            "difference": metrics[1]["macro_f1"] - metrics[0]["macro_f1"],
            "interval": intervals.macro_f1,
        },
        "confidence": CONFIDENCE,
        "resamples": intervals.draws,
        "texts": {
            "both_right": int((one_right & other_right).sum()),
            "only_first_right": only_one,
            "only_this_right": only_other,
            "both_wrong": int((~one_right & ~other_right).sum()),
            "same_prediction": int((one == other).sum()),
        },
        "mcnemar": {"p": p, "method": "exact binomial"},
        "conclusion": UNCLEAR if p >= SIGNIFICANCE else BETTER if only_other > only_one else WORSE,
        "classes": [
            {
                "label": labels[column],
                "f1": [each["per_class"][labels[column]]["f1"] for each in metrics],
                "difference": float(gains[column]),
                "interval": interval,
                "support": metrics[0]["per_class"][labels[column]]["support"],
            }
            for column, interval in zip(chosen, intervals.classes, strict=True)
        ],
    }


def _f1_gains(metrics: tuple[dict[str, Any], dict[str, Any]], labels: list[str]) -> np.ndarray:
    """(classes,)"""
    one, other = (np.array([each["per_class"][label]["f1"] for label in labels]) for each in metrics)
    return other - one


def differing_rows(truth: np.ndarray, predicted: list[np.ndarray]) -> np.ndarray:
    """The positions of the texts that some models get right and others wrong. truth, each of predicted: (n,) ids."""
    right = np.stack([each == truth for each in predicted])
    return np.flatnonzero(right.any(axis=0) & ~right.all(axis=0))


def sentence(comparison: dict[str, Any], first: str) -> str:
    """Whether one of both is better, in words. first: the name of the model that the comparison is with."""
    name, texts = comparison["run"], comparison["texts"]
    if not texts["only_first_right"] + texts["only_this_right"]:
        every = texts["same_prediction"] == sum(texts[key] for key in ("both_right", "both_wrong"))
        return f"cannot tell: {name} and {first} " + (
            "give every text the same label" if every else "are right on the same texts"
        )
    difference = points(comparison["accuracy"])
    if comparison["conclusion"] == UNCLEAR:
        return f"cannot tell whether {name} is better than {first}: {difference}, {p_value(comparison)}"
    return f"{name} is {comparison['conclusion']} than {first}: {difference}, {p_value(comparison)}"


def points(score: dict[str, Any]) -> str:
    """A difference and its interval in points, hundredths of a score."""
    values = [100 * value for value in (score["difference"], *score["interval"])]
    decimals = 1 if abs(values[0]) >= 0.1 or not values[0] else 2
    difference, low, high = (rounded(value, decimals) for value in values)
    return f"{difference:+.{decimals}f} points, 95 % interval {low:.{decimals}f} to {high:.{decimals}f}"


def rounded(value: float, decimals: int = 1) -> float:
    """Without the sign of a zero."""
    return round(value, decimals) + 0.0


def p_value(comparison: dict[str, Any]) -> str:
    p = comparison["mcnemar"]["p"]
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"
