"""Token embeddings, random or pretrained."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from textrnn.data.vocab import PAD
from textrnn.models.dropout import Dropout
from textrnn.models.words import Inputs, Words

INITIAL_STD = 0.1  # of random vectors; small beside the states, as pretrained ones are


class Embedding(nn.Module):
    """Vectors of tokens, with dropout on them.

    pretrained: (vocab_size, dim), rows of NaN where a token has no vector: these begin random. frozen: vectors are not
    trained. PAD is a zero vector.
    """

    def __init__(
        self,
        vocab_size: int,
        dim: int,
        *,
        dropout: float = 0.0,
        pretrained: np.ndarray | None = None,
        frozen: bool = False,
    ) -> None:
        super().__init__()
        self.table = nn.Embedding(vocab_size, dim, padding_idx=PAD)
        with torch.no_grad():
            self.table.weight.normal_(std=INITIAL_STD)
            if pretrained is not None:
                vectors = torch.from_numpy(pretrained).to(self.table.weight.dtype)
                found = ~vectors.isnan().any(dim=1)
                self.table.weight[found] = vectors[found]
            self.table.weight[PAD] = 0.0
        self.table.weight.requires_grad_(not frozen)
        self.dropout = Dropout(dropout)

    def forward(self, token_ids: torch.Tensor) -> torch.Tensor:
        """(T, B) -> (T, B, dim)."""
        return self.dropout(self.table(token_ids))

    def to_read(self, token_ids: torch.Tensor) -> Inputs:
        """(T, B) -> what an encoder reads: vectors (T, B, dim); on a CPU, where no gradients are needed, as Words."""
        if self.training or torch.is_grad_enabled() or token_ids.device.type != "cpu":
            return self(token_ids)
        tokens, rows = token_ids.unique(return_inverse=True)
        return Words(rows, self(tokens))
