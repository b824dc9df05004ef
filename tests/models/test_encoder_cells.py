"""Each cell of the encoder against its equations and against backpropagation through time in plain numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.models.reference import GRADIENTS, STATES, Weights
from tests.models.small import each_cell, randomize
from textrnn.models.encoder import RNNEncoder

INPUTS, HIDDEN, STEPS = 3, 8, 20


def _layer(cell: str, nonlinearity: str) -> tuple[RNNEncoder, Weights, str]:
    """A unidirectional layer in float64, its weights as numpy arrays, and the name of the cell in `reference`."""
    encoder = RNNEncoder(INPUTS, HIDDEN, cell=cell, nonlinearity=nonlinearity, bidirectional=False).double()
    randomize(encoder)
    rnn = encoder.layers[0][0]
    parameters = [rnn.weight_ih_l0, rnn.weight_hh_l0, rnn.bias_ih_l0, rnn.bias_hh_l0]
    weights = Weights(*(parameter.detach().numpy() for parameter in parameters))
    return encoder, weights, f"rnn-{nonlinearity}" if cell == "rnn" else cell


def _assert_close(actual: torch.Tensor | None, expected: np.ndarray) -> None:
    """Equal up to 1e-10 of the largest expected value."""
    assert actual is not None
    np.testing.assert_allclose(actual.detach().numpy(), expected, rtol=0, atol=1e-10 * np.abs(expected).max())


@pytest.mark.parametrize("loss_of", ["all outputs", "the last output"])
@each_cell
def test_outputs_and_gradients_follow_the_equations_of_the_cell(cell: str, nonlinearity: str, loss_of: str) -> None:
    encoder, weights, name = _layer(cell, nonlinearity)
    x = np.random.default_rng(0).normal(size=(STEPS, INPUTS))
    upstream = np.random.default_rng(1).normal(size=(STEPS, HIDDEN))
    if loss_of == "the last output":
        upstream[:-1] = 0  # then the gradient at the first word has passed through all steps
    expected = GRADIENTS[name](weights, x, upstream)

    inputs = torch.from_numpy(x).unsqueeze(1).requires_grad_()
    outputs = encoder(inputs, torch.tensor([STEPS])).squeeze(1)
    outputs.backward(torch.from_numpy(upstream))

    _assert_close(outputs, STATES[name](weights, x))

    rnn = encoder.layers[0][0]
    _assert_close(rnn.weight_ih_l0.grad, expected.w_ih)
    _assert_close(rnn.weight_hh_l0.grad, expected.w_hh)
    _assert_close(rnn.bias_ih_l0.grad, expected.b_ih)
    _assert_close(rnn.bias_hh_l0.grad, expected.b_hh)
    assert inputs.grad is not None
    for t in range(STEPS):  # each step by itself, as the early gradients are small compared with the late ones
        _assert_close(inputs.grad[t, 0], expected.x[t])
    assert np.abs(expected.x[0]).max() > 0
