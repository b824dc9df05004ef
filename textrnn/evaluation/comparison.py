"""Predictions of several models for the same texts -> the differences to the first model, and their significance.

Two scores are compared, accuracy and macro-F1, each by its 95 % interval alone. A model is better than another only if
it is better in both, a rule that finds a difference by chance no more often than one score would (the
intersection-union test: Berger 1982, "Multiparameter hypothesis testing and acceptance sampling").
"""

from __future__ import annotations

from typing import Any

import numpy as np

from textrnn.evaluation.intervals import (
    CONFIDENCE,
    SIGNIFICANCE,
    accuracy_gain_interval,
    f1_differences,
    paired_cells,
)

CLASSES_COMPARED = 10
BETTER, WORSE, UNCLEAR, MIXED = "better", "worse", "unclear", "mixed"
_RELEVANT_GAIN = 0.01  # the least difference of accuracy that matters


def compare_predictions(
    truth: np.ndarray, first: np.ndarray, second: np.ndarray, metrics: tuple[dict[str, Any], dict[str, Any]],
    labels: list[str],
) -> dict[str, Any]:  # fmt: skip
    """The differences of a second model to a first: fractions, larger than 0 if the second is better.

    Each score has a `conclusion` about the second model: better or worse if the interval excludes 0, else unclear. The
    overall conclusion is mixed if those of the scores differ. With the models in the other order, all results are
    mirrored exactly.

    truth, first, second: (n,) ids of the true and the predicted labels. metrics: the metrics of both models.
    """
    first_f1, second_f1 = (np.array([scores["per_class"][label]["f1"] for label in labels]) for scores in metrics)
    gains = second_f1 - first_f1
    chosen = [column for column in np.argsort(-np.abs(gains), kind="stable")[:CLASSES_COMPARED] if gains[column]]
    f1 = f1_differences(paired_cells(truth, first, second, len(labels)), len(labels), chosen)
    first_right, second_right = first == truth, second == truth
    only_first, only_second = int((first_right & ~second_right).sum()), int((second_right & ~first_right).sum())
    interval = accuracy_gain_interval(only_first, only_second, len(truth))
    accuracy = _conclude((only_second - only_first) / len(truth), interval)
    macro_f1 = _conclude(f1.macro_f1, f1.interval)
    return {
        "accuracy": accuracy,
        "macro_f1": macro_f1,
        "confidence": CONFIDENCE,
        "resamples": f1.resamples,
        "texts": {
            "both_right": int((first_right & second_right).sum()),
            "only_first_right": only_first,
            "only_this_right": only_second,
            "both_wrong": int((~first_right & ~second_right).sum()),
            "same_prediction": int((first == second).sum()),
        },
        "mcnemar": {"p": mcnemar_p(only_first, only_second), "method": "exact binomial"},
        "randomization": {"p": f1.p, "score": "macro_f1"},
        "conclusion": accuracy["conclusion"] if accuracy["conclusion"] == macro_f1["conclusion"] else MIXED,
        "classes": [
            {
                "label": labels[column],
                "f1": [float(first_f1[column]), float(second_f1[column])],
                "difference": float(gains[column]),
                "interval": interval,
                "support": metrics[0]["per_class"][labels[column]]["support"],
            }
            for column, interval in zip(chosen, f1.classes, strict=True)
        ],
    }


def _conclude(difference: float, interval: list[float]) -> dict[str, Any]:
    low, high = interval
    return {
        "difference": difference,
        "interval": interval,
        "conclusion": BETTER if low > 0 else WORSE if high < 0 else UNCLEAR,
    }


def differing_rows(truth: np.ndarray, predicted: list[np.ndarray]) -> np.ndarray:
    """The positions of the texts that some models get right and others wrong. truth, each of predicted: (n,) ids."""
    right = np.stack([ids == truth for ids in predicted])
    return np.flatnonzero(right.any(axis=0) & ~right.all(axis=0))


def sentence(comparison: dict[str, Any], first: str) -> str:
    """A sentence on which model is better; the better one, or the one with the higher scores, comes first. first: the
    name of the first model of the comparison."""
    name, texts = comparison["run"], comparison["texts"]
    if 2 * texts["same_prediction"] == sum(texts.values()):  # the other counts add up to all texts
        return f"no difference: {name} and {first} give every text the same label"
    scores = [comparison["accuracy"], comparison["macro_f1"]]
    clear = [score["difference"] for score in scores if score["conclusion"] != UNCLEAR]
    differences = clear or [score["difference"] for score in scores if score["difference"]]
    if differences and differences[0] < 0:
        name, first, scores = first, name, [_mirrored(score) for score in scores]
    accuracy, macro_f1 = scores
    statement = {
        (BETTER, BETTER): f"{name} is better than {first}",
        (BETTER, UNCLEAR): f"{name} is better than {first} in accuracy alone",
        (UNCLEAR, BETTER): f"{name} is better than {first} in macro-F1 alone",
        (BETTER, WORSE): f"{name} is better than {first} in accuracy, and worse in macro-F1",
        (UNCLEAR, UNCLEAR): f"it is unclear whether {name} is better than {first}",
    }[accuracy["conclusion"], macro_f1["conclusion"]]
    return f"{statement}: accuracy {points(accuracy)}, {p_value(comparison)}; macro-F1 {points(macro_f1)}"


def _mirrored(score: dict[str, Any]) -> dict[str, Any]:
    """The same difference with the models in the other order."""
    low, high = score["interval"]
    return _conclude(-score["difference"], [-high, -low])


def points(score: dict[str, Any]) -> str:
    """A difference and its interval in points, hundredths of a score, with enough decimals that no end is rounded to 0
    if the interval excludes 0."""
    values = [100 * value for value in (score["difference"], *score["interval"])]
    decimals = 1 if abs(values[0]) >= 0.1 or not values[0] else 2
    while values[1] * values[2] > 0 and not all(round(value, decimals) for value in values):
        decimals += 1
    difference, low, high = (rounded(value, decimals) for value in values)
    return f"{difference:+.{decimals}f} points, 95 % interval {low:.{decimals}f} to {high:.{decimals}f}"


def rounded(value: float, decimals: int = 1) -> float:
    """The rounded value, without the sign of a zero."""
    return round(value, decimals) + 0.0


def p_value(comparison: dict[str, Any]) -> str:
    p = comparison["mcnemar"]["p"]
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


def verdict(metrics: dict[str, Any], only_total: int, only_linear: int) -> str | None:
    """A sentence on whether the network improves on the linear model alone, by McNemar's exact test. only_total,
    only_linear: the texts that only the whole model, or only its linear model, gets right. If the test finds no
    difference, the linear model is as good only if a gain of one point is excluded. None unless there are both."""
    if None in metrics["parts"].values():
        return None
    together = f"{100 * metrics['accuracy']:.1f}"
    linear, network = (f"{100 * metrics['parts'][part]['accuracy']:.1f}" for part in ("linear", "network"))
    if metrics["weight"] == 1:
        return f"the linear model {linear}; the network {network}: the network has no weight"
    if decides_together(metrics):
        scores = f"together {together}; the linear model alone {linear}, the network alone {network}"
    else:
        scores = f"the network {network}; the linear model {linear}"
    # the upper end of the 95 % interval of the paired difference, by the normal approximation
    largest_gain = (only_total - only_linear + 1.96 * (only_total + only_linear + 1) ** 0.5) / metrics["n"]
    if mcnemar_p(only_total, only_linear) < SIGNIFICANCE:
        is_gain = only_total > only_linear
        conclusion = "the network improves on the linear model alone" if is_gain else "the linear model alone is better"
        conclusion += f" (McNemar's test, p < {SIGNIFICANCE})"
    elif largest_gain < _RELEVANT_GAIN:
        conclusion = "the linear model alone is as good (a gain of one point is ruled out)"
    else:
        conclusion = "too few texts to show whether the network improves on the linear model alone"
    return f"{scores}: {conclusion}"


def mcnemar_p(only_first: int, only_second: int) -> float:
    """The probability of counts at least this uneven if both models are equally good: McNemar's test (1947), exact,
    two-sided. only_first, only_second: texts that only one of the models gets right."""
    from scipy.stats import binomtest

    return float(binomtest(only_first, only_first + only_second).pvalue) if only_first or only_second else 1.0


def decides_together(metrics: dict[str, Any]) -> bool:
    """Whether both the network and the linear model have weight in the decision."""
    return metrics["weight"] is not None and 0 < metrics["weight"] < 1
