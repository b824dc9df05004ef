"""Dropout whose masks cost little on a CPU."""

from __future__ import annotations

import torch
from torch import nn

_LEVELS = 1 << 16  # a mask's element is drawn as one of so many equally likely numbers


class Dropout(nn.Module):
    """In training, values are zero with the probability p and otherwise scaled so that their mean stays (Srivastava et
    al. 2014).

    `nn.Dropout` draws a number of 32 or 64 bits for each value, on most CPUs in one thread, which was a tenth of a
    step. Here a draw of 64 bits makes four values; p is rounded to a multiple of 2^-16.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        if not self.training or self.p == 0:
            return values
        if values.device.type != "cpu":
            return nn.functional.dropout(values, self.p)
        dropped = min(round(self.p * _LEVELS), _LEVELS - 1)
        draws = torch.empty(values.numel() // 4 + 1, dtype=torch.int64).random_(-(2**63), None)
        kept = draws.view(torch.int16)[: values.numel()].view(values.shape) >= dropped - _LEVELS // 2
        return values * kept.to(values.dtype).mul_(_LEVELS / (_LEVELS - dropped))

    def extra_repr(self) -> str:
        return f"p={self.p}"
