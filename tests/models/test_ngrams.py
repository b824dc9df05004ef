from __future__ import annotations

import math

import pytest
import torch

from textrnn.data.vocab import PAD
from textrnn.models.ngrams import NgramEmbedding, ngram_rows


@pytest.mark.parametrize("length", [2, 3])
def test_a_text_counts_as_preceded_by_padding(length: int) -> None:
    rows = ngram_rows(torch.tensor([[5], [6], [7]]), length, 1 << 16)
    after_padding = ngram_rows(torch.tensor([[PAD]] * (length - 1) + [[5], [6], [7]]), length, 1 << 16)

    assert torch.equal(rows, after_padding[length - 1 :])


@pytest.mark.parametrize("length", [2, 3])
def test_ngrams_depend_on_all_their_tokens_and_on_no_others(length: int) -> None:
    tokens = torch.tensor([[9], [5], [6], [7]])
    row = ngram_rows(tokens, length, 1 << 16)[-1]

    for position in range(4):
        changed = tokens.clone()
        changed[position] += 1
        is_part = position > 3 - length
        assert torch.equal(ngram_rows(changed, length, 1 << 16)[-1], row) is not is_part


@pytest.mark.parametrize("length", [2, 3])
def test_the_hash_spreads_ngrams_evenly(length: int) -> None:
    tokens = torch.cartesian_prod(torch.arange(300), torch.arange(300)).t()

    rows = ngram_rows(torch.cat([torch.full((1, 90_000), 5), tokens])[-length:], length, 1 << 20)[-1]

    expected = (1 << 20) * (1 - math.exp(-90_000 / (1 << 20)))  # distinct rows if they were drawn at random
    assert len(rows.unique()) == pytest.approx(expected, rel=0.01)
    assert rows.min() >= 0
    assert rows.max() < 1 << 20


def test_the_hash_is_the_one_that_saved_models_were_trained_with() -> None:
    rows = [ngram_rows(torch.tensor([[5], [6], [7]]), length, 1 << 20).flatten().tolist() for length in (1, 2, 3)]

    assert rows == [[539321, 771072, 888567], [678551, 903589, 160805], [504076, 191097, 577605]]


def test_known_ngrams_have_vectors_and_others_have_none() -> None:
    # of ten tokens: the bigrams (4, 5) and (PAD, 7), the trigram (4, 5, 6)
    ngrams = NgramEmbedding([torch.tensor([7, 45]), torch.tensor([456])], 10, 1)
    with torch.no_grad():
        ngrams.table.weight[:, 0] = torch.tensor([0.0, 1.0, 2.0, 4.0])

    vectors = ngrams(torch.tensor([[4, 7], [5, 4], [6, 5], [4, 5]]))

    assert vectors[:, :, 0].tolist() == [[0, 1], [2, 0], [4, 2], [0, 0]]


def test_without_a_known_ngram_nothing_is_added_and_nothing_learns() -> None:
    ngrams = NgramEmbedding([torch.zeros(0)], 10, 3)

    vectors = ngrams(torch.tensor([[4, 7], [5, 4]]))
    vectors.sum().backward()

    assert not vectors.any()
    assert not ngrams.table.weight.grad.to_dense().any()


def test_narrow_vectors_are_mapped_to_the_size_of_the_others_and_keep_their_proportions() -> None:
    ngrams = NgramEmbedding([torch.tensor([7, 45])], 10, 12, table_dim=3)
    with torch.no_grad():
        ngrams.table.weight[1:] = torch.tensor([[3.0, 4.0, 0.0], [0.0, 0.0, 1.0]])

    one, other, none = ngrams(torch.tensor([[7, 4, 5], [8, 5, 8]]))[[0, 1, 1], [0, 1, 2]]

    assert one.norm().item() == pytest.approx(2 * 5)  # the square root of 12 / 3, times the length
    assert other.norm().item() == pytest.approx(2)
    assert (one @ other).item() == pytest.approx(0, abs=1e-5)
    assert not none.any()


def test_the_matrix_of_narrow_vectors_is_saved_and_not_trained() -> None:
    ngrams = NgramEmbedding([torch.tensor([7])], 10, 12, table_dim=3)

    ngrams(torch.tensor([[7]])).sum().backward()

    assert ngrams.table.weight.grad.to_dense()[1].any()
    assert [name for name, _ in ngrams.named_parameters()] == ["table.weight"]
    assert ngrams.state_dict()["projection"].shape == (12, 3)
