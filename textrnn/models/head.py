"""The classifier on top of a text's vector."""

from __future__ import annotations

from torch import nn

from textrnn.models.dropout import Dropout


def classifier_head(size: int, num_classes: int, *, fc_size: int | None, dropout: float) -> nn.Sequential:
    """Text vectors (B, size) -> logits (B, num_classes), with dropout before the last linear layer.

    fc_size: units of a dense layer with ReLU before the last linear layer; None leaves it out.
    """
    if fc_size is None:
        return nn.Sequential(Dropout(dropout), nn.Linear(size, num_classes))
    return nn.Sequential(nn.Linear(size, fc_size), nn.ReLU(), Dropout(dropout), nn.Linear(fc_size, num_classes))
