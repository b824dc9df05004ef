"""Embeddings of tokens and n-grams."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from textrnn.data.vocab import PAD
from textrnn.models.dropout import Dropout
from textrnn.models.ngrams import HashedNgramEmbedding, NgramEmbedding
from textrnn.models.unique_inputs import Inputs, UniqueInputs

INITIAL_STD = 0.1  # of random vectors: small compared with the encoder's states, as pretrained vectors are


class Embedding(nn.Module):
    """Token ids (T, B) -> vectors (T, B, dim), with dropout applied to them.

    pretrained: initial vectors (vocab_size, dim); a token whose row is NaN has none and starts with a random one.
    frozen: the token vectors are not trained. The vector of PAD is zero and stays zero, as it gets no gradient.

    ngrams: adds the vectors of n-grams of two or more tokens to those of their last token (Joulin et al. 2017); None:
    there are no n-grams.
    """

    def __init__(
        self,
        vocab_size: int,
        dim: int,
        *,
        dropout: float = 0.0,
        pretrained: np.ndarray | None = None,
        frozen: bool = False,
        ngrams: NgramEmbedding | HashedNgramEmbedding | None = None,
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
        self.dropout = Dropout(dropout)

    def forward(self, token_ids: torch.Tensor) -> torch.Tensor:
        """(T, B) -> (T, B, dim)."""
        vectors = self.table(token_ids)
        if self.ngrams is not None:
            vectors = vectors + self.ngrams(token_ids)
        return self.dropout(vectors)

    def lookup(self, token_ids: torch.Tensor, embedding_offset: torch.Tensor | None = None) -> Inputs:
        """token_ids (T, B) -> inputs of an encoder: vectors (T, B, dim), plus embedding_offset (T, B, dim) if given.

        On a CPU, without gradients, dropout or an offset, many positions have the same vector: then they are
        UniqueInputs.
        """
        if embedding_offset is not None:
            return self(token_ids) + embedding_offset
        is_hashed = isinstance(self.ngrams, HashedNgramEmbedding)
        if self.training or torch.is_grad_enabled() or token_ids.device.type != "cpu" or is_hashed:
            return self(token_ids)
        if self.ngrams is None:
            tokens, rows = token_ids.unique(return_inverse=True)
            return UniqueInputs(rows, self(tokens))
        assert isinstance(self.ngrams, NgramEmbedding)
        ngrams = self.ngrams.rows(token_ids)
        # what is added to a token's vector is known from the longest known n-gram that ends there: the shorter ones are
        # parts of it. Their rows ascend with the length.
        longest = ngrams.amax(0)
        kinds, rows = torch.where(longest > 0, longest + self.table.num_embeddings, token_ids).unique(
            return_inverse=True
        )
        example = torch.empty_like(kinds).scatter_(0, rows.flatten(), torch.arange(rows.numel()))
        vectors = self.table(token_ids.flatten()[example]) + self.ngrams.vectors(ngrams.flatten(1)[:, example])
        return UniqueInputs(rows, vectors)
