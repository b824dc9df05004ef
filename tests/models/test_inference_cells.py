"""The cells for inference compute what the modules of torch compute."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.models.small import randomize
from textrnn.models.encoder import LSTM
from textrnn.models.inference_cells import InferenceGRU, InferenceLSTM

STEPS, TEXTS, INPUTS, HIDDEN = 20, 3, 4, 8
InferenceCell = type[InferenceGRU] | type[InferenceLSTM]
each_inference_cell = pytest.mark.parametrize(("module", "cell"), [(nn.GRU, InferenceGRU), (LSTM, InferenceLSTM)])


def _module(module: type[nn.RNNBase]) -> nn.RNNBase:
    rnn = module(INPUTS, HIDDEN).double()
    randomize(rnn)
    return rnn


@each_inference_cell
@pytest.mark.parametrize("initial", [0.0, 1.0])
@pytest.mark.parametrize("distinct", [False, True])
@torch.no_grad()
def test_outputs_are_those_of_the_module_for_any_initial_state_and_chunk(
    distinct: bool, initial: float, module: type[nn.RNNBase], cell: InferenceCell
) -> None:
    rnn, rows, vectors = _module(module), torch.randint(7, (STEPS, TEXTS)), torch.randn(7, INPUTS, dtype=torch.float64)
    h0 = initial * torch.randn(HIDDEN, dtype=torch.float64)
    expected, _ = rnn(vectors[rows], h0.expand(1, TEXTS, -1).contiguous())

    inputs, run = rows if distinct else vectors[rows], cell(rnn, vectors if distinct else None)

    torch.testing.assert_close(run(inputs, h0), expected, rtol=0, atol=1e-11)
    torch.testing.assert_close(run(inputs[:5, 1:], h0), expected[:5, 1:], rtol=0, atol=1e-11)
    assert torch.equal(rnn(vectors[rows], h0.expand(1, TEXTS, -1).contiguous())[0], expected)  # it is unchanged


@each_inference_cell
@torch.no_grad()
def test_outputs_for_very_large_and_very_small_inputs_are_those_of_the_module(
    module: type[nn.RNNBase], cell: InferenceCell
) -> None:
    rnn = _module(module).float()
    x = torch.tensor([1e-30, 1e-3, 1.0, 1e3, 1e30]).repeat_interleave(4).view(-1, 1, 1) * torch.ones(1, 1, INPUTS)

    torch.testing.assert_close(cell(rnn)(x, torch.zeros(HIDDEN)), rnn(x)[0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("distinct", [False, True])
@torch.no_grad()
def test_in_bfloat16_outputs_are_more_exact_than_those_of_the_module(distinct: bool) -> None:
    gru, rows, vectors = nn.GRU(32, 32), torch.randint(50, (40, 16)), 0.3 * torch.randn(50, 32)
    inputs, h0 = vectors[rows], torch.zeros(32)
    exact, _ = gru(inputs)
    with torch.autocast("cpu", torch.bfloat16):
        of_module = gru(inputs)[0]
        ours = InferenceGRU(gru, vectors)(rows, h0) if distinct else InferenceGRU(gru)(inputs, h0)

    def error(outputs: torch.Tensor) -> float:
        return float((outputs.float() - exact).square().mean().sqrt())

    assert 0 < error(ours) < 0.7 * error(of_module)  # as only products are rounded
