"""Hashes of n-grams of token ids: rows of a table of limited size."""

from __future__ import annotations

import torch
from torch import nn

from textrnn.data.vocab import PAD

# Odd 64-bit constants that map nearby ids to distant numbers. Saved models depend on them: another hash would look up
# other rows of their tables.
_MULTIPLIERS = (-7046029254386353131, -4417276706812531889, 1609587929392839161)


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
