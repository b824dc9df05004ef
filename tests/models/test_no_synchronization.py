"""A training step never waits for the device.

It is run on the meta device, whose tensors have shapes but no values. So any operation that needs a value on the host,
such as `item()`, `bool()` or a shape that depends on values, raises an error.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from tests.models.small import each_network, each_pooling, small_model
from textrnn.data.batching import Batch
from textrnn.training.objectives import Objective, adversarial, cross_entropy, plain


def _plain() -> Objective:
    return plain(cross_entropy(class_weights=torch.ones(3, device="meta"), label_smoothing=0.1))


def _adversarial() -> Objective:
    return adversarial(cross_entropy(), norm=1.0, dim=4)


@pytest.mark.parametrize("objective", [_plain, _adversarial])
@each_pooling
@each_network
def test_a_training_step_needs_no_value_on_the_host(
    architecture: str, cell: str, nonlinearity: str, pooling: str, objective: Callable[[], Objective]
) -> None:
    model = small_model(
        architecture=architecture, cell=cell, nonlinearity=nonlinearity, num_layers=2, pooling=pooling, dropout=0.5,
        rare_dim=2,
    )  # fmt: skip
    model.to("meta").train()
    batch = Batch(*(torch.ones(shape, dtype=torch.long, device="meta") for shape in ((3, 40), (40,), (40,))))

    objective()(model, batch, torch.Tensor.backward)

    assert all(parameter.grad is not None for parameter in model.parameters())
