"""The closing sentence of an evaluation: whether the network earns its time."""

from __future__ import annotations

from typing import Any

SIGNIFICANCE = 0.05
EARNS = "the network earns its time"
AS_GOOD = "the linear model alone is as good here"
CANNOT_TELL = "too few texts to tell whether the network earns its time"
_WORTH = 0.01  # of accuracy: a difference that would matter
BETTER = "the linear model alone is better here"


def verdict(metrics: dict[str, Any], only_total: int, only_linear: int) -> str | None:
    """From the accuracies and, by McNemar's exact test, from the documents on which only one of both is right: the
    whole model or its linear model. If the test finds no difference, it is as good only if a gain of one point can be
    ruled out. None without a linear model."""
    if metrics["parts"]["linear"] is None:
        return None
    together = f"{100 * metrics['accuracy']:.1f}"
    linear, network = (f"{100 * metrics['parts'][part]['accuracy']:.1f}" for part in ("linear", "network"))
    if metrics["weight"] == 1:
        return f"the linear model {linear}; the network {network}: the network has no say"
    if decides_together(metrics):
        scores = f"together {together}; the linear model alone {linear}, the network alone {network}"
    else:
        scores = f"the network {network}; the linear model {linear}"
    return f"{scores}: {_conclusion(only_total, only_linear, metrics['n'])}"


def mcnemar_p(only_one: int, only_other: int) -> float:
    """How probable so uneven counts, or more uneven ones, are where both models are equally good: McNemar's test
    (1947), exact, two-sided. only_one, only_other: documents on which only one of both is right."""
    from scipy.stats import binomtest

    differing = only_one + only_other
    return float(binomtest(only_one, differing).pvalue) if differing else 1.0


def decides_together(metrics: dict[str, Any]) -> bool:
    """Whether both network and linear model have a say."""
    return metrics["weight"] is not None and 0 < metrics["weight"] < 1


def _conclusion(only_total: int, only_linear: int, documents: int) -> str:
    differing = only_total + only_linear
    if mcnemar_p(only_total, only_linear) < SIGNIFICANCE:
        return EARNS if only_total > only_linear else BETTER
    # the upper end of the 95 % interval of the paired difference, by the normal approximation
    at_most = (only_total - only_linear + 1.96 * (differing + 1) ** 0.5) / documents
    return AS_GOOD if at_most < _WORTH else CANNOT_TELL
