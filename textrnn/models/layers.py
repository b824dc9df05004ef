"""Layers that all architectures share: dropout, pooling over time, and the classifier on top."""

from __future__ import annotations

import torch
from torch import nn

_LEVELS = 1 << 16  # the mask compares 16 random bits per value with a threshold


class Dropout(nn.Module):
    """In training, sets each value to zero with probability p and scales the others by 1 / (1 - p), so that the
    expected value stays the same (Srivastava et al. 2014). In evaluation mode, values are returned unchanged.

    `nn.Dropout` draws 32 or 64 random bits for each value, on most CPUs in a single thread, which took a tenth of a
    training step. Here 64 bits yield the mask of four values; therefore p is rounded to a multiple of 2^-16, and at
    most 1 - 2^-16.
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
        dropped = min(round(self.p * _LEVELS), _LEVELS - 1)  # how many of _LEVELS equally likely numbers
        draws = torch.empty(values.numel() // 4 + 1, dtype=torch.int64).random_(-(2**63), None)
        kept = draws.view(torch.int16)[: values.numel()].view(values.shape) >= dropped - _LEVELS // 2
        return values * kept.to(values.dtype).mul_(_LEVELS / (_LEVELS - dropped))

    def extra_repr(self) -> str:
        return f"p={self.p}"


def padding_mask(lengths: torch.Tensor, steps: int) -> torch.Tensor:
    """lengths (B,) -> (T, B) bool, true at padded positions. steps: T."""
    return torch.arange(steps, device=lengths.device).unsqueeze(1) >= lengths


class Pooling(nn.Module):
    """Outputs (T, B, size) -> text vectors (B, size). Padded positions have no influence, whatever their values are.

    kind: "last" (the output of each text's last step), "mean", "max", or "attention" (a mean weighted by a learned
    query's scores of `tanh(W h)`; Yang et al. 2016, equations 5 to 7). Raises ValueError for any other kind.

    hops: number of times that attention is applied. With more than one it is an end-to-end memory network whose memory
    is the outputs: the query of a hop is the result of the previous hop plus a linear map of the previous query
    (Sukhbaatar et al. 2015, equation 4 with the map H of their section 2.2).
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

    def forward(self, outputs: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """outputs (T, B, size), lengths (B,) -> (B, size)."""
        if self.kind == "last":
            return outputs[lengths - 1, torch.arange(len(lengths), device=lengths.device)]
        padded = padding_mask(lengths, outputs.shape[0]).unsqueeze(-1)
        if self.kind == "mean":
            return outputs.masked_fill(padded, 0.0).sum(0) / lengths.unsqueeze(1)
        if self.kind == "max":
            if outputs.device.type == "cpu" and not torch.is_grad_enabled():
                steps = int(lengths.min())  # the steps before have no padding: they need not be copied
                if steps == len(outputs):
                    return outputs.amax(0)
                ended = outputs[steps:].masked_fill(padded[steps:], float("-inf"))
                return torch.maximum(outputs[:steps].amax(0), ended.amax(0))
            return outputs.masked_fill(padded, float("-inf")).amax(0)
        # Padded outputs are set to zero as well: a weight of zero alone would not help against infinity or NaN.
        keys, outputs = torch.tanh(self.key(outputs)), outputs.masked_fill(padded, 0.0)
        result = _softmax_mean(outputs, self.query(keys), padded)
        query = self.query.weight  # (1, size) in the first hop, (B, size) from then on
        for _ in range(self.hops - 1):
            query = self.next_query(query) + result
            result = _softmax_mean(outputs, (keys * query).sum(-1, keepdim=True), padded)
        return result


def _softmax_mean(values: torch.Tensor, scores: torch.Tensor, padded: torch.Tensor) -> torch.Tensor:
    """values (T, B, size), scores (T, B, 1), padded (T, B, 1) bool -> (B, size): the mean of the values over time,
    weighted by the softmax of the scores at real positions."""
    return (scores.masked_fill(padded, float("-inf")).softmax(0) * values).sum(0)


def classifier_head(size: int, num_classes: int, *, fc_size: int | None, dropout: float) -> nn.Sequential:
    """Text vectors (B, size) -> logits (B, num_classes), with dropout before the last linear layer.

    fc_size: units of a dense layer with ReLU before the last linear layer; None leaves it out.
    """
    if fc_size is None:
        return nn.Sequential(Dropout(dropout), nn.Linear(size, num_classes))
    return nn.Sequential(nn.Linear(size, fc_size), nn.ReLU(), Dropout(dropout), nn.Linear(fc_size, num_classes))
