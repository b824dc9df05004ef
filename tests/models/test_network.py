from __future__ import annotations

import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from tests.models.small import (
    ARCHITECTURES,
    CELLS,
    POOLINGS,
    each_architecture,
    each_network,
    each_pooling,
    each_recurrent_architecture,
    logits_alone,
    padded_batch,
    random_texts,
    randomize,
    small_model,
)
from textrnn.models.network import Network
from textrnn.texts.batching import Batch
from textrnn.training.objectives import adversarial, cross_entropy, plain


class WithoutVectors(Network):
    pass


def test_an_architecture_without_text_vectors_is_refused() -> None:
    with pytest.raises(TypeError, match="text_vectors"):
        WithoutVectors()


@each_architecture
def test_the_embedding_offset_is_added_to_the_embeddings(architecture: str) -> None:
    """Adding the same vector at all positions is adding it to each row of the embedding table."""
    model = small_model(architecture=architecture, linear="none")
    token_ids, lengths = padded_batch(random_texts([4, 1, 6]))
    vector = torch.tensor([1.0, -2.0, 0.5, 3.0])

    logits = model(token_ids, lengths, vector.expand(*token_ids.shape, -1))

    assert not torch.allclose(logits, model(token_ids, lengths), atol=1e-2)
    model.embedding.table.weight = nn.Parameter(model.embedding.table.weight + vector)
    torch.testing.assert_close(logits, model(token_ids, lengths))


@each_architecture
def test_the_embedding_offset_has_a_gradient_at_real_positions_only(architecture: str) -> None:
    model = small_model(architecture=architecture, pooling="mean").double()
    token_ids, lengths = padded_batch(random_texts([4, 1, 6]), extra=2)
    offset = torch.zeros(*token_ids.shape, 4, dtype=torch.float64, requires_grad=True)

    model(token_ids, lengths, offset).pow(2).sum().backward()

    assert offset.grad is not None
    is_real = torch.arange(len(token_ids)).unsqueeze(1) < lengths
    assert offset.grad[is_real].all()
    assert not offset.grad[~is_real].any()


@pytest.mark.parametrize("kind", ["plain", "adversarial"])
@each_pooling
@each_network
def test_a_training_step_needs_no_value_on_the_host(
    architecture: str, cell: str, nonlinearity: str, pooling: str, kind: str
) -> None:
    model = small_model(
        architecture=architecture, cell=cell, nonlinearity=nonlinearity, num_layers=2, pooling=pooling, dropout=0.5,
        rare_dim=2,
    )  # fmt: skip
    model.to("meta").train()
    batch = Batch(*(torch.ones(shape, dtype=torch.long, device="meta") for shape in ((3, 40), (40,), (40,))))

    if kind == "plain":
        objective = plain(cross_entropy(class_weights=torch.ones(3, device="meta"), label_smoothing=0.1))
    else:
        objective = adversarial(cross_entropy(), norm=1.0, dim=4)

    # a tensor on the meta device has a shape but no values: any operation that needs one on the host is an error
    objective(model, batch, torch.Tensor.backward)

    assert all(parameter.grad is not None for parameter in model.parameters())


# --- logits and gradients of a text depend neither on the other texts of its batch nor on padding

# Attention over ReLU states in the hundreds magnifies rounding: with AVX2 a logit of 297 differed by 0.003.
TOLERANCE = {"rtol": 2e-5, "atol": 1e-5}


@given(
    architecture=st.sampled_from(ARCHITECTURES),
    cell=st.sampled_from(CELLS),
    num_layers=st.integers(1, 3),
    bidirectional=st.booleans(),
    pooling=st.sampled_from(POOLINGS),
    text_length=st.integers(1, 20),
    other_lengths=st.lists(st.integers(1, 20), max_size=5),
    ngrams=st.integers(1, 3),
    narrow=st.sampled_from([None, 2]),
    hops=st.integers(1, 3),
    extra=st.integers(0, 40),
    seed=st.integers(0, 1000),
)
@settings(max_examples=400, deadline=None, derandomize=True)
def test_logits_of_a_text_in_any_batch_are_those_of_the_text_alone(
    architecture: str, cell: tuple[str, str], num_layers: int, bidirectional: bool, pooling: str,
    text_length: int, other_lengths: list[int], hops: int, ngrams: int, narrow: int | None, extra: int, seed: int,
) -> None:  # fmt: skip
    model = small_model(
        architecture=architecture, cell=cell[0], nonlinearity=cell[1], num_layers=num_layers,
        bidirectional=bidirectional, pooling=pooling, attention_hops=hops, ngrams=ngrams,
        rare_dim=narrow, ngram_dim=narrow,
    )  # fmt: skip
    randomize(model, seed=seed)
    text, *others = random_texts([text_length, *other_lengths], seed=seed)
    place = seed % (len(others) + 1)

    logits = model(*padded_batch([*others[:place], text, *others[place:]], extra=extra, padding_seed=seed))

    torch.testing.assert_close(logits[place], logits_alone(model, [text])[0], **TOLERANCE)


@each_pooling
@each_network
def test_gradients_do_not_depend_on_the_padding(architecture: str, cell: str, nonlinearity: str, pooling: str) -> None:
    model = small_model(
        architecture=architecture, cell=cell, nonlinearity=nonlinearity, num_layers=2, pooling=pooling
    ).double()
    texts = random_texts([5, 1, 9, 3])
    upstream = torch.randn(len(texts), 3, dtype=torch.float64)

    def gradients(batches: list[tuple[torch.Tensor, torch.Tensor]], upstream: list[torch.Tensor]) -> list[torch.Tensor]:
        model.zero_grad()
        for batch, gradient in zip(batches, upstream, strict=True):
            model(*batch).backward(gradient)
        return [parameter.grad.clone() for parameter in model.parameters()]

    one_by_one = gradients([padded_batch([text]) for text in texts], list(upstream.split(1)))
    together = gradients([padded_batch(texts, extra=7)], [upstream])

    for expected, found in zip(one_by_one, together, strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)
    names = [name for name, _ in model.named_parameters()]
    zero = [name for name, gradient in zip(names, together, strict=True) if not gradient.any()]
    # With pooling "last" RCNN does not use the backward direction: the last word's right context is a parameter.
    unused = re.compile(r"encoder\.layers\.\d\.1\." if (architecture, pooling) == ("rcnn", "last") else "none")
    assert zero == [name for name in names if unused.match(name)]


@each_pooling
@each_recurrent_architecture
def test_an_overflow_at_padded_positions_does_not_reach_the_logits(architecture: str, pooling: str) -> None:
    model = small_model(architecture=architecture, cell="rnn", nonlinearity="relu", pooling=pooling)
    with torch.no_grad():
        for rnn in (rnn for layer in model.encoder.layers for rnn in layer):
            rnn.weight_hh_l0.copy_(10 * torch.eye(5))  # grows tenfold with each step: beyond float32 after 40 steps
            rnn.bias_ih_l0.fill_(5.0)
    texts = random_texts([3, 1, 2])
    token_ids, lengths = padded_batch(texts, extra=100)
    assert not model.encoder.layers[0][0](model.embedding(token_ids))[0].isfinite().all()

    logits, alone = model(token_ids, lengths), logits_alone(model, texts)

    torch.testing.assert_close(logits, alone, rtol=1e-5, atol=0)
