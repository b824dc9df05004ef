"""Vectors of words that recur."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch


class Words(NamedTuple):
    """Inputs (T, B, size) of which many are equal: each distinct one once, in vectors (U, size), and at each position
    its row (T, B)."""

    rows: torch.Tensor
    vectors: torch.Tensor


Inputs = torch.Tensor | Words


def gathered(inputs: Inputs) -> torch.Tensor:
    """(T, B, size)."""
    return inputs.vectors[inputs.rows] if isinstance(inputs, Words) else inputs


def positions(inputs: Inputs) -> torch.Tensor:
    """A tensor whose first two dimensions are those of the inputs, steps and texts."""
    return inputs.rows if isinstance(inputs, Words) else inputs


def moved(inputs: Inputs, move: Callable[[torch.Tensor], torch.Tensor]) -> Inputs:
    """The inputs at other positions: `move` chooses among the first two dimensions."""
    return inputs._replace(rows=move(inputs.rows)) if isinstance(inputs, Words) else move(inputs)
