"""Embeddings of tokens and n-grams."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from textrnn.models.dropout import Dropout
from textrnn.models.ngrams import NgramEmbedding, random_projection
from textrnn.texts.vocab import PAD, UNK

INITIAL_STD = 0.1  # of random vectors: small compared with the encoder's states, as pretrained vectors are
FREQUENT = 0.25  # share of a vocabulary; saved models depend on it


class AdaptiveEmbedding(nn.Module):
    """Vectors of tokens whose ids are in the order of their frequency: the first quarter has vectors of size `dim`, the
    rest narrow ones, which a random matrix maps to that size (adaptive input representations, Baevski and Auli 2019,
    section 3, there with trained matrices). Most of a vocabulary is rare.
    """

    projection: torch.Tensor

    def __init__(self, vocab_size: int, dim: int, rare_dim: int) -> None:
        super().__init__()
        self.num_embeddings, self.embedding_dim = vocab_size, dim
        frequent = frequent_tokens(vocab_size)
        self.frequent = nn.Embedding(frequent, dim, padding_idx=PAD)
        self.rare = nn.Embedding(1 + vocab_size - frequent, rare_dim, padding_idx=0)  # row 0: of all frequent tokens
        for table in (self.frequent, self.rare):
            nn.init.normal_(table.weight, std=INITIAL_STD)
            nn.init.zeros_(table.weight[0])
        self.register_buffer("projection", random_projection(dim, rare_dim))

    def forward(self, token_ids: torch.Tensor) -> torch.Tensor:
        """(...) -> (..., dim)."""
        frequent = self.frequent.num_embeddings
        is_rare = token_ids >= frequent
        vectors = self.frequent(token_ids.masked_fill(is_rare, PAD))
        rare = self.rare((token_ids - frequent + 1).clamp_(min=0))
        return vectors + nn.functional.linear(rare, self.projection)


def frequent_tokens(vocab_size: int) -> int:
    """How many tokens of a vocabulary, at its beginning, are not rare; <pad> and <unk> are among them."""
    return min(vocab_size, max(UNK + 1, int(FREQUENT * vocab_size)))


class Embedding(nn.Module):
    """Token ids (T, B) -> vectors (T, B, dim), with dropout applied to them.

    pretrained: initial vectors (vocab_size, dim); a token whose row is NaN has none and starts with a random one.
    frozen: the token vectors are not trained. The vector of PAD is zero and stays zero, as it gets no gradient.

    rare_dim: size of the vectors of rare tokens, see AdaptiveEmbedding; not with `pretrained`. None: `dim`, as of all.

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
        rare_dim: int | None = None,
        ngrams: NgramEmbedding | None = None,
    ) -> None:
        super().__init__()
        self.table: nn.Embedding | AdaptiveEmbedding
        if rare_dim is not None:
            assert pretrained is None, "word vectors have one size"
            self.table = AdaptiveEmbedding(vocab_size, dim, rare_dim)
        else:
            self.table = _full_table(vocab_size, dim, pretrained)
        self.table.requires_grad_(not frozen)
        self.ngrams = ngrams
        self.dropout = Dropout(dropout)

    def forward(self, token_ids: torch.Tensor) -> torch.Tensor:
        """(T, B) -> (T, B, dim)."""
        vectors = self.table(token_ids)
        if self.ngrams is not None:
            vectors = vectors + self.ngrams(token_ids)
        return self.dropout(vectors)

    def distinct(self, token_ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """token_ids (T, B) -> rows (T, B) and vectors (U, dim), of which `vectors[rows]` is `forward` without dropout.

        Many positions have the same vector: what is computed from it can be computed once.
        """
        if self.ngrams is None:
            tokens, rows = token_ids.unique(return_inverse=True)
            return rows, self.table(tokens)
        ngrams = self.ngrams.rows(token_ids)
        # what is added to a token's vector is known from the longest known n-gram that ends there: the shorter ones are
        # parts of it. Their rows ascend with the length.
        longest = ngrams.amax(0)
        kinds, rows = torch.where(longest > 0, longest + self.table.num_embeddings, token_ids).unique(
            return_inverse=True
        )
        example = torch.empty_like(kinds).scatter_(0, rows.flatten(), torch.arange(rows.numel()))
        vectors = self.table(token_ids.flatten()[example]) + self.ngrams.vectors(ngrams.flatten(1)[:, example])
        return rows, vectors


def _full_table(vocab_size: int, dim: int, pretrained: np.ndarray | None) -> nn.Embedding:
    table = nn.Embedding(vocab_size, dim, padding_idx=PAD)
    with torch.no_grad():
        table.weight.normal_(std=INITIAL_STD)
        if pretrained is not None:
            vectors = torch.from_numpy(pretrained).to(table.weight.dtype)
            found = ~vectors.isnan().any(dim=1)
            table.weight[found] = vectors[found]
        table.weight[PAD] = 0.0
    return table
