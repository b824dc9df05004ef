"""Operations counted by hand, and the three ways to compute a shape against each other."""

from __future__ import annotations

import pytest
import torch

from scripts.bench.ceiling import PRODUCTS, SIZE, gflops
from scripts.bench.shapes import Packed, Padded, Shape, flops_per_token, inference_step, ours, training_step


@pytest.mark.parametrize(
    ("shape", "flops"),
    [
        (Shape("rnn", 3, 2, bidirectional=False), 2 * (3 + 2) * 2),
        (Shape("gru", 64, 128, num_layers=2, bidirectional=False), 2 * (64 + 128) * 384 + 2 * (128 + 128) * 384),
        (Shape("lstm", 128, 256), 2 * 2 * (128 + 256) * 1024),
        (Shape("lstm", 300, 128, num_layers=2), 2 * 2 * (300 + 128) * 512 + 2 * 2 * (256 + 128) * 512),
    ],
)
def test_operations_of_a_token(shape: Shape, flops: int) -> None:
    assert flops_per_token(shape) == flops


def test_operations_are_those_of_the_weights() -> None:
    """Two for each weight of the products: what PyTorch's own layer holds, biases apart."""
    shape = Shape("lstm", 5, 3, num_layers=2)
    weights = sum(weight.numel() for weight in Padded(shape).parameters() if weight.dim() == 2)
    assert flops_per_token(shape) == 2 * weights


def test_the_ceiling_is_the_median() -> None:
    assert gflops([9.0, 2.0, 1.0]) == pytest.approx(PRODUCTS * 2 * SIZE**3 / 2.0 / 1e9)


@pytest.mark.parametrize("kind", [ours, Padded, Packed])
def test_steps_read_the_same_shapes_and_reach_the_inputs(kind) -> None:
    shape, lengths = Shape("gru", 4, 3, num_layers=2), torch.tensor([2, 5, 1])
    module = kind(shape)
    inputs = torch.randn(5, 3, 4)
    assert module(inputs, lengths).shape == (5, 3, 6)
    training_step(module, inputs, lengths)()
    assert all(weight.grad is not None for weight in module.parameters())
    inference_step(module, inputs, lengths)()


def test_names() -> None:
    assert str(Shape("gru", 64, 128, num_layers=2, bidirectional=False)) == "2-layer GRU 64->128"
    assert str(Shape("lstm", 128, 256)) == "BiLSTM 128->256"
