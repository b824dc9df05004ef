"""The mixture of a network and a linear model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from scipy.optimize import minimize
from scipy.special import logsumexp

from textrnn.texts.targets import Targets

COOLEST, HOTTEST = 0.05, 20.0  # limits of a temperature
PRIOR_TEXTS = 5.0  # strength of the L2 penalty toward equal parts and a temperature of 1, in nats


@dataclass(frozen=True)
class Mixture:
    """The weight and temperatures of the average of both models' logits.

    The logits of each part are divided by their own temperature (Guo et al. 2017, "On Calibration of Modern Neural
    Networks"), averaged, and divided by a common temperature. weight: the linear model's, 0 to 1; 0 without one.
    """

    weight: float = 0.0
    temperature: float = 1.0
    network_temperature: float = 1.0
    linear_temperature: float = 1.0

    @property
    def needs_network(self) -> bool:
        return self.weight < 1

    @property
    def needs_linear(self) -> bool:
        return self.weight > 0

    def without_network(self) -> Mixture:
        return replace(self, weight=1.0, temperature=1.0)

    def without_linear(self) -> Mixture:
        return replace(self, weight=0.0, temperature=1.0)

    def network_logits(self, logits: torch.Tensor) -> torch.Tensor:
        """The network's logits (n, classes) -> the logits if it decides alone."""
        return logits / self.network_temperature

    def linear_logits(self, margins: torch.Tensor) -> torch.Tensor:
        """The linear model's margins (n, classes) -> the logits if it decides alone."""
        return margins / self.linear_temperature

    def logits(self, network: torch.Tensor | None, margins: torch.Tensor | None = None) -> torch.Tensor:
        """Logits and margins (n, classes) -> logits of both together (n, classes). A part without weight is not used
        and may be None."""
        if margins is None or not self.needs_linear:
            assert network is not None
            return self.network_logits(network) / self.temperature
        if network is None or not self.needs_network:
            return self.linear_logits(margins) / self.temperature
        average = (1 - self.weight) * self.network_logits(network) + self.weight * self.linear_logits(margins)
        return average / self.temperature


def mixing_factors(parts: list[np.ndarray], targets: Targets) -> list[float]:
    """The factors for the logits (n, classes) of each part that minimize the cross-entropy of the sum, with soft labels
    that of all probabilities, and with a penalty for the distance from equal factors of the sum 1. The problem is
    convex."""
    rows, labels, start = np.arange(len(targets.classes)), targets.classes, np.full(len(parts), 1 / len(parts))
    soft = None if targets.probabilities is None else targets.probabilities.toarray()

    def loss(factors: np.ndarray) -> tuple[float, np.ndarray]:
        logits = sum(factor * part for factor, part in zip(factors, parts, strict=True))
        shifted = logits - logits.max(axis=1, keepdims=True)
        exponentials = np.exp(shifted)
        sums = exponentials.sum(axis=1)
        errors = exponentials / sums[:, None]
        if soft is None:
            value = float((np.log(sums) - shifted[rows, labels]).sum())
            errors[rows, labels] -= 1
        else:
            value = float(np.log(sums).sum() - (soft * shifted).sum())
            errors -= soft
        slope = np.asarray([float((errors * part).sum()) for part in parts])
        distance = factors - start
        return value + PRIOR_TEXTS * float(distance @ distance), slope + 2 * PRIOR_TEXTS * distance

    lowest = 1 / HOTTEST if len(parts) == 1 else 0.0
    result: Any = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(lowest, 1 / COOLEST)] * len(parts))
    return result.x.tolist()


def mix(parts: Sequence[np.ndarray], targets: Targets, folds: np.ndarray) -> tuple[list[float], np.ndarray]:
    """The factors for the margins (m, classes) of each part that minimize the cross-entropy of their sum, and the sum
    (m, classes) with factors learnt from the other folds."""
    scales = [_scale(part) for part in parts]
    scaled = [scale * part for scale, part in zip(scales, parts, strict=True)]
    together = np.empty(parts[0].shape)
    for fold in np.unique(folds):
        others = folds != fold
        factors = mixing_factors([part[others] for part in scaled], targets.rows(others))
        together[~others] = sum(factor * part[~others] for factor, part in zip(factors, scaled, strict=True))
    return [a * b for a, b in zip(mixing_factors(scaled, targets), scales, strict=True)], together


def calibrated(margins: np.ndarray, targets: Targets) -> np.ndarray:
    """Margins (m, classes), of any scale, as logits that minimize the cross-entropy."""
    scaled = _scale(margins) * margins
    return mixing_factors([scaled], targets)[0] * scaled


def _scale(margins: np.ndarray) -> float:
    """A factor that makes margins (m, classes) differ from their mean by 1 on average, so that with few texts the
    penalty of `mixing_factors` does not favour large margins."""
    distances = margins - margins.mean(axis=1, keepdims=True)
    return 1 / max(float(np.sqrt((distances**2).mean())), 1e-6)


def cross_entropy(logits: np.ndarray, targets: Targets) -> float:
    """The mean cross-entropy of logits (m, classes) and targets (m,), with soft labels that of all probabilities."""
    if targets.probabilities is None:
        expected = logits[np.arange(len(logits)), targets.classes]
    else:
        expected = (targets.probabilities.toarray() * logits).sum(axis=1)
    return float((logsumexp(logits, axis=1) - expected).mean())
