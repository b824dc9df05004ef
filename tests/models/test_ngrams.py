from __future__ import annotations

import pytest
import torch

from textrnn.models.ngrams import NgramEmbedding


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
