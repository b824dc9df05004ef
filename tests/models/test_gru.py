"""A GRU read without gradients has the states of its equations and of `nn.GRU`."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from tests.models.reference import STATES, Weights
from tests.models.small import each_cell, each_depth, padded_batch, random_texts, randomize, small_model
from textrnn.models import threaded
from textrnn.models.encoder import RNNEncoder
from textrnn.models.gru import InferenceGRU
from textrnn.models.unique_inputs import UniqueInputs, expand, map_positions

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
        states = InferenceGRU(gru, x).run(x, torch.zeros(HIDDEN, dtype=torch.float64))

    np.testing.assert_allclose(states.squeeze(1).numpy(), STATES["gru"](weights, x.squeeze(1).numpy()), atol=1e-10)


@pytest.mark.parametrize("words", [False, True])
def test_the_states_are_those_of_the_module_from_any_start(words: bool) -> None:
    gru = _gru()
    given = UniqueInputs(torch.randint(7, (STEPS, TEXTS)), torch.randn(7, INPUTS, dtype=torch.float64))
    inputs = given if words else expand(given)
    start = torch.randn(HIDDEN, dtype=torch.float64)

    with torch.no_grad():
        expected, _ = gru(expand(given), start.expand(1, TEXTS, -1).contiguous())
        inference = InferenceGRU(gru, inputs)
        whole = inference.run(inputs, start)
        part = inference.run(map_positions(inputs, lambda tensor: tensor[:5, 1:]), start)

    torch.testing.assert_close(whole, expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(part, expected[:5, 1:], rtol=0, atol=1e-12)


def test_the_weights_stay_as_they_were() -> None:
    gru = _gru()
    before = [parameter.clone() for parameter in gru.parameters()]
    with torch.no_grad():
        InferenceGRU(gru, torch.randn(STEPS, TEXTS, INPUTS))
    assert all(torch.equal(one, other) for one, other in zip(before, gru.parameters(), strict=True))


def test_huge_and_tiny_values_are_read_as_the_module_does() -> None:
    gru = _gru().float()
    x = torch.tensor([1e-30, 1e-3, 1.0, 1e3, 1e30]).repeat_interleave(4).view(-1, 1, 1) * torch.ones(1, 1, INPUTS)
    with torch.no_grad():
        states = InferenceGRU(gru, x).run(x, torch.zeros(HIDDEN))
        torch.testing.assert_close(states, gru(x)[0], rtol=0, atol=1e-6)


@each_cell
@each_depth
@pytest.mark.parametrize("cores", [1, 2, 5])
@pytest.mark.parametrize("architecture", ["textrnn", "rcnn"])
def test_logits_without_gradients_are_those_with_them(
    architecture: str, cores: int, cell: str, nonlinearity: str, num_layers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = small_model(architecture=architecture, cell=cell, nonlinearity=nonlinearity, num_layers=num_layers).double()
    batch = padded_batch(random_texts([*range(1, 30), 3, 3, 9, 28, 1, 12, 5, 4, 2, 1, 1]))  # read in order and in parts
    expected = model(*batch).detach()
    torch.set_num_threads(cores)  # set back by this folder's fixture
    monkeypatch.setattr(threaded, "cores_to_share", lambda: cores)
    monkeypatch.setattr(threaded, "_MIN_INFERENCE_GRU_TEXTS", 2)

    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            torch.testing.assert_close(model(*batch), expected, rtol=0, atol=1e-12)


def test_the_module_reads_with_gradients_under_autocast_and_few_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = RNNEncoder(INPUTS, HIDDEN)
    many, few = ((torch.randn(STEPS, texts, INPUTS), torch.full((texts,), STEPS)) for texts in (64, 3))
    monkeypatch.setattr(nn.GRU, "forward", _not_called)
    with torch.no_grad():
        encoder(*many)
        with pytest.raises(AssertionError, match="was called"):
            encoder(*few)
        with torch.autocast("cpu", torch.bfloat16), pytest.raises(AssertionError, match="was called"):
            encoder(*many)
    with pytest.raises(AssertionError, match="was called"):
        encoder(*many)
