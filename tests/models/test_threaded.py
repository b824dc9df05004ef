"""The faster ways through a network compute what its plain forward computes."""

from __future__ import annotations

import threading

import pytest
import torch

from tests.models.small import (
    VOCAB_SIZE,
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
from textrnn.models.embedding import NgramEmbedding
from textrnn.models.encoder import Direction, RNNEncoder
from textrnn.models.threaded import (
    encode_for_inference,
    encode_in_threads,
    inference_logits,
    training_encode,
)  # fmt: skip

Call = tuple[str, int, int]  # the thread, steps and texts of a call of an RNN module
STEPS, INPUTS, HIDDEN = 20, 4, 8
LENGTHS = torch.tensor([6, 1, 3, 2, 6, 5, 4])
each_core_count = pytest.mark.parametrize("cores", [2, 3, 4, 7])


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threaded, "_MIN_CHUNK_TEXTS", 2)


@pytest.fixture
def rnn_calls(monkeypatch: pytest.MonkeyPatch) -> list[Call]:
    calls: list[Call] = []
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


def _assert_close(actual: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-11)


def _assert_close_with_gradients(actual: torch.Tensor, expected: torch.Tensor, *sources: torch.Tensor) -> None:
    _assert_close(actual, expected)
    for gradient, of_expected in zip(_gradients(actual, *sources), _gradients(expected, *sources), strict=True):
        _assert_close(gradient, of_expected)
        assert gradient.abs().max() > 1e-3


# --- training


@each_cell
@each_direction
@each_core_count
@pytest.mark.usefixtures("small_chunks")
def test_outputs_and_gradients_are_those_of_the_plain_encoder(
    cell: str, nonlinearity: str, bidirectional: bool, cores: int, rnn_calls: list[Call]
) -> None:
    encoder, inputs = _encoder_and_inputs(cell, nonlinearity, bidirectional=bidirectional)
    expected = encoder(inputs, LENGTHS)
    rnn_calls.clear()

    outputs = encoder(inputs, LENGTHS, encode=encode_in_threads(cores))

    assert len(rnn_calls) >= 2 * 2  # two layers, at least two jobs each
    assert all(thread.startswith("textrnn") for thread, *_ in rnn_calls)
    _assert_close_with_gradients(outputs, expected, inputs, *encoder.parameters())


@each_cell
@each_direction
@pytest.mark.parametrize("cores", [1, 2, 5])
def test_a_batch_with_much_padding_is_split_into_chunks_that_end_earlier(
    cell: str, nonlinearity: str, bidirectional: bool, cores: int, rnn_calls: list[Call]
) -> None:
    encoder, _ = _encoder_and_inputs(cell, nonlinearity, bidirectional=bidirectional)
    inputs = torch.randn(12, 70, 3, dtype=torch.float64, requires_grad=True)
    lengths = torch.randint(1, 13, (70,))
    expected = encoder(inputs, lengths)
    rnn_calls.clear()

    outputs = encoder(inputs, lengths, encode=encode_in_threads(cores))

    assert min(steps for _, steps, _ in rnn_calls) < 12
    _assert_close_with_gradients(outputs, expected, inputs, *encoder.parameters())
    _assert_close(encoder(inputs.detach(), lengths, encode=encode_for_inference(cores)), expected.detach())


@each_core_count
@pytest.mark.usefixtures("small_chunks")
def test_initial_states_get_their_gradients(cores: int) -> None:
    encoder, inputs = _encoder_and_inputs("gru", concat_directions=False)
    lengths = torch.tensor([6] * 7)
    h0 = [torch.randn(4, dtype=torch.float64, requires_grad=True) for _ in range(2)]

    outputs = encode_in_threads(cores)(encoder, inputs, lengths, h0)
    expected = encoder.direction_outputs(inputs, lengths, h0)

    _assert_close_with_gradients(torch.cat(outputs, -1), torch.cat(expected, -1), *h0)


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


def _chunks(rnn_calls: list[Call], cores: int, lengths: list[int]) -> list[tuple[int, int]]:
    """Steps and texts of each chunk, the smallest first."""
    rnn_calls.clear()
    encoder, inputs = RNNEncoder(2, 2, bidirectional=False), torch.randn(9, len(lengths), 2)
    encoder(inputs, torch.tensor(lengths), encode=encode_in_threads(cores))
    return sorted(call[1:] for call in rnn_calls)


def test_there_is_a_chunk_for_each_core_unless_chunks_would_be_too_small(rnn_calls: list[Call]) -> None:
    assert _chunks(rnn_calls, 1, [9] * 64) == [(9, 64)]
    assert rnn_calls[0][0] == threading.current_thread().name
    assert _chunks(rnn_calls, 2, [9] * 64) == [(9, 32), (9, 32)]
    assert _chunks(rnn_calls, 8, [9] * 50) == [(9, 16), (9, 17), (9, 17)]
    assert _chunks(rnn_calls, 8, [9] * 5) == [(9, 5)]


def test_a_chunk_ends_with_its_own_longest_text_if_there_is_much_padding(rnn_calls: list[Call]) -> None:
    lengths = [9] * 10 + [8] * 20 + [2] * 20 + [1] * 14
    assert _chunks(rnn_calls, 1, lengths) == [(2, 16), (2, 16), (8, 16), (9, 16)]
    assert _chunks(rnn_calls, 4, [9] + [1] * 19) == [(9, 20)]
    assert _chunks(rnn_calls, 1, [9] * 36 + [4] * 4) == [(9, 40)]


# --- inference


@each_network
@each_depth
@pytest.mark.parametrize("cores", [1, 2, 5])
def test_logits_for_inference_are_those_of_the_plain_forward(
    architecture: str, cores: int, cell: str, nonlinearity: str, num_layers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = small_model(architecture=architecture, cell=cell, nonlinearity=nonlinearity, num_layers=num_layers).double()
    batch = padded_batch(random_texts([*range(1, 30), 3, 3, 9, 28, 1, 12, 5, 4, 2, 1, 1]))  # is sorted by length
    monkeypatch.setattr(threaded, "_MIN_INFERENCE_TEXTS", dict.fromkeys(threaded._MIN_INFERENCE_TEXTS, 2))

    for batch_size in (7, 100):
        (logits,) = inference_logits([model], *batch, batch_size=batch_size, cores=cores)

        assert logits.is_inference()
        _assert_close(logits, model(*batch).detach())


@pytest.mark.parametrize("share_ngrams", [False, True])
def test_logits_of_several_networks_are_those_of_each(share_ngrams: bool) -> None:
    models = [small_model(ngrams=2).double() for _ in range(2)]
    for number, model in enumerate(models):
        randomize(model, seed=number)
        keys = torch.arange(20, 400, 3 if share_ngrams else 3 + number)
        model.embedding.ngrams = NgramEmbedding([keys], VOCAB_SIZE, 4).double()
        randomize(model.embedding.ngrams.table, seed=number)
    batch = padded_batch(random_texts([*range(1, 30)]))

    logits = inference_logits(models, *batch, batch_size=10, cores=1)

    assert (logits[0] - logits[1]).abs().max() > 0.1
    for found, model in zip(logits, models, strict=True):
        _assert_close(found, model(*batch).detach())


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize(("texts", "calls"), [(3, [3]), (64, [])])
def test_large_batches_do_not_use_the_module(cell: str, texts: int, calls: list[int], rnn_calls: list[Call]) -> None:
    encoder, lengths = RNNEncoder(INPUTS, HIDDEN, cell=cell, bidirectional=False), torch.full((texts,), STEPS)

    encoder(torch.randn(STEPS, texts, INPUTS), lengths, encode=encode_for_inference(1))

    assert [count for *_, count in rnn_calls] == calls


@pytest.mark.usefixtures("small_chunks")
def test_inference_is_done_in_threads(rnn_calls: list[Call]) -> None:
    encoder, inputs = _encoder_and_inputs("gru")

    encoder(inputs.detach(), LENGTHS, encode=encode_for_inference(4))

    assert len(rnn_calls) >= 2 * 2
    assert all(thread.startswith("textrnn") for thread, *_ in rnn_calls)
