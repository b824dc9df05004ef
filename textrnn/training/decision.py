"""Learning how network and linear model decide together, from texts that neither was trained on."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.optimize import minimize

from textrnn.evaluation.metrics import summary
from textrnn.models.decision import COOLEST, HOTTEST, Decision

PRIOR_TEXTS = 5.0  # of how many texts the loss weighs as much as staying at equal parts and a temperature of 1
MOST_TEXTS, MOST_LOGITS = 20_000, 20_000_000  # more would not change two numbers


class Scores(NamedTuple):
    """Loss, accuracy and macro-F1 on the same texts: of network and linear model together, of the network alone, whose
    loss is that before any temperature, and of the linear model alone, None where there is none."""

    together: dict[str, float]
    network: dict[str, float]
    linear: dict[str, float] | None
    decision: Decision

    def line(self) -> str:
        """The accuracies, in percent, and the decision."""
        network = f"network {100 * self.network['accuracy']:.1f} %"
        temperature = f"temperature {self.decision.temperature * self.decision.network_temperature:.2f}"
        if self.linear is None:
            return f"{network} accuracy; {temperature}"
        linear = f"linear model {100 * self.linear['accuracy']:.1f} %"
        if self.together["accuracy"] == self.network["accuracy"] and self.decision.weight == 0:
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
