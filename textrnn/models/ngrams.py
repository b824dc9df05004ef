"""n-grams of token ids: which row of a table belongs to each."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from textrnn.data.vocab import PAD
from textrnn.models.projection import random_projection

# Odd 64-bit constants that map nearby ids to distant numbers. Saved models depend on them: another hash would look up
# other rows of their tables.
_MULTIPLIERS = (-7046029254386353131, -4417276706812531889, 1609587929392839161)


class NgramEmbedding(nn.Module):
    """Vectors of known n-grams; an n-gram that is not known has none.

    keys: as `data.ngrams.frequent_ngrams` gives them, for n-grams of 2, 3, ... tokens. Row 0 of the table belongs to
    all others: it is zero and gets no gradient.

    table_dim: the size of the vectors in the table, which a random matrix maps to size `dim`: there are many n-grams,
    and most are rare. None: no matrix, and vectors of size `dim`.
    """

    projection: torch.Tensor | None

    def __init__(
        self, keys: Sequence[torch.Tensor], vocab_size: int, dim: int, *, table_dim: int | None = None
    ) -> None:
        super().__init__()
        self.vocab_size = vocab_size
        self.lengths = range(2, len(keys) + 2)
        for length, each in zip(self.lengths, keys, strict=True):
            self.register_buffer(f"keys_{length}", each.long().clone())  # networks of a run share the counts
        self.table = nn.Embedding(1 + sum(map(len, keys)), table_dim or dim, sparse=True, padding_idx=0)
        nn.init.zeros_(self.table.weight)  # so that an n-gram that training has not met changes nothing
        self.register_buffer("projection", None if table_dim is None else random_projection(dim, table_dim))

    def forward(self, token_ids: torch.Tensor) -> torch.Tensor:
        """token_ids (T, B) -> (T, B, dim): the sum of the vectors of all n-grams that end at each position. The text
        counts as preceded by PAD tokens."""
        return self.vectors(self.rows(token_ids))

    def rows(self, token_ids: torch.Tensor) -> torch.Tensor:
        """token_ids (T, B) -> (lengths, T, B): the row of the n-gram of each length that ends at each position."""
        begin, found = 1, []
        for length in self.lengths:
            keys: torch.Tensor = getattr(self, f"keys_{length}")
            rows = _position(keys, ngram_keys(token_ids, length, self.vocab_size))
            found.append(torch.where(rows < 0, 0, rows + begin))
            begin += len(keys)
        return torch.stack(found)

    def vectors(self, rows: torch.Tensor) -> torch.Tensor:
        """rows (lengths, ...) -> (..., dim): the sum of the vectors in the rows of all lengths."""
        found = self.table(rows[0]) if len(rows) == 1 else self.table(rows).sum(0)
        return found if self.projection is None else nn.functional.linear(found, self.projection)


def ngram_keys(token_ids: torch.Tensor, length: int, vocab_size: int) -> torch.Tensor:
    """token_ids (T, B) -> (T, B): the key of the n-gram that ends at each position, see `data.ngrams`."""
    keys = token_ids.clone()
    for back in range(1, length):
        keys += nn.functional.pad(token_ids, (0, 0, back, 0), value=PAD)[:-back] * vocab_size**back
    return keys


def _position(ascending: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Where each number stands in an array; -1 for those that it lacks."""
    if not len(ascending):
        return torch.full_like(wanted, -1)
    at = torch.searchsorted(ascending, wanted).clamp_(max=len(ascending) - 1)
    return torch.where(ascending[at] == wanted, at, -1)


class HashedNgramEmbedding(nn.Embedding):
    """Vectors of n-grams in a table of limited size, where n-grams with the same hash share one (Weinberger et al.
    2009). Models have it that were saved in versions 0 and 1 of the format."""

    def __init__(self, longest: int, buckets: int, dim: int) -> None:
        super().__init__(buckets, dim)
        self.longest = longest

    def forward(self, token_ids: torch.Tensor) -> torch.Tensor:
        """As `NgramEmbedding`."""
        vectors = super().forward(ngram_rows(token_ids, 2, self.num_embeddings))
        for length in range(3, self.longest + 1):
            vectors = vectors + super().forward(ngram_rows(token_ids, length, self.num_embeddings))
        return vectors


def ngram_rows(token_ids: torch.Tensor, length: int, buckets: int) -> torch.Tensor:
    """token_ids (T, B) -> (T, B): the hash, 0 to buckets - 1, of the n-gram that ends at each position. The text counts
    as preceded by PAD tokens.

    length: number of tokens of the n-gram, 1 to 3.
    """
    mixed = torch.zeros_like(token_ids)
    for back in range(length):
        shifted = token_ids if back == 0 else nn.functional.pad(token_ids, (0, 0, back, 0), value=PAD)[:-back]
        mixed = (mixed + shifted + length) * _MULTIPLIERS[back]
        mixed = mixed ^ (mixed >> 29)
    return mixed.remainder(buckets)
