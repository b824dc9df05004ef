"""A linear classifier of n-grams, and a network that shares its decision with one."""

from __future__ import annotations

import torch
from torch import nn

from textrnn.models.encoder import padding_mask
from textrnn.models.network import Network
from textrnn.models.ngrams import ngram_rows


class LinearPath(nn.Module):
    """Margins of texts from which n-grams they have, in TF-IDF weights of length 1 (Joachims 1998).

    ngrams: their longest. buckets: rows of the table of weights, of which n-grams of equal hash share one; the first
    is padding's. Its weights are buffers: no gradient trains them, but `training.linear.fit`.
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
        """Features (B, N) -> (B, num_classes)."""
        return nn.functional.embedding_bag(rows, self.weight, per_sample_weights=values, mode="sum") + self.bias

    def features(self, token_ids: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The rows (B, N) of each text's n-grams and their values (B, N), which are 0 for padding and for an n-gram's
        second and later occurrences."""
        rows = self.rows(token_ids, lengths)
        values = self.idf[rows] * first_of_equals(rows)
        return rows, nn.functional.normalize(values, dim=1)

    def rows(self, token_ids: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """(T, B) -> (B, N), ascending; 0 for padding."""
        padding = padding_mask(lengths, len(token_ids))
        found = [
            ngram_rows(token_ids, length, len(self.weight) - 1).add_(1).masked_fill_(padding, 0)
            for length in range(1, self.ngrams + 1)
        ]
        return torch.cat(found).t().sort(dim=1).values


def first_of_equals(ascending: torch.Tensor) -> torch.Tensor:
    """(B, N) in ascending order -> (B, N): whether the element to the left is another."""
    before = nn.functional.pad(ascending, (1, 0), value=-1)[:, :-1]
    return ascending != before


class WithLinearPath(nn.Module):
    """The logits of a network averaged with the margins of a linear path: the geometric mean of two opinions. The
    network alone is trained by gradients, with losses of its own: in one sum the two would learn the same twice.

    scale: by how much margins, about 1 for a class and -1 for the others where a text is clear, are stretched to be
    logits.

    After Cheng et al. 2016 ("Wide & Deep Learning for Recommender Systems") and Mesnil et al. 2015 ("Ensemble of
    Generative and Discriminative Techniques for Sentiment Analysis of Movie Reviews").
    """

    def __init__(self, network: Network, linear: LinearPath, *, scale: float) -> None:
        super().__init__()
        self.network = network
        self.linear = linear
        self.scale = scale

    def forward(self, token_ids: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """token_ids (T, B) right-padded, lengths (B,) >= 1 -> logits (B, num_classes)."""
        return (self.network(token_ids, lengths).float() + self.scale * self.linear(token_ids, lengths)) / 2
