"""States over time -> one vector a text; padding never counts."""

from __future__ import annotations

import torch
from torch import nn

from textrnn.models.encoder import padding_mask


class Pooling(nn.Module):
    """kind: "last" (the state after the last word read), "mean", "max", or "attention" (a learned query scores
    `tanh(W h)`; Yang et al. 2016, equations 5-7).

    hops: how often attention reads. With more than one it is a memory network whose memory are the states: what a
    reading found, plus a linear map of its query, is the query of the next (Sukhbaatar et al. 2015, equation 4 with the
    map H of their section 2.2).

    All but attention treat each feature by itself: directions can be pooled apart, each in the order of its reading.
    """

    def __init__(self, kind: str, size: int, *, hops: int = 1) -> None:
        super().__init__()
        if kind not in ("last", "mean", "max", "attention"):
            raise ValueError(f"unknown pooling {kind!r}")
        self.kind = kind
        if kind == "attention":
            self.key = nn.Linear(size, size)
            self.query = nn.Linear(size, 1, bias=False)
            self.hops = hops
            if hops > 1:
                self.next_query = nn.Linear(size, size, bias=False)

    def forward(self, states: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """states (T, B, size), lengths (B,) -> (B, size)."""
        if self.kind == "last":
            return states[lengths - 1, torch.arange(len(lengths), device=lengths.device)]
        padded = padding_mask(lengths, states.shape[0]).unsqueeze(-1)
        if self.kind == "mean":
            return states.masked_fill(padded, 0.0).sum(0) / lengths.unsqueeze(1)
        if self.kind == "max":
            return states.masked_fill(padded, float("-inf")).amax(0)
        keys, states = torch.tanh(self.key(states)), states.masked_fill(padded, 0.0)
        found = self.read(states, self.query(keys), padded)
        query = self.query.weight  # (1 or B, size)
        for _ in range(self.hops - 1):
            query = self.next_query(query) + found
            found = self.read(states, (keys * query).sum(-1, keepdim=True), padded)
        return found

    def read(self, states: torch.Tensor, scores: torch.Tensor, padded: torch.Tensor) -> torch.Tensor:
        """(T, B, size), (T, B, 1), (T, B, 1) -> (B, size): the states' mean, weighted by the softmax of scores."""
        return (scores.masked_fill(padded, float("-inf")).softmax(0) * states).sum(0)
