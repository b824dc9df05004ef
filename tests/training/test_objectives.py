from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from tests.models.small import padded_batch, random_texts, small_model
from textrnn.texts.batching import Batch
from textrnn.training.objectives import adversarial, balanced_weights, cross_entropy, plain


class Fixed(nn.Module):
    def forward(self, token_ids: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        return torch.tensor([[math.log(3.0), 0.0], [0.0, 0.0]])


BATCH = Batch(torch.ones(1, 2, dtype=torch.long), torch.ones(2, dtype=torch.long), torch.tensor([0, 1]))


def value(**options: object) -> float:
    losses: list[float] = []
    reported = plain(cross_entropy(**options))(Fixed(), BATCH, lambda loss: losses.append(loss.item()))
    assert losses == [reported.item()]
    return losses[0]


def test_cross_entropy_is_summed_weighted_by_class_and_smoothed() -> None:
    assert value() == pytest.approx(-math.log(0.75) - math.log(0.5))
    weighted = value(class_weights=torch.tensor([2.0, 1.0]))
    assert weighted == pytest.approx(-2 * math.log(0.75) - math.log(0.5))
    smoothed = value(label_smoothing=0.2)
    assert smoothed == pytest.approx(-0.9 * math.log(0.75) - 0.1 * math.log(0.25) - math.log(0.5))


def test_balanced_weights_average_to_one_over_the_documents() -> None:
    weights = balanced_weights(np.array([0, 0, 0, 1]), 3)
    assert weights.tolist() == pytest.approx([4 / 6, 2.0, 0.0])
    assert weights[torch.tensor([0, 0, 0, 1])].mean().item() == pytest.approx(1.0)


def test_adversarial_offsets_increase_the_loss_more_than_random_ones_and_gradients_add_up() -> None:
    model = small_model(dropout=0.0, embedding_dropout=0.0).double()
    batch = Batch(*padded_batch(random_texts([4, 1, 6])), torch.tensor([0, 1, 2]))
    offsets, losses = [], []

    def backward(loss: torch.Tensor) -> None:
        loss.backward()
        losses.append(loss.item())

    hook = model.register_forward_pre_hook(lambda module, given: offsets.append(given[2]))
    assert adversarial(cross_entropy(), norm=0.01, dim=4)(model, batch, backward).item() == losses[0]
    hook.remove()
    gradients = [parameter.grad.clone() for parameter in model.parameters()]

    assert offsets[1].square().sum((0, 2)).sqrt().tolist() == pytest.approx([0.01] * 3)
    assert not offsets[1][1:, 1].any()  # padding
    random = [torch.randn_like(offsets[1]).masked_fill(offsets[1] == 0, 0) for _ in range(20)]
    others = [offset * 0.01 / offset.square().sum((0, 2), keepdim=True).sqrt() for offset in random]
    with torch.no_grad():
        tried = [
            cross_entropy()(model(batch.token_ids, batch.lengths, offset), batch.labels).item() for offset in others
        ]
    assert losses[1] > max(tried) > losses[0]

    model.zero_grad()
    for offset in (None, offsets[1]):
        cross_entropy()(model(batch.token_ids, batch.lengths, offset), batch.labels).backward()
    for gradient, parameter in zip(gradients, model.parameters(), strict=True):
        torch.testing.assert_close(gradient, parameter.grad)
