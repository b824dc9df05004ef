from __future__ import annotations

import numpy as np
import torch
from torch import nn

from textrnn.data.vocab import PAD
from textrnn.models.embedding import INITIAL_STD, Embedding
from textrnn.models.unique_inputs import UniqueInputs, expand

NOTHING = [np.nan, np.nan, np.nan]
PRETRAINED = np.array([[7, 7, 7], NOTHING, [1, 2, 3], NOTHING, [4, 5, 6]], dtype=np.float32)


def test_pad_is_a_zero_vector() -> None:
    assert Embedding(5, 3).table.weight[PAD].tolist() == [0, 0, 0]
    assert Embedding(5, 3, pretrained=PRETRAINED).table.weight[PAD].tolist() == [0, 0, 0]


def test_random_vectors_have_the_standard_deviation_asked_for() -> None:
    weight = Embedding(1001, 50).table.weight[1:]

    assert abs(weight.mean()) < 0.01 * INITIAL_STD
    assert abs(weight.std() / INITIAL_STD - 1) < 0.02


def test_pretrained_vectors_are_taken_and_missing_ones_begin_random() -> None:
    weight = Embedding(5, 3, pretrained=PRETRAINED).table.weight

    assert weight[2].tolist() == [1, 2, 3]
    assert weight[4].tolist() == [4, 5, 6]
    missing = weight[[1, 3]]
    assert missing.isfinite().all()
    assert len(set(missing.flatten().tolist())) == 6
    assert missing.abs().max() < 5 * INITIAL_STD


def test_pretrained_vectors_are_copied() -> None:
    vectors = PRETRAINED.copy()
    embedding = Embedding(5, 3, pretrained=vectors)
    with torch.no_grad():
        embedding.table.weight += 1

    np.testing.assert_array_equal(vectors, PRETRAINED)


def test_each_token_of_a_batch_is_looked_up() -> None:
    embedding = Embedding(5, 3, pretrained=PRETRAINED)

    embedded = embedding(torch.tensor([[2, 4], [4, PAD]]))

    assert embedded.tolist() == [[[1, 2, 3], [4, 5, 6]], [[4, 5, 6], [0, 0, 0]]]


def test_the_tokens_read_get_gradients_and_pad_gets_none() -> None:
    embedding = Embedding(5, 3)

    embedding(torch.tensor([[2, 4], [4, PAD]])).sum().backward()

    assert embedding.table.weight.grad is not None
    assert embedding.table.weight.grad[:, 0].tolist() == [0, 0, 1, 0, 2]


def test_frozen_vectors_are_not_trained() -> None:
    embedding = Embedding(5, 3, pretrained=PRETRAINED, frozen=True)

    assert not embedding(torch.tensor([[2, 4]])).requires_grad
    assert not any(parameter.requires_grad for parameter in embedding.parameters())


def test_dropout_falls_on_vectors_in_training_alone() -> None:
    embedding = Embedding(5, 3, pretrained=PRETRAINED, dropout=0.5)
    token_ids = torch.full((100, 1), 2)

    assert (embedding.eval()(token_ids) == torch.tensor([1.0, 2, 3])).all()
    dropped = embedding.train()(token_ids)

    lost = dropped == 0
    assert 0.4 < lost.float().mean() < 0.6
    assert (dropped == torch.where(lost, 0, torch.tensor([2.0, 4, 6]))).all()  # scaled by 1 / (1 - dropout)


def test_without_gradients_each_distinct_token_is_looked_up_once() -> None:
    embedding = Embedding(10, 3).eval()
    token_ids = torch.tensor([[5, 5, 2], [2, 7, 2]])
    with torch.no_grad():
        inputs = embedding.lookup(token_ids)
        assert isinstance(inputs, UniqueInputs)
        assert inputs.vectors.shape == (3, 3)
        assert torch.equal(expand(inputs), embedding(token_ids))
    assert isinstance(embedding.lookup(token_ids), torch.Tensor)


def test_a_model_in_training_drops_values_of_each_position() -> None:
    embedding = Embedding(10, 50, dropout=0.5).train()
    with torch.no_grad():
        first, second = expand(embedding.lookup(torch.tensor([[5], [5]])))
    assert not torch.equal(first, second)


def with_ngrams(ngrams: int) -> Embedding:
    embedding = Embedding(10, 3, ngrams=ngrams, buckets=1 << 16).eval()
    nn.init.normal_(embedding.ngram_table.weight)
    return embedding


def test_a_token_has_the_vectors_of_the_ngrams_that_end_with_it() -> None:
    embedding = with_ngrams(3)
    vectors = embedding(torch.tensor([[2, 3, 4], [5, 5, 5], [6, 6, 6], [6, 5, 6], [7, 6, 7]]))
    assert not torch.allclose(vectors[1, 0], vectors[1, 1])  # another word before it
    assert not torch.allclose(vectors[2, 0], vectors[2, 1])  # two words before it
    assert torch.equal(vectors[4, 0], vectors[4, 2])
    assert not torch.allclose(vectors[4, 0], vectors[4, 1])
    bigrams_alone = with_ngrams(2)
    vectors = bigrams_alone(torch.tensor([[2, 3], [5, 5], [6, 6]]))
    assert torch.equal(vectors[2, 0], vectors[2, 1])
