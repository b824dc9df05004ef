"""States over time -> one vector a text; padding never counts."""

from __future__ import annotations

import torch
from torch import nn

from textrnn.models.encoder import padding_mask


class Pooling(nn.Module):
    """kind: "last" (the state after the last word read, of each direction), "mean", "max", or "attention" (a learned
    query scores `tanh(W h)`; Yang et al. 2016, equations 5-7).

    directions: into how many equal parts, each of one reading direction, the states fall.
    """

    def __init__(self, kind: str, size: int, *, directions: int) -> None:
        super().__init__()
        if kind not in ("last", "mean", "max", "attention"):
            raise ValueError(f"unknown pooling {kind!r}")
        self.kind = kind
        self.directions = directions
        if kind == "attention":
            self.key = nn.Linear(size, size)
            self.query = nn.Linear(size, 1, bias=False)

    def forward(self, states: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """states (T, B, size), lengths (B,) -> (B, size)."""
        if self.kind == "last":
            return self._last(states, lengths)
        padded = padding_mask(lengths, states.shape[0]).unsqueeze(-1)
        if self.kind == "mean":
            return states.masked_fill(padded, 0.0).sum(0) / lengths.unsqueeze(1)
        if self.kind == "max":
            return states.masked_fill(padded, float("-inf")).amax(0)
        scores = self.query(torch.tanh(self.key(states))).masked_fill(padded, float("-inf"))
        return (scores.softmax(0) * states.masked_fill(padded, 0.0)).sum(0)

    def _last(self, states: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        at_end = states[lengths - 1, torch.arange(len(lengths), device=lengths.device)]
        if self.directions == 1:
            return at_end
        size = states.shape[-1] // 2
        return torch.cat([at_end[:, :size], states[0, :, size:]], dim=-1)  # backward reading ends at the first word
