"""InferenceGRU computes the outputs of the equations and of `nn.GRU`, and is used only where it should be."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from textrnn.models.gru import InferenceGRU
from textrnn.models.unique_inputs import UniqueInputs, expand, map_positions
from torch import nn

from tests.models.reference import STATES, Weights
from tests.models.small import each_depth, each_network, padded_batch, random_texts, randomize, small_model
from textrnn.models import threaded
from textrnn.models.encoder import RNNEncoder

STEPS, TEXTS, INPUTS, HIDDEN = 20, 3, 4, 8


def _gru() -> nn.GRU:
    gru = nn.GRU(INPUTS, HIDDEN).double()
    randomize(gru)
    return gru


def test_outputs_follow_the_equations() -> None:
    gru = _gru()
    weights = Weights(*(parameter.detach().numpy() for parameter in gru.parameters()))
    x = torch.randn(STEPS, 1, INPUTS, dtype=torch.float64)

    with torch.inference_mode():
        outputs = InferenceGRU(gru, x).run(x, torch.zeros(HIDDEN, dtype=torch.float64))

    np.testing.assert_allclose(outputs.squeeze(1).numpy(), STATES["gru"](weights, x.squeeze(1).numpy()), atol=1e-10)


@pytest.mark.parametrize("unique", [False, True])
def test_outputs_are_those_of_the_module_for_any_initial_state_and_chunk(unique: bool) -> None:
    gru = _gru()
    unique_inputs = UniqueInputs(torch.randint(7, (STEPS, TEXTS)), torch.randn(7, INPUTS, dtype=torch.float64))
    inputs = unique_inputs if unique else expand(unique_inputs)
    h0 = torch.randn(HIDDEN, dtype=torch.float64)

    with torch.no_grad():
        expected, _ = gru(expand(unique_inputs), h0.expand(1, TEXTS, -1).contiguous())
        inference = InferenceGRU(gru, inputs)
        whole = inference.run(inputs, h0)
        chunk = inference.run(map_positions(inputs, lambda tensor: tensor[:5, 1:]), h0)

    torch.testing.assert_close(whole, expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(chunk, expected[:5, 1:], rtol=0, atol=1e-12)


def test_the_weights_of_the_module_are_not_changed() -> None:
    gru = _gru()
    before = [parameter.clone() for parameter in gru.parameters()]

    with torch.no_grad():
        InferenceGRU(gru, torch.randn(STEPS, TEXTS, INPUTS))

    assert all(torch.equal(one, other) for one, other in zip(before, gru.parameters(), strict=True))


def test_outputs_for_very_large_and_very_small_inputs_are_those_of_the_module() -> None:
    gru = _gru().float()
    x = torch.tensor([1e-30, 1e-3, 1.0, 1e3, 1e30]).repeat_interleave(4).view(-1, 1, 1) * torch.ones(1, 1, INPUTS)

    with torch.no_grad():
        outputs = InferenceGRU(gru, x).run(x, torch.zeros(HIDDEN))
        torch.testing.assert_close(outputs, gru(x)[0], rtol=0, atol=1e-6)


@each_network
@each_depth
@pytest.mark.parametrize("cores", [1, 2, 5])
def test_logits_are_the_same_with_and_without_gradients(
    architecture: str, cores: int, cell: str, nonlinearity: str, num_layers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = small_model(architecture=architecture, cell=cell, nonlinearity=nonlinearity, num_layers=num_layers).double()
    batch = padded_batch(random_texts([*range(1, 30), 3, 3, 9, 28, 1, 12, 5, 4, 2, 1, 1]))  # is sorted by length
    expected = model(*batch).detach()
    monkeypatch.setattr(threaded, "cores_to_share", lambda: cores)
    monkeypatch.setattr(threaded, "_MIN_INFERENCE_GRU_TEXTS", 2)

    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            logits = model(*batch)
            assert logits.is_inference() is (mode is torch.inference_mode)
            torch.testing.assert_close(logits, expected, rtol=0, atol=1e-12)


# --- where it is used


@pytest.fixture
def module_calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of texts in each call of an nn.GRU."""
    calls: list[int] = []
    original = nn.GRU.forward

    def recorded(self: nn.GRU, inputs: torch.Tensor, *args: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        calls.append(inputs.shape[1])
        return original(self, inputs, *args)

    monkeypatch.setattr(nn.GRU, "forward", recorded)
    return calls


def _run(texts: int) -> None:
    RNNEncoder(INPUTS, HIDDEN, bidirectional=False)(torch.randn(STEPS, texts, INPUTS), torch.full((texts,), STEPS))


def test_without_gradients_large_batches_do_not_use_the_module(module_calls: list[int]) -> None:
    with torch.no_grad():
        _run(texts=64)
    assert module_calls == []


def test_small_batches_use_the_module(module_calls: list[int]) -> None:
    with torch.no_grad():
        _run(texts=3)
    assert module_calls == [3]


def test_with_gradients_the_module_is_used(module_calls: list[int]) -> None:
    _run(texts=64)
    assert module_calls == [64]


@pytest.mark.parametrize("unique", [False, True])
def test_under_autocast_outputs_are_bfloat16_and_near_those_of_float32(unique: bool) -> None:
    gru = _gru().float()
    unique_inputs = UniqueInputs(torch.randint(7, (STEPS, TEXTS)), torch.randn(7, INPUTS))
    inputs = unique_inputs if unique else expand(unique_inputs)

    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        outputs = InferenceGRU(gru, inputs).run(inputs, torch.zeros(HIDDEN))
    with torch.no_grad():
        expected = InferenceGRU(gru, inputs).run(inputs, torch.zeros(HIDDEN))

    assert outputs.dtype == torch.bfloat16
    torch.testing.assert_close(outputs.float(), expected, rtol=0, atol=0.05)
    assert not torch.equal(outputs.float(), expected)


def test_in_bfloat16_outputs_are_about_as_exact_as_those_of_the_module() -> None:
    gru, x = nn.GRU(32, 32), 0.3 * torch.randn(40, 16, 32)
    with torch.no_grad():
        exact, _ = gru(x)
        with torch.autocast("cpu", torch.bfloat16):
            of_module, ours = gru(x)[0], InferenceGRU(gru, x).run(x, torch.zeros(32))

    def error(outputs: torch.Tensor) -> float:
        return float((outputs.float() - exact).square().mean().sqrt())

    assert 0 < error(ours) < 1.4 * error(of_module)


def test_on_other_devices_the_module_is_used(module_calls: list[int]) -> None:
    with torch.no_grad(), torch.device("meta"):
        _run(texts=64)
    assert module_calls == [64]
