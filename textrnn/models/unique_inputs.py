"""Encoder inputs in which each distinct vector of a batch is stored once."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch


class UniqueInputs(NamedTuple):
    """Inputs (T, B, size) as the distinct vectors (U, size) and, for each position, the row of its vector (T, B).

    The same word has the same embedding wherever it occurs, so that work done on `vectors` is done once per distinct
    word instead of once per token.
    """

    rows: torch.Tensor
    vectors: torch.Tensor


Inputs = torch.Tensor | UniqueInputs  # a tensor is (T, B, size)


def expand(inputs: Inputs) -> torch.Tensor:
    """The inputs as one tensor (T, B, size)."""
    return inputs.vectors[inputs.rows] if isinstance(inputs, UniqueInputs) else inputs


def steps_and_texts(inputs: Inputs) -> tuple[int, int]:
    """(T, B)."""
    steps, texts = (inputs.rows if isinstance(inputs, UniqueInputs) else inputs).shape[:2]
    return steps, texts


def map_positions(inputs: Inputs, function: Callable[[torch.Tensor], torch.Tensor]) -> Inputs:
    """The inputs with their positions sliced or reordered.

    function: is given a tensor (T, B) or (T, B, size), and must change its first two dimensions only.
    """
    if isinstance(inputs, UniqueInputs):
        return inputs._replace(rows=function(inputs.rows))
    return function(inputs)
