"""The matrix that maps narrow vectors to the size of the others."""

from __future__ import annotations

import math

import torch
from torch import nn


def random_projection(dim: int, narrow_dim: int) -> torch.Tensor:
    """(dim, narrow_dim): a random matrix with orthogonal columns of length sqrt(dim / narrow_dim), so that a step of
    the optimizer on a narrow vector is as long as it would be in all `dim` dimensions.

    It is not trained: with a matrix that was, networks fitted their training texts sooner and others less well
    (docs/performance.md).
    """
    return nn.init.orthogonal_(torch.empty(dim, narrow_dim)).mul_(math.sqrt(dim / narrow_dim))
