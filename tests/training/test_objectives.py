from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from textrnn.data.batching import Batch
from textrnn.training.objectives import balanced_weights, cross_entropy


class Fixed(nn.Module):
    def forward(self, token_ids: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        return torch.tensor([[math.log(3.0), 0.0], [0.0, 0.0]])


BATCH = Batch(torch.ones(1, 2, dtype=torch.long), torch.ones(2, dtype=torch.long), torch.tensor([0, 1]))


def test_cross_entropy_is_summed() -> None:
    assert cross_entropy()(Fixed(), BATCH).item() == pytest.approx(-math.log(0.75) - math.log(0.5))


def test_class_weights_multiply() -> None:
    weighted = cross_entropy(class_weights=torch.tensor([2.0, 1.0]))(Fixed(), BATCH).item()
    assert weighted == pytest.approx(-2 * math.log(0.75) - math.log(0.5))


def test_label_smoothing_spreads_the_target() -> None:
    smoothed = cross_entropy(label_smoothing=0.2)(Fixed(), BATCH).item()
    assert smoothed == pytest.approx(-0.9 * math.log(0.75) - 0.1 * math.log(0.25) - math.log(0.5))


def test_balanced_weights_average_to_one_over_the_documents() -> None:
    weights = balanced_weights(np.array([0, 0, 0, 1]), 3)
    assert weights.tolist() == pytest.approx([4 / 6, 2.0, 0.0])
    assert weights[torch.tensor([0, 0, 0, 1])].mean().item() == pytest.approx(1.0)
