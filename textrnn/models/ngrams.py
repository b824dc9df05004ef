"""n-grams of token ids: which row of a table belongs to each."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn

from textrnn.texts.vocab import PAD


class NgramEmbedding(nn.Module):
    """Vectors of known n-grams; an n-gram that is not known has none.

    keys: as `texts.ngrams.frequent_ngrams` gives them, for n-grams of 2, 3, ... tokens. Row 0 of the table belongs to
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


def random_projection(dim: int, narrow_dim: int) -> torch.Tensor:
    """(dim, narrow_dim): a random matrix with orthogonal columns of length sqrt(dim / narrow_dim), so that a step of
    the optimizer on a narrow vector is as long as it would be in all `dim` dimensions.

    It is not trained: with a matrix that was, networks fitted their training texts sooner and others less well
    (docs/performance.md).
    """
    return nn.init.orthogonal_(torch.empty(dim, narrow_dim)).mul_(math.sqrt(dim / narrow_dim))


def ngram_keys(token_ids: torch.Tensor, length: int, vocab_size: int) -> torch.Tensor:
    """token_ids (T, B) -> (T, B): the key of the n-gram that ends at each position, see `texts.ngrams`."""
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
