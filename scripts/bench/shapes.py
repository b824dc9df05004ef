"""Shapes of recurrent encoders: their arithmetic, and three ways to compute them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from textrnn.models.encoder import GATES, RNNEncoder
from textrnn.runtime.device import autocast


@dataclass(frozen=True)
class Shape:
    """cell: rnn, gru or lstm."""

    cell: str
    input_size: int
    hidden_size: int
    num_layers: int = 1
    bidirectional: bool = True

    @property
    def directions(self) -> int:
        return 2 if self.bidirectional else 1

    def __str__(self) -> str:
        layers = f"{self.num_layers}-layer " if self.num_layers > 1 else ""
        return f"{layers}{'Bi' * self.bidirectional}{self.cell.upper()} {self.input_size}->{self.hidden_size}"


def flops_per_token(shape: Shape) -> int:
    """Floating-point operations of the matrix products of one token's forward pass; training takes three times them."""
    total, below = 0, shape.input_size
    for _ in range(shape.num_layers):
        total += shape.directions * 2 * (below + shape.hidden_size) * GATES[shape.cell] * shape.hidden_size
        below = shape.hidden_size * shape.directions
    return total


def ours(shape: Shape) -> RNNEncoder:
    return RNNEncoder(
        shape.input_size, shape.hidden_size, cell=shape.cell, num_layers=shape.num_layers,
        bidirectional=shape.bidirectional,
    )  # fmt: skip


class Padded(nn.Module):
    """PyTorch's own layer straight on the padded batch: wrong for the backward direction of shorter texts."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        kind = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[shape.cell]
        self.rnn = kind(
            shape.input_size, shape.hidden_size, num_layers=shape.num_layers, bidirectional=shape.bidirectional
        )

    def forward(self, inputs: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        return self.rnn(inputs)[0]


class Packed(Padded):
    """PyTorch's own layer on packed sequences: right, and what its manual recommends."""

    def forward(self, inputs: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        packed = pack_padded_sequence(inputs, lengths, enforce_sorted=False)
        return pad_packed_sequence(self.rnn(packed)[0])[0]


def training_step(
    module: nn.Module, inputs: torch.Tensor, lengths: torch.Tensor, precision: str = "float32"
) -> Callable[[], None]:
    """Forward and backward, down to the gradients of weights and inputs."""
    inputs = inputs.clone().requires_grad_()

    def step() -> None:
        inputs.grad = None
        module.zero_grad()
        with autocast(inputs.device, precision):
            states = module(inputs, lengths)
        states.backward(torch.ones_like(states))

    return step


def inference_step(module: nn.Module, inputs: torch.Tensor, lengths: torch.Tensor) -> Callable[[], None]:
    def step() -> None:
        with torch.inference_mode():
            module(inputs, lengths)

    return step
