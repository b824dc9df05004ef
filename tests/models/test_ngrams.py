from __future__ import annotations

import math

import pytest
import torch

from textrnn.models.ngrams import ngram_rows


@pytest.mark.parametrize("length", [2, 3])
def test_ngrams_of_a_text_of_one_token_begin_before_it(length: int) -> None:
    alone = ngram_rows(torch.tensor([[5]]), length, 1 << 16)
    assert torch.equal(alone, ngram_rows(torch.tensor([[5], [6], [7]]), length, 1 << 16)[:1])


@pytest.mark.parametrize("length", [2, 3])
def test_the_hash_spreads_ngrams_evenly(length: int) -> None:
    tokens = torch.cartesian_prod(torch.arange(300), torch.arange(300)).t()
    rows = ngram_rows(torch.cat([torch.full((1, 90_000), 5), tokens])[-length:], length, 1 << 20)[-1]
    expected = (1 << 20) * (1 - math.exp(-90_000 / (1 << 20)))  # distinct rows, were they drawn at random
    assert len(rows.unique()) == pytest.approx(expected, rel=0.01)
