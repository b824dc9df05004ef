"""Dropout with masks that are cheap to draw on a CPU."""

from __future__ import annotations

import torch
from torch import nn

_LEVELS = 1 << 16  # the mask compares 16 random bits per value with a threshold


class Dropout(nn.Module):
    """In training, sets each value to zero with probability p and scales the others by 1 / (1 - p), so that the
    expected value stays the same (Srivastava et al. 2014). In evaluation mode, values are returned unchanged.

    `nn.Dropout` draws 32 or 64 random bits for each value, on most CPUs in a single thread, which took a tenth of a
    training step. Here 64 bits yield the mask of four values. For that p is rounded to a multiple of 2^-16, and at most
    1 - 2^-16.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Values of any shape -> the same shape."""
        if not self.training or self.p == 0:
            return values
        if values.device.type != "cpu":
            return nn.functional.dropout(values, self.p)
        dropped = min(round(self.p * _LEVELS), _LEVELS - 1)  # of _LEVELS equally likely numbers
        draws = torch.empty(values.numel() // 4 + 1, dtype=torch.int64).random_(-(2**63), None)
        kept = draws.view(torch.int16)[: values.numel()].view(values.shape) >= dropped - _LEVELS // 2
        return values * kept.to(values.dtype).mul_(_LEVELS / (_LEVELS - dropped))

    def extra_repr(self) -> str:
        return f"p={self.p}"
