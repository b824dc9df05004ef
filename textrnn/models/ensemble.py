"""Several networks as one model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import nn

from textrnn.models.network import Network


class Ensemble(nn.Module):
    """The average of the logits of one or more networks."""

    def __init__(self, networks: Iterable[Network]) -> None:
        super().__init__()
        self.networks: Sequence[Network] = nn.ModuleList(networks)  # type: ignore[assignment]

    def forward(self, token_ids: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """token_ids (T, B) right-padded, lengths (B,) of at least 1 -> logits (B, num_classes) in float32."""
        logits = [network(token_ids, lengths).float() for network in self.networks]
        return torch.stack(logits).mean(dim=0) if len(logits) > 1 else logits[0]
