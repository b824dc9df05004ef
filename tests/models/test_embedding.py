from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from textrnn.models.embedding import INITIAL_STD, AdaptiveEmbedding, Embedding, NgramEmbedding
from textrnn.texts.vocab import PAD

NONE = [np.nan, np.nan, np.nan]
PRETRAINED = np.array([[7, 7, 7], NONE, [1, 2, 3], NONE, [4, 5, 6]], dtype=np.float32)


def test_random_vectors_have_the_initial_standard_deviation_and_that_of_pad_is_zero() -> None:
    pad, weight = Embedding(1001, 50).table.weight.split([1, 1000])

    assert not pad.any()
    assert abs(weight.mean()) < 0.01 * INITIAL_STD
    assert abs(weight.std() / INITIAL_STD - 1) < 0.02


def test_pretrained_vectors_are_used_and_missing_ones_are_random() -> None:
    weight = Embedding(5, 3, pretrained=PRETRAINED).table.weight

    assert weight[2].tolist() == [1, 2, 3]
    assert weight[4].tolist() == [4, 5, 6]
    missing = weight[[1, 3]]
    assert missing.isfinite().all()
    assert len(set(missing.flatten().tolist())) == 6
    assert missing.abs().max() < 5 * INITIAL_STD


def test_the_array_of_pretrained_vectors_is_not_changed_by_training() -> None:
    vectors = PRETRAINED.copy()
    embedding = Embedding(5, 3, pretrained=vectors)
    with torch.no_grad():
        embedding.table.weight += 1

    np.testing.assert_array_equal(vectors, PRETRAINED)


def test_tokens_of_the_batch_are_looked_up_and_get_gradients_and_pad_gets_none() -> None:
    embedding = Embedding(5, 3, pretrained=PRETRAINED)

    embedded = embedding(torch.tensor([[2, 4], [4, PAD]]))
    embedded.sum().backward()

    assert embedded.tolist() == [[[1, 2, 3], [4, 5, 6]], [[4, 5, 6], [0, 0, 0]]]
    assert embedding.table.weight.grad is not None
    assert embedding.table.weight.grad[:, 0].tolist() == [0, 0, 1, 0, 2]


@pytest.mark.parametrize("options", [{"pretrained": PRETRAINED}, {"rare_dim": 2}])
def test_frozen_vectors_are_not_trained(options: dict[str, Any]) -> None:
    embedding = Embedding(5, 3, frozen=True, **options)

    assert not embedding(torch.arange(5).view(5, 1)).requires_grad
    assert not any(parameter.requires_grad for parameter in embedding.parameters())


def test_frequent_tokens_have_vectors_of_full_size_and_rare_ones_narrow_vectors_times_a_matrix() -> None:
    table = AdaptiveEmbedding(12, 4, rare_dim=2)
    token_ids = torch.tensor([[1, 11], [PAD, 2], [3, 3]])

    vectors = table(token_ids)

    assert table.frequent.weight.shape == (3, 4) and table.rare.weight.shape == (10, 2)
    assert vectors[0, 0].tolist() == table.frequent.weight[1].tolist()
    assert vectors[1].tolist() == [[0, 0, 0, 0], table.frequent.weight[2].tolist()]
    for found, row in ((vectors[2, 0], 1), (vectors[2, 1], 1), (vectors[0, 1], 9)):
        torch.testing.assert_close(found, table.projection @ table.rare.weight[row])


def test_rare_and_frequent_vectors_are_initially_of_one_length() -> None:
    table = AdaptiveEmbedding(4000, 96, rare_dim=32)

    lengths = table(torch.arange(1, 4000)).norm(dim=-1)

    for part in (lengths[:999], lengths[999:]):
        assert abs(part.mean() / (INITIAL_STD * 96**0.5) - 1) < 0.02


def test_padding_and_frequent_tokens_give_no_gradient_to_the_rows_of_the_others() -> None:
    table = AdaptiveEmbedding(12, 4, rare_dim=2)

    table(torch.tensor([[PAD, 2, 11, 11]])).sum().backward()

    assert table.frequent.weight.grad is not None and table.rare.weight.grad is not None
    assert table.frequent.weight.grad.sum(1).tolist() == [0, 0, 4]
    assert table.rare.weight.grad.abs().sum(1).nonzero().flatten().tolist() == [9]
    torch.testing.assert_close(table.rare.weight.grad[9], 2 * table.projection.sum(0))


@pytest.mark.parametrize(("vocab_size", "expected"), [(2, 2), (3, 2), (11, 2), (12, 3), (4426, 1106)])
def test_a_quarter_of_a_vocabulary_is_frequent_and_at_least_the_two_entries_that_are_no_tokens(
    vocab_size: int, expected: int
) -> None:
    table = AdaptiveEmbedding(vocab_size, 4, rare_dim=2)
    assert table.frequent.num_embeddings == expected
    assert table(torch.arange(vocab_size)).shape == (vocab_size, 4)


def test_dropout_is_applied_to_vectors_in_training_only() -> None:
    embedding = Embedding(5, 3, pretrained=PRETRAINED, dropout=0.5)
    token_ids = torch.full((100, 1), 2)

    assert (embedding.eval()(token_ids) == torch.tensor([1.0, 2, 3])).all()
    dropped = embedding.train()(token_ids)

    lost = dropped == 0
    assert 0.4 < lost.float().mean() < 0.6
    assert (dropped == torch.where(lost, 0, torch.tensor([2.0, 4, 6]))).all()  # scaled by 1 / (1 - dropout)


@pytest.mark.parametrize("narrow", [None, 2])
@pytest.mark.parametrize("longest", [1, 2, 3])
def test_each_position_has_its_vector_and_equal_ones_are_kept_once(longest: int, narrow: int | None) -> None:
    token_ids = torch.randint(2, 6, (9, 40))
    # of six tokens, half of all bigrams and a third of all trigrams
    keys = [torch.arange(0, 36, 2), torch.arange(0, 216, 3)][: longest - 1]
    ngrams = NgramEmbedding(keys, 6, 3, table_dim=narrow) if keys else None
    embedding = Embedding(6, 3, rare_dim=narrow, ngrams=ngrams).eval()
    if ngrams is not None:
        nn.init.normal_(ngrams.table.weight[1:])

    distinct = embedding.distinct(token_ids)
    vectors = embedding.vectors(distinct)

    assert len(vectors) < token_ids.numel() / 2
    torch.testing.assert_close(vectors[distinct.rows], embedding(token_ids), rtol=0, atol=1e-6)


# --- n-grams


@pytest.mark.parametrize("key", [5, 45])
def test_ngrams_that_are_new_or_not_known_add_nothing_to_the_vector_of_a_token(key: int) -> None:
    embedding = Embedding(10, 3, ngrams=NgramEmbedding([torch.tensor([key])], 10, 3))
    token_ids = torch.tensor([[4, 7], [5, 4]])  # with the bigrams (4, 5) and (7, 4)

    vectors = embedding(token_ids)
    vectors.sum().backward()

    assert torch.equal(vectors, embedding.table(token_ids))
    assert embedding.ngrams.table.weight.grad.to_dense().any() == (key == 45)
    nn.init.ones_(embedding.ngrams.table.weight[1:])
    assert torch.equal(embedding(token_ids)[1, 0], embedding.table(token_ids)[1, 0] + (key == 45))


def test_without_ngrams_nothing_is_added_and_nothing_learns() -> None:
    ngrams = NgramEmbedding([torch.zeros(0)], 10, 3)

    vectors = ngrams(torch.tensor([[4, 7], [5, 4]]))
    vectors.sum().backward()

    assert not vectors.any()
    assert not ngrams.table.weight.grad.to_dense().any()


def test_known_ngrams_have_vectors_and_others_have_none() -> None:
    # of ten tokens: the bigrams (4, 5) and (PAD, 7), the trigram (4, 5, 6)
    ngrams = NgramEmbedding([torch.tensor([7, 45]), torch.tensor([456])], 10, 1)
    with torch.no_grad():
        ngrams.table.weight[:, 0] = torch.tensor([0.0, 1.0, 2.0, 4.0])

    vectors = ngrams(torch.tensor([[4, 7], [5, 4], [6, 5], [4, 5]]))

    assert vectors[:, :, 0].tolist() == [[0, 1], [2, 0], [4, 2], [0, 0]]


def test_narrow_vectors_are_mapped_to_the_size_of_the_others_and_keep_their_proportions() -> None:
    ngrams = NgramEmbedding([torch.tensor([7, 45])], 10, 12, table_dim=3)
    with torch.no_grad():
        ngrams.table.weight[1:] = torch.tensor([[3.0, 4.0, 0.0], [0.0, 0.0, 1.0]])

    one, other, none = ngrams(torch.tensor([[7, 4, 5], [8, 5, 8]]))[[0, 1, 1], [0, 1, 2]]

    assert one.norm().item() == pytest.approx(2 * 5)  # the square root of 12 / 3, times the length
    assert other.norm().item() == pytest.approx(2)
    assert (one @ other).item() == pytest.approx(0, abs=1e-5)
    assert not none.any()


def test_the_table_has_sparse_gradients_and_the_matrix_of_narrow_vectors_is_saved_and_not_trained() -> None:
    ngrams = NgramEmbedding([torch.tensor([7])], 10, 12, table_dim=3)

    ngrams(torch.tensor([[7]])).sum().backward()

    assert ngrams.table.weight.grad.is_sparse
    assert ngrams.table.weight.grad.to_dense()[1].any()
    assert [name for name, _ in ngrams.named_parameters()] == ["table.weight"]
    assert ngrams.state_dict()["projection"].shape == (12, 3)
