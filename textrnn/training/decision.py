"""Learns the mixture of network and linear model from texts that neither was trained on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from textrnn.evaluation.metrics import summary
from textrnn.inference import predicted_classes
from textrnn.linear.mixture import COOLEST, HOTTEST, Mixture, mixing_factors
from textrnn.texts.targets import Targets

CHI_SQUARED = 3.84  # of one degree of freedom, exceeded by chance in 5 % of cases
MOST_TEXTS, MOST_LOGITS = 20_000, 20_000_000  # a sample of this size is enough for three numbers
DEVIATIONS = 1.96  # standard deviations from the mean of a normal distribution to the end of its 95 % interval
FEWEST_TEXTS = 20  # with fewer, neither part can be called weak


class Scores(NamedTuple):
    """Loss, accuracy and macro-F1 on the same texts. network: alone, its loss before any temperature, or None without a
    network. linear: alone, or None without a linear model. warning: a sentence about a weak part, or None."""

    together: dict[str, float]
    network: dict[str, float] | None
    linear: dict[str, float] | None
    decision: Mixture
    warning: str | None = None

    def line(self) -> str:
        """The accuracies in percent, and the mixture."""
        linear = "" if self.linear is None else f"linear model {100 * self.linear['accuracy']:.1f} %"
        if self.network is None:
            return f"{linear} accuracy; temperature {self.decision.linear_temperature:.2f}"
        network = f"network {100 * self.network['accuracy']:.1f} %"
        temperature = f"temperature {self.decision.temperature * self.decision.network_temperature:.2f}"
        if self.linear is None:
            return f"{network} accuracy; {temperature}"
        if self.decision.weight == 0:
            return f"{network} accuracy, {linear}; {temperature}"
        together = f"together {100 * self.together['accuracy']:.1f} %"
        return f"{network} accuracy, {linear}, {together}; weight of the linear model {self.decision.weight:.2f}"


def score(logits: torch.Tensor, margins: torch.Tensor | None, targets: Targets, *, mix: bool) -> Scores:
    """Scores of logits and margins (n, classes) of held-out texts, by their classes and whatever their weights. mix:
    whether both are used."""
    labels, decision = targets.classes, learn_decision(logits, margins, targets, mix=mix)
    return Scores(
        summary(decision.logits(logits, margins), labels),
        summary(logits, labels),
        None if margins is None else summary(decision.linear_logits(margins), labels),
        decision,
    )


def score_trained(logits: torch.Tensor, margins: torch.Tensor | None, targets: Targets, *, mix: bool) -> Scores:
    """As `score`, for networks whose training has ended: a weak part is left out of the mixture, with a warning if it
    is the network. During training it stays, as a network that is weak in its first epochs need not remain so.

    Of the two parts, one that is no better than chance is left out, unless neither is better. So is the network if it
    is below the linear model (both by macro-F1, see `is_below`) and adds nothing to it: cross-entropy falls by no
    more than chance (a likelihood-ratio test with one degree of freedom), or both together are below the linear model.
    """
    labels, scores = targets.classes, score(logits, margins, targets, mix=mix)
    assert scores.network is not None
    linear, decision, classes = scores.linear, scores.decision, logits.shape[1]
    predicted = predicted_classes(logits)
    network_is_chance = is_chance(labels, predicted, classes)
    network_alone = f"the network alone (macro-F1 {scores.network['macro_f1']:.3f})"
    warning = f"{network_alone} is no better than chance" if network_is_chance else None
    if margins is not None and linear is not None:
        linear_predicted = predicted_classes(margins)
        linear_is_chance = is_chance(labels, linear_predicted, classes)
        linear_alone = f"the linear model alone (macro-F1 {linear['macro_f1']:.3f})"
        kept = decision
        if network_is_chance and linear_is_chance:
            warning = f"neither {network_alone} nor {linear_alone} is better than chance"
        elif network_is_chance:
            kept = decision.without_network()
        elif linear_is_chance:
            kept = decision.without_linear()
        elif is_below(labels, predicted, linear_predicted, classes):
            warning = f"{network_alone} is below {linear_alone}"
            gain = len(labels) * (linear["loss"] - scores.together["loss"])
            both_predicted = predicted_classes(decision.logits(logits, margins))
            if 2 * gain < CHI_SQUARED or is_below(labels, both_predicted, linear_predicted, classes):
                kept = decision.without_network()
        decision = kept if mix else decision
    together = summary(decision.logits(logits, margins), labels)
    if warning is not None:
        warning += " on held-out texts"
        if linear is not None and mix:
            both = f"predictions still combine both (macro-F1 {together['macro_f1']:.3f})"
            warning += f": {both if decision.needs_network else 'predictions use the linear model alone'}"
    return scores._replace(together=together, decision=decision, warning=warning)


def score_linear(margins: torch.Tensor, targets: Targets) -> Scores:
    """Scores of margins (n, classes) of held-out texts without a network."""
    labels, decision = targets.classes, Mixture(weight=1.0, linear_temperature=learn_temperature(margins, targets))
    alone, warning = summary(decision.logits(None, margins), labels), None
    if is_chance(labels, predicted_classes(margins), margins.shape[1]):
        warning = f"the linear model (macro-F1 {alone['macro_f1']:.3f}) is no better than chance on held-out texts"
    return Scores(alone, None, alone, decision, warning)


def learn_decision(logits: torch.Tensor, margins: torch.Tensor | None, targets: Targets, *, mix: bool) -> Mixture:
    """The temperatures and the weight that minimize the cross-entropy; arguments as for `score`."""
    rows = _sampled_rows(*logits.shape)
    logits, targets = logits[rows], targets.rows(rows)
    margins = None if margins is None else margins[rows]
    network = logits.double().numpy()
    network_temperature = 1 / mixing_factors([network], targets)[0]
    if margins is None:
        return Mixture(network_temperature=network_temperature)
    linear = margins.double().numpy()
    linear_temperature = 1 / mixing_factors([linear], targets)[0]
    if not mix:
        return Mixture(network_temperature=network_temperature, linear_temperature=linear_temperature)
    factors = mixing_factors([network / network_temperature, linear / linear_temperature], targets)
    weight, temperature, total = 0.5, HOTTEST, sum(factors)
    if total > 0:
        weight, temperature = factors[1] / total, float(np.clip(1 / total, COOLEST, HOTTEST))
    return Mixture(weight, temperature, network_temperature, linear_temperature)


def learn_temperature(logits: torch.Tensor, targets: Targets) -> float:
    """The temperature of logits (n, classes) alone that minimizes the cross-entropy."""
    rows = _sampled_rows(*logits.shape)
    return 1 / mixing_factors([logits[rows].double().numpy()], targets.rows(rows))[0]


def _sampled_rows(texts: int, classes: int) -> np.ndarray:
    """The rows of `texts` texts from which a mixture is learnt: all, or evenly spaced ones."""
    most = max(1, min(MOST_TEXTS, MOST_LOGITS // classes))
    return np.arange(texts) if texts <= most else np.linspace(0, texts - 1, most).astype(np.int64)


def is_chance(truth: np.ndarray, predicted: np.ndarray, classes: int) -> bool:
    """Whether the macro-F1 of predictions (n,) of the labels (n,) is inside or below the 95 % interval of the macro-F1
    that they would have if they were shuffled among the texts."""
    if len(truth) < FEWEST_TEXTS:
        return False
    mean, deviation = chance_macro_f1(truth, predicted, classes)
    return macro_f1(truth, predicted, classes) <= mean + DEVIATIONS * deviation


def is_below(truth: np.ndarray, one: np.ndarray, other: np.ndarray, classes: int) -> bool:
    """Whether the macro-F1 of the predictions `one` (n,) is below that of `other` (n,), and 0 is outside the 95 %
    interval of the difference, whose standard error is that of the delta method (Efron and Stein 1981, "The Jackknife
    Estimate of Variance")."""
    if len(truth) < FEWEST_TEXTS:
        return False
    difference = macro_f1(truth, one, classes) - macro_f1(truth, other, classes)
    moved = _influences(truth, one, classes) - _influences(truth, other, classes)
    return bool(difference + DEVIATIONS * np.sqrt((moved**2).sum()) < 0)


def macro_f1(truth: np.ndarray, predicted: np.ndarray, classes: int) -> float:
    """The mean F1 of all classes; 0 for one that neither occurs nor is predicted."""
    times, hits = _times_and_hits(truth, predicted, classes)
    return float((2 * hits / times).mean())


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
    f1 = 2 * hits / times
    own = 2 * (truth == predicted) / times[truth]
    return (own - f1[truth] / times[truth] - f1[predicted] / times[predicted]) / classes


def _times_and_hits(truth: np.ndarray, predicted: np.ndarray, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """(classes,) the counts of each class as true plus as predicted, at least 1; and its counts as both at once."""
    times = np.bincount(truth, minlength=classes) + np.bincount(predicted, minlength=classes)
    return times.clip(min=1), np.bincount(truth[truth == predicted], minlength=classes)
