"""A GRU read without gradients has the states of its equations and of `nn.GRU`."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from tests.models.reference import STATES, Weights
from tests.models.small import each_cell, each_depth, padded_batch, random_texts, randomize, small_model
from textrnn.models.encoder import RNNEncoder
from textrnn.models.gru import read_gru

STEPS, TEXTS, INPUTS, HIDDEN = 20, 3, 4, 8


def _gru() -> nn.GRU:
    gru = nn.GRU(INPUTS, HIDDEN).double()
    randomize(gru)
    return gru


def _not_called(*_: object) -> None:
    raise AssertionError("nn.GRU was called")


def test_the_states_follow_the_equations() -> None:
    gru = _gru()
    weights = Weights(*(parameter.detach().numpy() for parameter in gru.parameters()))
    x = torch.randn(STEPS, 1, INPUTS, dtype=torch.float64)

    with torch.inference_mode():
        states = read_gru(gru, x, torch.zeros(1, HIDDEN, dtype=torch.float64), None)

    np.testing.assert_allclose(states.squeeze(1).numpy(), STATES["gru"](weights, x.squeeze(1).numpy()), atol=1e-10)


@pytest.mark.parametrize("given", ["vectors", "rows of vectors"])
def test_the_states_are_those_of_the_module_from_any_start(given: str) -> None:
    gru = _gru()
    vectors = torch.randn(7, INPUTS, dtype=torch.float64)
    rows = torch.randint(7, (STEPS, TEXTS))
    start = torch.randn(TEXTS, HIDDEN, dtype=torch.float64)

    with torch.no_grad():
        expected, _ = gru(vectors[rows], start.unsqueeze(0))
        states = (
            read_gru(gru, vectors[rows], start, None) if given == "vectors" else read_gru(gru, rows, start, vectors)
        )

    torch.testing.assert_close(states, expected, rtol=0, atol=1e-12)


def test_the_weights_stay_as_they_were() -> None:
    gru = _gru()
    before = [parameter.clone() for parameter in gru.parameters()]
    with torch.no_grad():
        read_gru(gru, torch.randn(STEPS, TEXTS, INPUTS).double(), torch.zeros(TEXTS, HIDDEN).double(), None)
    assert all(torch.equal(one, other) for one, other in zip(before, gru.parameters(), strict=True))


def test_values_of_any_size_are_read() -> None:
    gru = _gru().float()
    vectors = torch.tensor([1e-30, 1e-3, 1.0, 1e3, 1e30]).unsqueeze(1) * torch.ones(5, INPUTS)
    rows = torch.arange(5).repeat_interleave(4).unsqueeze(1)
    with torch.no_grad():
        expected, _ = gru(vectors[rows])
        torch.testing.assert_close(read_gru(gru, rows, torch.zeros(1, HIDDEN), vectors), expected, rtol=0, atol=1e-6)


@each_cell
@each_depth
@pytest.mark.parametrize("architecture", ["textrnn", "rcnn"])
@pytest.mark.parametrize("pooling", ["max", "attention"])
def test_logits_without_gradients_are_those_with_them(
    architecture: str, cell: str, nonlinearity: str, num_layers: int, pooling: str
) -> None:
    model = small_model(
        architecture=architecture, cell=cell, nonlinearity=nonlinearity, num_layers=num_layers, pooling=pooling
    ).double()
    batch = padded_batch(random_texts([4, 1, 6]))

    expected = model(*batch).detach()

    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            torch.testing.assert_close(model(*batch), expected, rtol=0, atol=1e-12)


def test_the_module_itself_reads_under_autocast_and_with_gradients_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder, inputs, lengths = (
        RNNEncoder(INPUTS, HIDDEN),
        torch.randn(STEPS, TEXTS, INPUTS),
        torch.full((TEXTS,), STEPS),
    )
    monkeypatch.setattr(nn.GRU, "forward", _not_called)
    with torch.no_grad():
        encoder(inputs, lengths)
        with torch.autocast("cpu", torch.bfloat16), pytest.raises(AssertionError, match="was called"):
            encoder(inputs, lengths)
    with pytest.raises(AssertionError, match="was called"):
        encoder(inputs, lengths)


def test_dropout_on_embeddings_falls_on_each_position_of_a_model_in_training() -> None:
    model = small_model(embedding_dropout=0.5, embedding_dim=50)
    model.train()
    token_ids = torch.full((3, 2), 5)
    with torch.no_grad():
        inputs, vectors = model.embedding.to_read(token_ids)
    assert vectors is None
    assert not torch.equal(inputs[0, 0], inputs[1, 0])
