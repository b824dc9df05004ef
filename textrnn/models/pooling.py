"""States over time -> one vector a text; padding never counts."""

from __future__ import annotations

import torch
from torch import nn

from textrnn.models.encoder import padding_mask


class Pooling(nn.Module):
    """kind: "last" (the state after the last word read), "mean", "max", or "attention" (a learned query scores
    `tanh(W h)`; Yang et al. 2016, equations 5-7).

    All but attention treat each feature by itself: directions can be pooled apart, each in the order of its reading.
    """

    def __init__(self, kind: str, size: int) -> None:
        super().__init__()
        if kind not in ("last", "mean", "max", "attention"):
            raise ValueError(f"unknown pooling {kind!r}")
        self.kind = kind
        if kind == "attention":
            self.key = nn.Linear(size, size)
            self.query = nn.Linear(size, 1, bias=False)

    def forward(self, states: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """states (T, B, size), lengths (B,) -> (B, size)."""
        if self.kind == "last":
            return states[lengths - 1, torch.arange(len(lengths), device=lengths.device)]
        padded = padding_mask(lengths, states.shape[0]).unsqueeze(-1)
        if self.kind == "mean":
            return states.masked_fill(padded, 0.0).sum(0) / lengths.unsqueeze(1)
        if self.kind == "max":
            return states.masked_fill(padded, float("-inf")).amax(0)
        scores = self.query(torch.tanh(self.key(states))).masked_fill(padded, float("-inf"))
        return (scores.softmax(0) * states.masked_fill(padded, 0.0)).sum(0)
