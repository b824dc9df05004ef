"""The faster ways through a network compute what its plain forward computes."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from torch import nn

from tests.models.reference import STATES, Weights
from tests.models.small import (
    each_cell,
    each_depth,
    each_direction,
    each_network,
    padded_batch,
    random_texts,
    randomize,
    small_model,
)  # fmt: skip
from textrnn.models import threaded
from textrnn.models.encoder import Direction, RNNEncoder
from textrnn.models.threaded import (
    InferenceGRU,
    encode_for_inference,
    encode_in_threads,
    inference_logits,
    training_encode,
)  # fmt: skip

STEPS, TEXTS, INPUTS, HIDDEN = 20, 3, 4, 8
LENGTHS = torch.tensor([6, 1, 3, 2, 6, 5, 4])
each_core_count = pytest.mark.parametrize("cores", [2, 3, 4, 7])


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threaded, "_MIN_CHUNK_TEXTS", 2)


@pytest.fixture
def rnn_calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, int]]:
    """(thread, steps, texts) of each call of an RNN module, as they run."""
    calls: list[tuple[str, int, int]] = []
    original = Direction.outputs

    def recorded(self: Direction) -> torch.Tensor:
        calls.append((threading.current_thread().name, *self.inputs.shape[:2]))
        return original(self)

    monkeypatch.setattr(Direction, "outputs", recorded)
    return calls


def _encoder_and_inputs(cell: str, nonlinearity: str = "tanh", **options: object) -> tuple[RNNEncoder, torch.Tensor]:
    encoder = RNNEncoder(3, 4, cell=cell, nonlinearity=nonlinearity, num_layers=2, **options).double()
    return encoder, torch.randn(6, 7, 3, dtype=torch.float64, requires_grad=True)


def _gradients(outputs: torch.Tensor, *sources: torch.Tensor) -> list[torch.Tensor]:
    """Of a weighted sum of the outputs, by each source."""
    return list(torch.autograd.grad((outputs * torch.linspace(-1, 1, outputs.numel()).view_as(outputs)).sum(), sources))


def _assert_close(found: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-11)


# --- training


@each_cell
@each_direction
@each_core_count
@pytest.mark.usefixtures("small_chunks")
def test_outputs_and_gradients_are_those_of_the_plain_encoder(
    cell: str, nonlinearity: str, bidirectional: bool, cores: int, rnn_calls: list[tuple[str, int, int]]
) -> None:
    encoder, inputs = _encoder_and_inputs(cell, nonlinearity, bidirectional=bidirectional)
    expected = encoder(inputs, LENGTHS)
    rnn_calls.clear()

    found = encoder(inputs, LENGTHS, encode=encode_in_threads(cores))

    assert len(rnn_calls) >= 2 * 2  # two layers, at least two jobs each
    assert all(thread.startswith("textrnn") for thread, *_ in rnn_calls)
    _assert_close(found, expected)
    sources = inputs, *encoder.parameters()
    for one, other in zip(_gradients(found, *sources), _gradients(expected, *sources), strict=True):
        _assert_close(one, other)


@each_cell
@each_direction
@pytest.mark.parametrize("cores", [1, 2, 5])
def test_a_batch_with_much_padding_is_split_into_chunks_that_end_earlier(
    cell: str, nonlinearity: str, bidirectional: bool, cores: int, rnn_calls: list[tuple[str, int, int]]
) -> None:
    encoder, _ = _encoder_and_inputs(cell, nonlinearity, bidirectional=bidirectional)
    inputs = torch.randn(12, 70, 3, dtype=torch.float64, requires_grad=True)
    lengths = torch.randint(1, 13, (70,))
    expected = encoder(inputs, lengths)
    rnn_calls.clear()

    found = encoder(inputs, lengths, encode=encode_in_threads(cores))

    assert min(steps for _, steps, _ in rnn_calls) < 12
    _assert_close(found, expected)
    sources = inputs, *encoder.parameters()
    for one, other in zip(_gradients(found, *sources), _gradients(expected, *sources), strict=True):
        _assert_close(one, other)
    _assert_close(encoder(inputs.detach(), lengths, encode=encode_for_inference(cores)), expected.detach())


@pytest.mark.parametrize("lengths", [[9] * 36 + [4] * 4, [9, 1]], ids=["little padding", "few texts"])
def test_a_batch_with_little_padding_or_few_texts_is_not_split_so(
    lengths: list[int], rnn_calls: list[tuple[str, int, int]]
) -> None:
    RNNEncoder(3, 4)(torch.randn(9, len(lengths), 3), torch.tensor(lengths), encode=encode_in_threads(1))

    assert rnn_calls == [(threading.current_thread().name, 9, len(lengths))] * 2


@each_core_count
@pytest.mark.usefixtures("small_chunks")
def test_initial_states_get_their_gradients(cores: int) -> None:
    encoder, inputs = _encoder_and_inputs("gru", concat_directions=False)
    lengths = torch.tensor([6] * 7)
    h0 = [torch.randn(4, dtype=torch.float64, requires_grad=True) for _ in range(2)]

    expected = _gradients(torch.cat(encoder.direction_outputs(inputs, lengths, h0), -1), *h0)
    found = _gradients(torch.cat(encode_in_threads(cores)(encoder, inputs, lengths, h0), -1), *h0)

    for one, other in zip(found, expected, strict=True):
        _assert_close(one, other)
        assert one.abs().max() > 1e-3


@pytest.mark.usefixtures("small_chunks")
def test_only_what_requires_a_gradient_gets_one() -> None:
    encoder, inputs = _encoder_and_inputs("lstm")
    encode = encode_in_threads(4)

    encoder(inputs.detach(), LENGTHS, encode=encode).sum().backward()
    assert all(parameter.grad is not None for parameter in encoder.parameters())

    encoder.requires_grad_(False)
    assert not encoder(inputs.detach(), LENGTHS, encode=encode).requires_grad
    (gradient,) = _gradients(encoder(inputs, LENGTHS, encode=encode), inputs)
    assert gradient.abs().max() > 1e-3


@each_core_count
@pytest.mark.usefixtures("small_chunks")
def test_autocast_applies_in_the_threads(cores: int) -> None:
    encoder, inputs = _encoder_and_inputs("gru")
    encoder.float()
    exact = encoder(inputs.float(), LENGTHS)
    with torch.autocast("cpu", torch.bfloat16):
        expected = encoder(inputs.float(), LENGTHS)
        found = encoder(inputs.float(), LENGTHS, encode=encode_in_threads(cores))

    assert found.dtype == expected.dtype
    assert (found - expected).abs().max() < 0.2 * (exact - expected).abs().max()


def test_other_devices_are_given_the_plain_encoder() -> None:
    assert training_encode(torch.device("meta")) is RNNEncoder.direction_outputs
    assert training_encode(torch.device("cpu")) is not RNNEncoder.direction_outputs


@pytest.mark.usefixtures("small_chunks")
def test_second_derivatives_and_a_second_backward_pass_are_refused() -> None:
    encoder, inputs = _encoder_and_inputs("gru")

    total = encoder(inputs, LENGTHS, encode=encode_in_threads(4)).square().sum()
    (gradient,) = torch.autograd.grad(total, inputs, create_graph=True)

    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()
    with pytest.raises(RuntimeError, match="backward pass of a layer that was split among threads can run only once"):
        total.backward()


@pytest.mark.usefixtures("small_chunks")
def test_an_error_in_a_thread_is_raised() -> None:
    encoder, inputs = _encoder_and_inputs("gru")

    with pytest.raises(RuntimeError, match="must be equal"):
        encoder(inputs[..., :2], LENGTHS, encode=encode_in_threads(4))


def _chunks(
    rnn_calls: list[tuple[str, int, int]], texts: int, cores: int, lengths: list[int] | None = None
) -> list[tuple[int, int]]:
    """Steps and texts of each chunk, the smallest first."""
    rnn_calls.clear()
    all_lengths = torch.tensor(lengths or [9] * texts)
    RNNEncoder(2, 2, bidirectional=False)(torch.randn(9, texts, 2), all_lengths, encode=encode_in_threads(cores))
    return sorted(call[1:] for call in rnn_calls)


def test_there_is_a_chunk_for_each_core_unless_chunks_would_be_too_small(rnn_calls: list[tuple[str, int, int]]) -> None:
    assert _chunks(rnn_calls, 64, 1) == [(9, 64)]
    assert _chunks(rnn_calls, 64, 2) == [(9, 32), (9, 32)]
    assert _chunks(rnn_calls, 50, 8) == [(9, 16), (9, 17), (9, 17)]
    assert _chunks(rnn_calls, 5, 8) == [(9, 5)]


def test_a_chunk_ends_with_its_own_longest_text(rnn_calls: list[tuple[str, int, int]]) -> None:
    lengths = [9] * 10 + [8] * 20 + [2] * 20 + [1] * 14
    assert _chunks(rnn_calls, 64, 1, lengths) == [(2, 16), (2, 16), (8, 16), (9, 16)]
    assert _chunks(rnn_calls, 20, 4, [9] + [1] * 19) == [(9, 20)]


# --- inference


@each_network
@each_depth
@pytest.mark.parametrize("cores", [1, 2, 5])
def test_logits_for_inference_are_those_of_the_plain_forward(
    architecture: str, cores: int, cell: str, nonlinearity: str, num_layers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = small_model(architecture=architecture, cell=cell, nonlinearity=nonlinearity, num_layers=num_layers).double()
    batch = padded_batch(random_texts([*range(1, 30), 3, 3, 9, 28, 1, 12, 5, 4, 2, 1, 1]))  # is sorted by length
    monkeypatch.setattr(threaded, "_MIN_INFERENCE_GRU_TEXTS", 2)

    logits = inference_logits(model, *batch, cores=cores)

    assert logits.is_inference()
    _assert_close(logits, model(*batch).detach())


@pytest.mark.parametrize(("texts", "calls"), [(3, [3]), (64, [])])
def test_large_batches_do_not_use_the_module(
    texts: int, calls: list[int], rnn_calls: list[tuple[str, int, int]]
) -> None:
    encoder, lengths = RNNEncoder(INPUTS, HIDDEN, bidirectional=False), torch.full((texts,), STEPS)

    encoder(torch.randn(STEPS, texts, INPUTS), lengths, encode=encode_for_inference(1))

    assert [count for *_, count in rnn_calls] == calls


@each_core_count
@pytest.mark.usefixtures("small_chunks")
def test_inference_is_done_in_threads(cores: int, rnn_calls: list[tuple[str, int, int]]) -> None:
    encoder, inputs = _encoder_and_inputs("gru")

    assert encoder(inputs.detach(), LENGTHS, encode=encode_for_inference(cores)).shape == (6, 7, 8)

    assert len(rnn_calls) >= 4
    assert all(thread.startswith("textrnn") for thread, *_ in rnn_calls)


def _gru() -> nn.GRU:
    gru = nn.GRU(INPUTS, HIDDEN).double()
    randomize(gru)
    return gru


def _rows_and_vectors() -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randint(7, (STEPS, TEXTS)), torch.randn(7, INPUTS, dtype=torch.float64)


@torch.no_grad()
def test_the_inference_gru_follows_the_equations_and_leaves_the_module_as_it_was() -> None:
    gru = _gru()
    weights = Weights(*(parameter.clone().numpy() for parameter in gru.parameters()))
    x = torch.randn(STEPS, 1, INPUTS, dtype=torch.float64)

    outputs = InferenceGRU(gru)(x, torch.zeros(HIDDEN, dtype=torch.float64))

    np.testing.assert_allclose(outputs.squeeze(1).numpy(), STATES["gru"](weights, x.squeeze(1).numpy()), atol=1e-10)
    assert np.array_equal(gru.weight_hh_l0.numpy(), weights.w_hh) and np.array_equal(gru.bias_ih_l0, weights.b_ih)


@pytest.mark.parametrize("distinct", [False, True])
@torch.no_grad()
def test_outputs_are_those_of_the_module_for_any_initial_state_and_chunk(distinct: bool) -> None:
    gru, (rows, vectors) = _gru(), _rows_and_vectors()
    h0 = torch.randn(HIDDEN, dtype=torch.float64)
    expected, _ = gru(vectors[rows], h0.expand(1, TEXTS, -1).contiguous())

    inputs, run = rows if distinct else vectors[rows], InferenceGRU(gru, vectors if distinct else None)

    _assert_close(run(inputs, h0), expected)
    _assert_close(run(inputs[:5, 1:], h0), expected[:5, 1:])


@torch.no_grad()
def test_outputs_for_very_large_and_very_small_inputs_are_those_of_the_module() -> None:
    gru = _gru().float()
    x = torch.tensor([1e-30, 1e-3, 1.0, 1e3, 1e30]).repeat_interleave(4).view(-1, 1, 1) * torch.ones(1, 1, INPUTS)

    torch.testing.assert_close(InferenceGRU(gru)(x, torch.zeros(HIDDEN)), gru(x)[0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("distinct", [False, True])
@torch.no_grad()
def test_under_autocast_outputs_are_bfloat16_and_near_those_of_float32(distinct: bool) -> None:
    gru, (rows, vectors) = _gru().float(), _rows_and_vectors()
    inputs, vectors = (rows, vectors.float()) if distinct else (vectors[rows].float(), None)

    with torch.autocast("cpu", torch.bfloat16):
        outputs = InferenceGRU(gru, vectors)(inputs, torch.zeros(HIDDEN))
    expected = InferenceGRU(gru, vectors)(inputs, torch.zeros(HIDDEN))

    assert outputs.dtype == torch.bfloat16
    torch.testing.assert_close(outputs.float(), expected, rtol=0, atol=0.05)
    assert not torch.equal(outputs.float(), expected)


@torch.no_grad()
def test_in_bfloat16_outputs_are_about_as_exact_as_those_of_the_module() -> None:
    gru, x = nn.GRU(32, 32), 0.3 * torch.randn(40, 16, 32)
    exact, _ = gru(x)
    with torch.autocast("cpu", torch.bfloat16):
        of_module, ours = gru(x)[0], InferenceGRU(gru)(x, torch.zeros(32))

    def error(outputs: torch.Tensor) -> float:
        return float((outputs.float() - exact).square().mean().sqrt())

    assert 0 < error(ours) < 1.4 * error(of_module)
