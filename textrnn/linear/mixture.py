"""The mixture of a network and a linear model."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

COOLEST, HOTTEST = 0.05, 20.0  # limits of a temperature


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
