"""The linear path of models saved in versions 0 and 1 of the format: a linear classifier of hashed n-grams of the
tokens that the network reads, whose margins are averaged with the network's logits."""

from __future__ import annotations

import torch
from torch import nn

from textrnn.models.encoder import padding_mask
from textrnn.models.network import Network
from textrnn.models.ngrams import ngram_rows


class LinearPath(nn.Module):
    """A linear classifier of the n-grams of a text, weighted by TF-IDF and normalized to length 1 (Joachims 1998).

    ngrams: maximum length of the n-grams. buckets: number of hashes, and of rows in the table of weights, apart from
    row 0, which is that of padding. n-grams with the same hash share a row.

    The weights are buffers rather than parameters: they have no gradients.
    """

    weight: torch.Tensor
    idf: torch.Tensor
    bias: torch.Tensor

    def __init__(self, num_classes: int, *, ngrams: int, buckets: int) -> None:
        super().__init__()
        self.ngrams = ngrams
        self.register_buffer("weight", torch.zeros(buckets + 1, num_classes))
        self.register_buffer("idf", torch.zeros(buckets + 1))
        self.register_buffer("bias", torch.zeros(num_classes))

    def forward(self, token_ids: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """token_ids (T, B) right-padded, lengths (B,) -> margins (B, num_classes)."""
        return self.margins(*self.features(token_ids, lengths))

    def margins(self, rows: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        """The rows and values (B, N) of `features` -> margins (B, num_classes)."""
        return nn.functional.embedding_bag(rows, self.weight, per_sample_weights=values, mode="sum") + self.bias

    def features(self, token_ids: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """token_ids (T, B), lengths (B,) -> the row of each n-gram and its value, both (B, N).

        Each n-gram counts once per text: the value of its second and later occurrences is 0, as is that of padding.
        """
        rows = self.rows(token_ids, lengths)
        values = self.idf[rows] * first_occurrences(rows)
        return rows, nn.functional.normalize(values, dim=1)

    def rows(self, token_ids: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """token_ids (T, B), lengths (B,) -> the row of each n-gram (B, N), in ascending order; 0 for padding.

        N = T * ngrams: n-grams that begin before the text count too (see `ngram_rows`).
        """
        padding = padding_mask(lengths, len(token_ids))
        found = [
            ngram_rows(token_ids, length, len(self.weight) - 1).add_(1).masked_fill_(padding, 0)
            for length in range(1, self.ngrams + 1)
        ]
        return torch.cat(found).t().sort(dim=1).values


def first_occurrences(ascending: torch.Tensor) -> torch.Tensor:
    """Integers of at least 0 (B, N), each row in ascending order -> (B, N) bool: true at the first of equal ones."""
    before = nn.functional.pad(ascending, (1, 0), value=-1)[:, :-1]
    return ascending != before


class WithLinearPath(nn.Module):
    """The average of the logits of a network and the scaled margins of a linear path.

    scale: factor from margins to logits. The margins of a clear text are about 1 for its class and -1 for the others.
    """

    def __init__(self, network: Network, linear: LinearPath, *, scale: float) -> None:
        super().__init__()
        self.network = network
        self.linear = linear
        self.scale = scale

    def forward(self, token_ids: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """token_ids (T, B) right-padded, lengths (B,) of at least 1 -> logits (B, num_classes) in float32."""
        return (self.network(token_ids, lengths).float() + self.scale * self.linear(token_ids, lengths)) / 2
