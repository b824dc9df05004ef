from __future__ import annotations

from dataclasses import astuple
from typing import get_args

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from tests.models.reference import GRADIENTS, STATES, Weights
from tests.models.small import each_cell, each_depth, each_direction, randomize
from textrnn.config import Cell
from textrnn.models.encoder import CELLS, RNNEncoder

INPUTS, HIDDEN = 3, 4
LENGTHS = torch.tensor([4, 1, 9, 6, 1])
STEPS = 9
GATES = {"rnn": 1, "lstm": 4, "gru": 3}


def _assert_close(actual: torch.Tensor, expected: torch.Tensor, tolerance: float = 1e-10) -> None:
    """tolerance: relative to the largest expected value."""
    torch.testing.assert_close(actual, expected, rtol=0, atol=tolerance * expected.abs().max().item())


# --- against torch's packed sequences


def _torch_module(encoder: RNNEncoder, cell: str, nonlinearity: str) -> nn.RNNBase:
    """torch's own module of the same shape with the same weights."""
    options = {"num_layers": len(encoder.layers), "bidirectional": encoder.num_directions == 2}
    if cell == "rnn":
        options["nonlinearity"] = nonlinearity
    reference = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[cell](INPUTS, HIDDEN, **options)
    reference.to(encoder.layers[0][0].weight_ih_l0.dtype)
    reference.load_state_dict(_parameters_by_torch_name(encoder))
    return reference


def _parameters_by_torch_name(encoder: RNNEncoder) -> dict[str, nn.Parameter]:
    return {
        f"{name.removesuffix('_l0')}_l{number}{'_reverse' if direction else ''}": parameter
        for number, layer in enumerate(encoder.layers)
        for direction, rnn in enumerate(layer)
        for name, parameter in rnn.named_parameters()
    }


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-5)], ids=["float64", "float32"]
)
@each_direction
@each_depth
@each_cell
def test_outputs_and_gradients_are_those_of_torch_on_packed_sequences(
    cell: str, nonlinearity: str, num_layers: int, bidirectional: bool, dtype: torch.dtype, tolerance: float
) -> None:
    options = {"cell": cell, "nonlinearity": nonlinearity, "num_layers": num_layers, "bidirectional": bidirectional}
    encoder = RNNEncoder(INPUTS, HIDDEN, **options).to(dtype)
    randomize(encoder)
    reference = _torch_module(encoder, cell, nonlinearity)
    inputs = torch.randn(STEPS, len(LENGTHS), INPUTS, dtype=dtype, requires_grad=True)
    same_inputs = inputs.detach().clone().requires_grad_()

    outputs = encoder(inputs, LENGTHS)
    packed = pack_padded_sequence(same_inputs, LENGTHS, enforce_sorted=False)
    expected, _ = pad_packed_sequence(reference(packed)[0], total_length=STEPS)
    upstream = torch.randn_like(expected)
    outputs.backward(upstream)
    expected.backward(upstream)

    _assert_close(outputs, expected, tolerance)
    _assert_close(inputs.grad, same_inputs.grad, tolerance)
    ours, theirs = _parameters_by_torch_name(encoder), dict(reference.named_parameters())
    assert ours.keys() == theirs.keys()
    for name in ours:
        _assert_close(ours[name].grad, theirs[name].grad, tolerance)


@each_cell
def test_without_concat_directions_each_direction_is_a_stack_of_its_own(cell: str, nonlinearity: str) -> None:
    options = {"cell": cell, "nonlinearity": nonlinearity, "num_layers": 2, "concat_directions": False}
    encoder = RNNEncoder(INPUTS, HIDDEN, **options).double()
    randomize(encoder)
    inputs = torch.randn(6, 1, INPUTS, dtype=torch.float64)

    forward, backward = encoder(inputs, torch.tensor([6])).split(HIDDEN, dim=-1)

    (forward_0, backward_0), (forward_1, backward_1) = encoder.layers
    torch.testing.assert_close(forward, forward_1(forward_0(inputs)[0])[0])
    torch.testing.assert_close(backward, backward_1(backward_0(inputs.flip(0))[0])[0].flip(0))


# --- against the equations of each cell in plain numpy


@pytest.mark.parametrize("loss_of", ["all outputs", "the last output"])
@each_cell
def test_outputs_and_gradients_follow_the_equations_of_the_cell(cell: str, nonlinearity: str, loss_of: str) -> None:
    steps, hidden = 20, 8
    encoder = RNNEncoder(INPUTS, hidden, cell=cell, nonlinearity=nonlinearity, bidirectional=False).double()
    randomize(encoder)
    parameters = [
        getattr(encoder.layers[0][0], f"{name}_l0") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    ]
    weights = Weights(*(parameter.detach().numpy() for parameter in parameters))
    name = f"rnn-{nonlinearity}" if cell == "rnn" else cell
    x = np.random.default_rng(0).normal(size=(steps, INPUTS))
    upstream = np.random.default_rng(1).normal(size=(steps, hidden))
    if loss_of == "the last output":
        upstream[:-1] = 0  # then the gradient at the first word has passed through all steps
    gradients = GRADIENTS[name](weights, x, upstream)

    inputs = torch.from_numpy(x).unsqueeze(1).requires_grad_()
    outputs = encoder(inputs, torch.tensor([steps])).squeeze(1)
    outputs.backward(torch.from_numpy(upstream))

    _assert_close(outputs, torch.from_numpy(STATES[name](weights, x)))
    for parameter, expected in zip(parameters, astuple(gradients), strict=True):
        _assert_close(parameter.grad, torch.from_numpy(expected))
    assert inputs.grad is not None
    for t in range(steps):  # each step by itself, as the early gradients are small compared with the late ones
        _assert_close(inputs.grad[t, 0], torch.from_numpy(gradients.x[t]))
    assert np.abs(gradients.x[0]).max() > 0


# --- initial weights


@each_cell
def test_the_recurrent_matrix_of_each_gate_is_initially_orthogonal(cell: str, nonlinearity: str) -> None:
    encoder = RNNEncoder(INPUTS, HIDDEN, cell=cell, nonlinearity=nonlinearity, num_layers=2)

    for rnn in (rnn for layer in encoder.layers for rnn in layer):
        gates = rnn.weight_hh_l0.split(HIDDEN)
        assert len(gates) == GATES[cell]
        for gate in gates:
            torch.testing.assert_close(gate @ gate.T, torch.eye(HIDDEN), rtol=0, atol=1e-5)


@each_cell
def test_the_input_matrix_of_each_gate_is_initially_within_the_xavier_bound(cell: str, nonlinearity: str) -> None:
    encoder = RNNEncoder(100, 50, cell=cell, nonlinearity=nonlinearity)

    for gate in encoder.layers[0][0].weight_ih_l0.split(50):
        bound = (6 / (100 + 50)) ** 0.5  # Glorot & Bengio 2010, equation 16, for one gate and not for all stacked
        assert 0.95 * bound < gate.abs().max() <= bound


@each_cell
def test_biases_are_initially_zero_except_for_the_forget_gate_of_the_lstm(cell: str, nonlinearity: str) -> None:
    encoder = RNNEncoder(INPUTS, 2, cell=cell, nonlinearity=nonlinearity, num_layers=2)

    for rnn in (rnn for layer in encoder.layers for rnn in layer):
        expected = [0, 0, 1, 1, 0, 0, 0, 0] if cell == "lstm" else [0] * 2 * GATES[cell]
        assert (rnn.bias_ih_l0 + rnn.bias_hh_l0).tolist() == expected


# --- dropout


@each_direction
@each_cell
def test_dropout_is_applied_to_the_input_of_the_next_layer_and_not_to_recurrent_states(
    cell: str, nonlinearity: str, bidirectional: bool
) -> None:
    options = {"cell": cell, "nonlinearity": nonlinearity, "bidirectional": bidirectional}
    encoder = RNNEncoder(INPUTS, HIDDEN, num_layers=2, dropout=0.5, **options).train()
    seen: list[tuple[torch.Tensor, torch.Tensor]] = []
    encoder.dropout.register_forward_hook(lambda module, given, result: seen.append((given[0], result)))
    inputs = torch.randn(STEPS, len(LENGTHS), INPUTS)

    outputs = encoder(inputs, LENGTHS)

    [(before, after)] = seen
    real = (torch.arange(STEPS).unsqueeze(1) < LENGTHS).unsqueeze(-1).expand_as(before)
    first, second = (RNNEncoder(size, HIDDEN, **options) for size in (INPUTS, encoder.output_size))
    first.layers[0].load_state_dict(encoder.layers[0].state_dict())
    second.layers[0].load_state_dict(encoder.layers[1].state_dict())
    # The layers by themselves, which have no dropout, compute the same: so there is none inside of them.
    torch.testing.assert_close(before[real], first(inputs, LENGTHS)[real])
    torch.testing.assert_close(outputs, second(after, LENGTHS))
    dropped = after == 0
    assert 0.3 < dropped[real & (before != 0)].float().mean() < 0.7
    torch.testing.assert_close(after, torch.where(dropped, 0, 2 * before))  # 2 = 1 / (1 - dropout)


@pytest.mark.parametrize(("num_layers", "concat_directions", "calls"), [(1, True, 0), (3, True, 2), (3, False, 4)])
def test_dropout_is_applied_between_layers_to_each_input(num_layers: int, concat_directions: bool, calls: int) -> None:
    encoder = RNNEncoder(INPUTS, HIDDEN, num_layers=num_layers, dropout=0.5, concat_directions=concat_directions)
    seen: list[torch.Tensor] = []
    encoder.dropout.register_forward_hook(lambda module, given, result: seen.append(result))

    encoder(torch.randn(STEPS, len(LENGTHS), INPUTS), LENGTHS)

    assert len(seen) == calls


def test_an_unknown_cell_is_refused() -> None:
    with pytest.raises(ValueError, match="transformer"):
        RNNEncoder(INPUTS, HIDDEN, cell="transformer")


def test_the_config_names_all_cells() -> None:
    assert list(get_args(Cell)) == list(CELLS)
