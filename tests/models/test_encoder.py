from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from tests.models.small import each_cell, each_depth, each_direction, randomize
from textrnn.models.encoder import GATES, RNNEncoder

INPUTS, HIDDEN = 3, 4
LENGTHS = torch.tensor([4, 1, 9, 6, 1])
STEPS = 9


# --- against torch's packed sequences


def _torch_twin(encoder: RNNEncoder, cell: str, nonlinearity: str) -> nn.RNNBase:
    """torch's own network of the same shape with the same weights."""
    options = {"num_layers": len(encoder.layers), "bidirectional": encoder.num_directions == 2}
    twin: nn.RNNBase
    if cell == "rnn":
        twin = nn.RNN(INPUTS, HIDDEN, nonlinearity=nonlinearity, **options)
    else:
        twin = {"gru": nn.GRU, "lstm": nn.LSTM}[cell](INPUTS, HIDDEN, **options)
    twin.to(encoder.layers[0][0].weight_ih_l0.dtype)
    with torch.no_grad():
        for name, ours in _named_as_in_torch(encoder).items():
            getattr(twin, name).copy_(ours)
    return twin


def _named_as_in_torch(encoder: RNNEncoder) -> dict[str, nn.Parameter]:
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
def test_states_and_gradients_are_those_of_torch_on_packed_sequences(
    cell: str, nonlinearity: str, num_layers: int, bidirectional: bool, dtype: torch.dtype, tolerance: float
) -> None:
    options = {"cell": cell, "nonlinearity": nonlinearity, "num_layers": num_layers, "bidirectional": bidirectional}
    encoder = RNNEncoder(INPUTS, HIDDEN, **options).to(dtype)
    randomize(encoder)
    twin = _torch_twin(encoder, cell, nonlinearity)
    inputs = torch.randn(STEPS, len(LENGTHS), INPUTS, dtype=dtype, requires_grad=True)
    same_inputs = inputs.detach().clone().requires_grad_()

    states = encoder(inputs, LENGTHS)
    packed = pack_padded_sequence(same_inputs, LENGTHS, enforce_sorted=False)
    expected, _ = pad_packed_sequence(twin(packed)[0], total_length=STEPS)
    upstream = torch.randn_like(expected)
    states.backward(upstream)
    expected.backward(upstream)

    def assert_close(actual: torch.Tensor, wanted: torch.Tensor) -> None:
        torch.testing.assert_close(actual, wanted, rtol=0, atol=tolerance * wanted.abs().max().item())

    assert_close(states, expected)
    assert_close(inputs.grad, same_inputs.grad)
    ours, theirs = _named_as_in_torch(encoder), dict(twin.named_parameters())
    assert ours.keys() == theirs.keys()
    for name in ours:
        assert_close(ours[name].grad, theirs[name].grad)


def test_states_at_padded_positions_are_zero() -> None:
    encoder = RNNEncoder(INPUTS, HIDDEN)
    randomize(encoder)

    states = encoder(torch.randn(STEPS, len(LENGTHS), INPUTS), LENGTHS)

    for text, length in enumerate(LENGTHS):
        assert states[:length, text].all()
        assert not states[length:, text].any()


@each_cell
def test_without_concat_directions_each_direction_is_a_stack_of_its_own(cell: str, nonlinearity: str) -> None:
    options = {"cell": cell, "nonlinearity": nonlinearity, "num_layers": 2, "concat_directions": False}
    encoder = RNNEncoder(INPUTS, HIDDEN, **options).double()
    randomize(encoder)
    inputs = torch.randn(6, 1, INPUTS, dtype=torch.float64)

    forward, backward = encoder(inputs, torch.tensor([6])).split(HIDDEN, dim=-1)

    first, second = ([layer[direction] for layer in encoder.layers] for direction in (0, 1))
    torch.testing.assert_close(forward, first[1](first[0](inputs)[0])[0])
    torch.testing.assert_close(backward, second[1](second[0](inputs.flip(0))[0])[0].flip(0))


# --- how weights begin


@each_cell
def test_the_recurrent_matrix_of_each_gate_begins_orthogonal(cell: str, nonlinearity: str) -> None:
    encoder = RNNEncoder(INPUTS, HIDDEN, cell=cell, nonlinearity=nonlinearity, num_layers=2)

    for rnn in (rnn for layer in encoder.layers for rnn in layer):
        gates = rnn.weight_hh_l0.split(HIDDEN)
        assert len(gates) == GATES[cell]
        for gate in gates:
            torch.testing.assert_close(gate @ gate.T, torch.eye(HIDDEN), rtol=0, atol=1e-5)


@each_cell
def test_the_input_matrix_of_each_gate_begins_within_the_bound_of_xavier(cell: str, nonlinearity: str) -> None:
    encoder = RNNEncoder(100, 50, cell=cell, nonlinearity=nonlinearity)

    for gate in encoder.layers[0][0].weight_ih_l0.split(50):
        bound = (6 / (100 + 50)) ** 0.5  # Glorot & Bengio 2010, equation 16: of one gate, not of the stacked gates
        assert 0.95 * bound < gate.abs().max() <= bound


@each_cell
def test_biases_begin_at_zero_but_the_forget_gate_of_the_lstm_at_one(cell: str, nonlinearity: str) -> None:
    encoder = RNNEncoder(INPUTS, 2, cell=cell, nonlinearity=nonlinearity, num_layers=2)

    for rnn in (rnn for layer in encoder.layers for rnn in layer):
        expected = [0, 0, 1, 1, 0, 0, 0, 0] if cell == "lstm" else [0] * 2 * GATES[cell]
        assert (rnn.bias_ih_l0 + rnn.bias_hh_l0).tolist() == expected


# --- dropout


@each_cell
def test_dropout_changes_nothing_with_one_layer(cell: str, nonlinearity: str) -> None:
    encoder = RNNEncoder(INPUTS, HIDDEN, cell=cell, nonlinearity=nonlinearity, dropout=0.9)
    inputs = torch.randn(STEPS, len(LENGTHS), INPUTS)

    assert torch.equal(encoder.train()(inputs, LENGTHS), encoder.eval()(inputs, LENGTHS))


@each_cell
def test_dropout_changes_the_states_of_two_layers_in_training_alone(cell: str, nonlinearity: str) -> None:
    encoder = RNNEncoder(INPUTS, HIDDEN, cell=cell, nonlinearity=nonlinearity, num_layers=2, dropout=0.5)
    without = RNNEncoder(INPUTS, HIDDEN, cell=cell, nonlinearity=nonlinearity, num_layers=2)
    without.load_state_dict(encoder.state_dict())
    inputs = torch.randn(STEPS, len(LENGTHS), INPUTS)

    expected = without(inputs, LENGTHS)

    assert torch.equal(encoder.eval()(inputs, LENGTHS), expected)
    assert not torch.allclose(encoder.train()(inputs, LENGTHS), expected)


@each_direction
@each_cell
def test_dropout_falls_on_what_a_layer_hands_up_and_never_on_what_it_hands_to_its_next_step(
    cell: str, nonlinearity: str, bidirectional: bool
) -> None:
    options = {"cell": cell, "nonlinearity": nonlinearity, "bidirectional": bidirectional}
    encoder = RNNEncoder(INPUTS, HIDDEN, num_layers=2, dropout=0.5, **options).train()
    seen: list[tuple[torch.Tensor, torch.Tensor]] = []
    encoder.dropout.register_forward_hook(lambda module, given, result: seen.append((given[0], result)))
    inputs = torch.randn(STEPS, len(LENGTHS), INPUTS)

    states = encoder(inputs, LENGTHS)

    [(handed_up, dropped)] = seen
    real = (torch.arange(STEPS).unsqueeze(1) < LENGTHS).unsqueeze(-1).expand_as(handed_up)
    first, second = (RNNEncoder(size, HIDDEN, **options) for size in (INPUTS, encoder.output_size))
    first.layers[0].load_state_dict(encoder.layers[0].state_dict())
    second.layers[0].load_state_dict(encoder.layers[1].state_dict())
    torch.testing.assert_close(handed_up[real], first(inputs, LENGTHS)[real])  # the first layer lost nothing
    torch.testing.assert_close(states, second(dropped, LENGTHS))  # and neither did the second one
    lost = dropped == 0
    assert 0.3 < lost[real & (handed_up != 0)].float().mean() < 0.7
    torch.testing.assert_close(dropped, torch.where(lost, 0, 2 * handed_up))  # 2 = 1 / (1 - dropout)


@pytest.mark.parametrize(("concat_directions", "calls"), [(True, 2), (False, 4)], ids=["concatenated", "separate"])
def test_dropout_is_applied_between_layers_to_each_input(concat_directions: bool, calls: int) -> None:
    encoder = RNNEncoder(INPUTS, HIDDEN, num_layers=3, dropout=0.5, concat_directions=concat_directions).train()
    seen: list[torch.Tensor] = []
    encoder.dropout.register_forward_hook(lambda module, given, result: seen.append(result))

    encoder(torch.randn(STEPS, len(LENGTHS), INPUTS), LENGTHS)

    assert len(seen) == calls


def test_a_cell_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="transformer"):
        RNNEncoder(INPUTS, HIDDEN, cell="transformer")
