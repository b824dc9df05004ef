"""Learning how network and linear model decide together, from texts that neither was trained on."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.optimize import minimize

from textrnn.evaluation.metrics import summary
from textrnn.inference import predicted_classes
from textrnn.linear.mixture import COOLEST, HOTTEST, Decision

PRIOR_TEXTS = 5.0  # strength of the L2 penalty toward equal parts and a temperature of 1, in nats
CHI_SQUARED = 3.84  # of one degree of freedom, exceeded by chance in 5 % of cases
MOST_TEXTS, MOST_LOGITS = 20_000, 20_000_000  # more would not change two numbers
DEVIATIONS = 1.96  # of a normal distribution: half of its 95 % interval
FEWEST_TEXTS = 20  # with fewer, neither part can be called weak


class Scores(NamedTuple):
    """Loss, accuracy and macro-F1 on the same texts: of network and linear model together, of the network alone, whose
    loss is that before any temperature, and of the linear model alone, or None without one. warning: a sentence about a
    part that is weak, or None."""

    together: dict[str, float]
    network: dict[str, float]
    linear: dict[str, float] | None
    decision: Decision
    warning: str | None = None

    def line(self) -> str:
        """The accuracies, in percent, and the decision."""
        network = f"network {100 * self.network['accuracy']:.1f} %"
        temperature = f"temperature {self.decision.temperature * self.decision.network_temperature:.2f}"
        if self.linear is None:
            return f"{network} accuracy; {temperature}"
        linear = f"linear model {100 * self.linear['accuracy']:.1f} %"
        if self.decision.weight == 0:
            return f"{network} accuracy, {linear}; {temperature}"
        together = f"together {100 * self.together['accuracy']:.1f} %"
        return f"{network} accuracy, {linear}, {together}; weight of the linear model {self.decision.weight:.2f}"


def judge(logits: torch.Tensor, margins: torch.Tensor | None, labels: np.ndarray, *, mix: bool) -> Scores:
    """logits, margins (n, classes) and labels (n,) of held-out texts. mix: whether the linear model decides, too."""
    decision = learn_decision(logits, margins, labels, mix=mix)
    return Scores(
        summary(decision.logits(logits, margins), labels),
        summary(logits, labels),
        None if margins is None else summary(decision.of_linear(margins), labels),
        decision,
    )


def judge_trained(logits: torch.Tensor, margins: torch.Tensor | None, labels: np.ndarray, *, mix: bool) -> Scores:
    """As `judge`, for networks whose training has ended: a weak part is left out of the decision, with a warning if it
    is the network. During training it stays, as a network that is weak in its first epochs need not remain so.

    Of the two parts, one that is no better than chance is left out, unless neither is better. So is the network if it
    is below the linear model (both by macro-F1, see `is_below`) and adds nothing to it: cross-entropy falls by no
    more than chance (a likelihood-ratio test with one degree of freedom), or both together are below the linear model.
    """
    scores = judge(logits, margins, labels, mix=mix)
    network, linear, decision = scores.network, scores.linear, scores.decision
    classes, of_network = logits.shape[1], predicted_classes(logits)
    left_out, warning = None, None
    alone = f"the network alone (macro-F1 {network['macro_f1']:.3f})"
    network_is_chance = is_chance(labels, of_network, classes)
    if margins is None or linear is None:
        if network_is_chance:
            warning = f"{alone} is no better than chance"
    else:
        of_linear = predicted_classes(margins)
        linear_alone = f"the linear model alone (macro-F1 {linear['macro_f1']:.3f})"
        linear_is_chance = is_chance(labels, of_linear, classes)
        if network_is_chance and linear_is_chance:
            warning = f"neither {alone} nor {linear_alone} is better than chance"
        elif network_is_chance:
            left_out, warning = "network", f"{alone} is no better than chance"
        elif linear_is_chance:
            left_out = "linear model"
        elif is_below(labels, of_network, of_linear, classes):
            warning = f"{alone} is below {linear_alone}"
            gain = len(labels) * (linear["loss"] - scores.together["loss"])
            of_both = predicted_classes(decision.logits(logits, margins))
            if 2 * gain < CHI_SQUARED or is_below(labels, of_both, of_linear, classes):
                left_out = "network"
    if left_out is not None and mix:
        decision = decision.without_network() if left_out == "network" else decision.without_linear()
    together = summary(decision.logits(logits, margins), labels)
    if warning is not None:
        warning += " on held-out texts"
        if linear is not None and mix:
            both = f"both decide together all the same (macro-F1 {together['macro_f1']:.3f})"
            warning += f": {'the linear model decides alone' if left_out == 'network' else both}"
    return scores._replace(together=together, decision=decision, warning=warning)


def learn_decision(logits: torch.Tensor, margins: torch.Tensor | None, labels: np.ndarray, *, mix: bool) -> Decision:
    """The temperatures and the weight that minimize the cross-entropy; as for judge."""
    most = max(1, min(MOST_TEXTS, MOST_LOGITS // logits.shape[1]))
    if len(labels) > most:
        rows = np.linspace(0, len(labels) - 1, most).astype(np.int64)
        logits, labels = logits[rows], labels[rows]
        margins = None if margins is None else margins[rows]
    network = logits.double().numpy()
    of_network = _temperature(network, labels)
    if margins is None:
        return Decision(network_temperature=of_network)
    linear = margins.double().numpy()
    of_linear = _temperature(linear, labels)
    if not mix:
        return Decision(network_temperature=of_network, linear_temperature=of_linear)
    factors = _factors([network / of_network, linear / of_linear], labels, start=[0.5, 0.5])
    total = factors[0] + factors[1]
    if total <= 0:
        return Decision(0.5, HOTTEST, of_network, of_linear)
    temperature = float(np.clip(1 / total, COOLEST, HOTTEST))
    return Decision(factors[1] / total, temperature, of_network, of_linear)


def _temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    (factor,) = _factors([logits], labels, start=[1.0])
    return 1 / factor


def _factors(parts: list[np.ndarray], labels: np.ndarray, *, start: list[float]) -> list[float]:
    """What to multiply the logits (n, classes) of each part by before they are added up. The problem is convex."""
    rows, begin = np.arange(len(labels)), np.asarray(start)

    def loss(factors: np.ndarray) -> tuple[float, np.ndarray]:
        logits = sum(factor * part for factor, part in zip(factors, parts, strict=True))
        shifted = logits - logits.max(axis=1, keepdims=True)
        exponentials = np.exp(shifted)
        sums = exponentials.sum(axis=1)
        value = float((np.log(sums) - shifted[rows, labels]).sum())
        errors = exponentials / sums[:, None]
        errors[rows, labels] -= 1
        slope = np.asarray([float((errors * part).sum()) for part in parts])
        away = factors - begin
        return value + PRIOR_TEXTS * float(away @ away), slope + 2 * PRIOR_TEXTS * away

    lowest = 1 / HOTTEST if len(parts) == 1 else 0.0
    found: Any = minimize(loss, begin, jac=True, method="L-BFGS-B", bounds=[(lowest, 1 / COOLEST)] * len(parts))
    return [float(factor) for factor in found.x]


def is_chance(truth: np.ndarray, predicted: np.ndarray, classes: int) -> bool:
    """Whether predictions (n,) of the labels (n,) are no better than chance: whether their macro-F1 is inside the 95 %
    interval of the macro-F1 that they would have if they were shuffled among the texts, or below it."""
    if len(truth) < FEWEST_TEXTS:
        return False
    mean, deviation = chance_macro_f1(truth, predicted, classes)
    return macro_f1(truth, predicted, classes) <= mean + DEVIATIONS * deviation


def is_below(truth: np.ndarray, one: np.ndarray, other: np.ndarray, classes: int) -> bool:
    """Whether the macro-F1 of the predictions `one` (n,) is below that of `other` (n,), and 0 is outside the 95 %
    interval of the difference. Its standard error is that of the delta method: a text moves macro-F1 by the sum of what
    it moves each class's F1 (Efron and Stein 1981, "The Jackknife Estimate of Variance")."""
    if len(truth) < FEWEST_TEXTS:
        return False
    difference = macro_f1(truth, one, classes) - macro_f1(truth, other, classes)
    moved = _influences(truth, one, classes) - _influences(truth, other, classes)
    return bool(difference + DEVIATIONS * np.sqrt((moved**2).sum()) < 0)


def macro_f1(truth: np.ndarray, predicted: np.ndarray, classes: int) -> float:
    """The mean F1 of all classes; 0 for one that neither occurs nor is predicted."""
    times, hits = _times_and_hits(truth, predicted, classes)
    return float((2 * hits / times.clip(min=1)).mean())


def chance_macro_f1(truth: np.ndarray, predicted: np.ndarray, classes: int) -> tuple[float, float]:
    """The mean and the standard deviation of macro-F1 over all orders of the predictions. The hits of all classes
    have the moments of Hoeffding 1951, "A Combinatorial Central Limit Theorem"."""
    texts = len(truth)
    true, given = (np.bincount(ids, minlength=classes).astype(float) for ids in (truth, predicted))
    weights = 2 / (true + given).clip(min=1) / classes  # what a hit of each class adds to macro-F1
    products = true * given
    mean = float((weights * products).sum() / texts)
    if texts < 2:
        return mean, 0.0
    own = weights**2 * products * ((texts - true) * (texts - given) - products)
    variance = ((weights * products).sum() ** 2 + own.sum()) / (texts**2 * (texts - 1))
    return mean, float(np.sqrt(max(variance, 0.0)))


def _influences(truth: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """(n,): by how much each text moves macro-F1, to first order; their sum is 0."""
    times, hits = _times_and_hits(truth, predicted, classes)
    times = times.clip(min=1)
    f1 = 2 * hits / times
    of_hits = 2 * (truth == predicted) / times[truth]
    return (of_hits - f1[truth] / times[truth] - f1[predicted] / times[predicted]) / classes


def _times_and_hits(truth: np.ndarray, predicted: np.ndarray, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """(classes,) how often each class is true or predicted, counted separately, and how often it is both at once."""
    times = np.bincount(truth, minlength=classes) + np.bincount(predicted, minlength=classes)
    return times, np.bincount(truth[truth == predicted], minlength=classes)
