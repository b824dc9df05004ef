"""Token embeddings, random or pretrained, and those of n-grams."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from textrnn.data.vocab import PAD
from textrnn.models.dropout import Dropout
from textrnn.models.ngrams import ngram_rows
from textrnn.models.unique_inputs import Inputs, UniqueInputs

INITIAL_STD = 0.1  # of random vectors; small beside the states, as pretrained ones are


class Embedding(nn.Module):
    """Vectors of tokens, with dropout on them.

    pretrained: (vocab_size, dim), rows of NaN where a token has no vector: these begin random. frozen: vectors are not
    trained. PAD is a zero vector.

    ngrams: up to which length the n-grams that end with a token add their vectors to its own. An n-gram's row among
    `buckets` is its hash, so that several may share one.
    """

    def __init__(
        self,
        vocab_size: int,
        dim: int,
        *,
        dropout: float = 0.0,
        pretrained: np.ndarray | None = None,
        frozen: bool = False,
        ngrams: int = 1,
        buckets: int = 1,
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
        self.ngrams = ngrams
        if ngrams > 1:
            self.ngram_table = nn.Embedding(buckets, dim, sparse=True)
            nn.init.zeros_(self.ngram_table.weight)  # one that is never trained says nothing
        self.dropout = Dropout(dropout)

    def forward(self, token_ids: torch.Tensor) -> torch.Tensor:
        """(T, B) -> (T, B, dim)."""
        vectors = self.table(token_ids)
        for length in range(2, self.ngrams + 1):
            vectors = vectors + self.ngram_table(ngram_rows(token_ids, length, self.ngram_table.num_embeddings))
        return self.dropout(vectors)

    def to_read(self, token_ids: torch.Tensor, shift: torch.Tensor | None = None) -> Inputs:
        """(T, B) -> what an encoder reads: vectors (T, B, dim), with `shift` (T, B, dim) added to them; on a CPU, where
        neither gradients nor a shift are asked for, as UniqueInputs."""
        if shift is not None:
            return self(token_ids) + shift
        if self.training or torch.is_grad_enabled() or token_ids.device.type != "cpu" or self.ngrams > 1:
            return self(token_ids)
        tokens, rows = token_ids.unique(return_inverse=True)
        return UniqueInputs(rows, self(tokens))
