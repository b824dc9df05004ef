"""Embeddings of tokens and n-grams."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from textrnn.models.layers import Dropout
from textrnn.texts.vocab import PAD, UNK

INITIAL_STD = 0.1  # of random vectors; small compared with the encoder's states, like that of pretrained vectors
FREQUENT = 0.25  # the share of frequent tokens in a vocabulary; saved models depend on it


class AdaptiveEmbedding(nn.Module):
    """Vectors of tokens whose ids are in order of frequency: the first quarter has vectors of size `dim`, the rest
    narrow vectors, which a random matrix maps to that size (adaptive input representations, Baevski and Auli 2019,
    section 3, which trains the matrices).
    """

    projection: torch.Tensor

    def __init__(self, vocab_size: int, dim: int, rare_dim: int) -> None:
        super().__init__()
        self.num_embeddings, self.embedding_dim = vocab_size, dim
        frequent = min(vocab_size, max(UNK + 1, int(FREQUENT * vocab_size)))
        self.frequent = nn.Embedding(frequent, dim, padding_idx=PAD)
        self.rare = nn.Embedding(1 + vocab_size - frequent, rare_dim, padding_idx=0)  # row 0: all frequent tokens
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


def random_projection(dim: int, narrow_dim: int) -> torch.Tensor:
    """(dim, narrow_dim): a random matrix with orthogonal columns of length sqrt(dim / narrow_dim), so that a step of
    the optimizer on a narrow vector is as long as it would be in all `dim` dimensions.

    It is not trained: networks with a trained matrix fitted their training texts sooner and others less well
    (docs/explanation/performance.md).
    """
    return nn.init.orthogonal_(torch.empty(dim, narrow_dim)).mul_(math.sqrt(dim / narrow_dim))


class NgramEmbedding(nn.Module):
    """Vectors of known n-grams.

    keys: the result of `texts.ngrams.frequent_ngrams`, for n-grams of 2, 3, ... tokens. Row 0 of the table belongs to
    all other n-grams: it is zero and gets no gradient.

    table_dim: the size of the vectors in the table, which a random matrix maps to size `dim`. None: no matrix, and
    vectors of size `dim`.
    """

    projection: torch.Tensor | None

    def __init__(
        self, keys: Sequence[torch.Tensor], vocab_size: int, dim: int, *, table_dim: int | None = None
    ) -> None:
        super().__init__()
        self.vocab_size = vocab_size
        self.lengths = range(2, len(keys) + 2)
        for length, length_keys in zip(self.lengths, keys, strict=True):
            self.register_buffer(f"keys_{length}", length_keys.long().clone())  # the networks of a run share `keys`
        self.table = nn.Embedding(1 + sum(map(len, keys)), table_dim or dim, sparse=True, padding_idx=0)
        nn.init.zeros_(self.table.weight)  # so that an n-gram not seen in training changes nothing
        self.register_buffer("projection", None if table_dim is None else random_projection(dim, table_dim))

    def forward(self, token_ids: torch.Tensor) -> torch.Tensor:
        """token_ids (T, B) -> (T, B, dim): the sum of the vectors of all n-grams that end at each position."""
        return self.vectors(self.rows(token_ids))

    def all_keys(self) -> list[torch.Tensor]:
        """The keys of the n-grams of each length."""
        return [self.get_buffer(f"keys_{length}") for length in self.lengths]

    def rows(self, token_ids: torch.Tensor) -> torch.Tensor:
        """token_ids (T, B) -> (lengths, T, B): the row of the n-gram of each length that ends at each position. The
        text counts as preceded by PAD tokens."""
        begin, rows, ngrams = 1, [], token_ids
        for length, keys in zip(self.lengths, self.all_keys(), strict=True):
            back = length - 1
            ngrams = ngrams + nn.functional.pad(token_ids, (0, 0, back, 0), value=PAD)[:-back] * self.vocab_size**back
            if len(keys):
                positions = torch.searchsorted(keys, ngrams).clamp_(max=len(keys) - 1)
                rows.append(torch.where(keys[positions] == ngrams, positions + begin, 0))
            else:
                rows.append(torch.zeros_like(token_ids))
            begin += len(keys)
        return torch.stack(rows)

    def vectors(self, rows: torch.Tensor) -> torch.Tensor:
        """rows (lengths, ...) -> (..., dim): the sum of the vectors in the rows of all lengths."""
        total = self.table(rows[0]) if len(rows) == 1 else self.table(rows).sum(0)
        return total if self.projection is None else nn.functional.linear(total, self.projection)


class Distinct(NamedTuple):
    """The different vectors of a batch. rows (T, B): the vector of each position. tokens (U,), ngrams (lengths, U): the
    token and the n-grams of each vector; None without n-grams."""

    rows: torch.Tensor
    tokens: torch.Tensor
    ngrams: torch.Tensor | None


class Embedding(nn.Module):
    """Token ids (T, B) -> vectors (T, B, dim), with dropout applied to them.

    pretrained: initial vectors (vocab_size, dim); a token whose row is NaN has none and starts with a random one.
    frozen: the token vectors are not trained. The vector of PAD is zero and stays zero, as it gets no gradient.

    rare_dim: size of the vectors of rare tokens, see AdaptiveEmbedding; not with `pretrained`. None: `dim`.
    ngrams: adds the vectors of n-grams of two or more tokens to those of their last token (Joulin et al. 2017).
    """

    def __init__(
        self, vocab_size: int, dim: int, *, dropout: float = 0.0, pretrained: np.ndarray | None = None,
        frozen: bool = False, rare_dim: int | None = None, ngrams: NgramEmbedding | None = None,
    ) -> None:  # fmt: skip
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

    def distinct(self, token_ids: torch.Tensor) -> Distinct:
        """token_ids (T, B) -> the positions that differ in their vectors; the same for all embeddings with the same
        n-grams."""
        if self.ngrams is None:
            tokens, rows = token_ids.unique(return_inverse=True)
            return Distinct(rows, tokens, None)
        ngrams = self.ngrams.rows(token_ids)
        # The longest known n-gram that ends at a token determines what is added to the token's vector, because the
        # shorter ones are parts of it. Its row is the largest.
        longest = ngrams.amax(0)
        kinds = torch.where(longest > 0, longest + self.table.num_embeddings, token_ids)
        kinds, rows = kinds.unique(return_inverse=True)
        example = torch.empty_like(kinds).scatter_(0, rows.flatten(), torch.arange(rows.numel()))
        return Distinct(rows, token_ids.flatten()[example], ngrams.flatten(1)[:, example])

    def vectors(self, distinct: Distinct) -> torch.Tensor:
        """(U, dim), of which `vectors[distinct.rows]` is `forward` without dropout."""
        vectors: torch.Tensor = self.table(distinct.tokens)
        if self.ngrams is None:
            return vectors
        assert distinct.ngrams is not None
        return vectors + self.ngrams.vectors(distinct.ngrams)

    def has_ngrams_of(self, other: Embedding) -> bool:
        """Whether n-grams have the same rows in both embeddings."""
        if self.ngrams is None or other.ngrams is None:
            return self.ngrams is other.ngrams
        pairs = zip(self.ngrams.all_keys(), other.ngrams.all_keys(), strict=True)
        return all(torch.equal(own, keys) for own, keys in pairs)


def _full_table(vocab_size: int, dim: int, pretrained: np.ndarray | None) -> nn.Embedding:
    table = nn.Embedding(vocab_size, dim, padding_idx=PAD)
    with torch.no_grad():
        table.weight.normal_(std=INITIAL_STD)
        if pretrained is not None:
            vectors = torch.from_numpy(pretrained).to(table.weight.dtype)
            has_vector = ~vectors.isnan().any(dim=1)
            table.weight[has_vector] = vectors[has_vector]
        table.weight[PAD] = 0.0
    return table
