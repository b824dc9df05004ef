"""Splitting a layer among threads changes its speed and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
import torch
from torch import nn

from tests.models.small import each_cell, each_direction
from textrnn.models import threaded
from textrnn.models.encoder import RNNEncoder


@pytest.fixture(params=[2, 3, 4, 7])
def use_cores(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Once it is called, layers are split among this many cores, in chunks of at least 2 texts."""

    def begin() -> None:
        monkeypatch.setattr(threaded, "cores_to_share", lambda: request.param)
        monkeypatch.setattr(threaded, "MIN_CHUNK_TEXTS", 2)

    return begin


@pytest.fixture
def job_threads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The name of the thread of each forward and backward pass of a job, as they run."""
    names: list[str] = []
    for name in ("forward", "backward"):
        original = getattr(threaded._Job, name)

        def recorded(self: object, *args: object, original: Callable[..., None] = original) -> None:
            names.append(threading.current_thread().name)
            original(self, *args)

        monkeypatch.setattr(threaded._Job, name, recorded)
    return names


@pytest.fixture
def rnn_threads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The name of the thread of each call of an RNN module, as they run."""
    names: list[str] = []
    original = threaded._run_rnn

    def recorded(*args: object) -> torch.Tensor:
        names.append(threading.current_thread().name)
        return original(*args)

    monkeypatch.setattr(threaded, "_run_rnn", recorded)
    return names


def encoder_and_inputs(
    cell: str, nonlinearity: str, **options: object
) -> tuple[RNNEncoder, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    encoder = RNNEncoder(3, 4, cell=cell, nonlinearity=nonlinearity, num_layers=2, **options).double()
    return encoder, torch.randn(6, 7, 3, dtype=torch.float64, requires_grad=True), torch.tensor([6, 1, 3, 2, 6, 5, 4])


def gradients(outputs: torch.Tensor, *sources: torch.Tensor) -> list[torch.Tensor]:
    """Of a weighted sum of the outputs, by each source."""
    return list(torch.autograd.grad((outputs * torch.linspace(-1, 1, outputs.numel()).view_as(outputs)).sum(), sources))


@each_cell
@each_direction
def test_outputs_and_gradients_are_those_of_a_single_thread(
    cell: str, nonlinearity: str, bidirectional: bool, use_cores: Callable[[], None], job_threads: list[str]
) -> None:
    encoder, inputs, lengths = encoder_and_inputs(cell, nonlinearity, bidirectional=bidirectional)
    expected = encoder(inputs, lengths)
    expected_gradients = gradients(expected, inputs, *encoder.parameters())
    assert job_threads == []

    use_cores()
    found = encoder(inputs, lengths)

    assert torch.allclose(found, expected, rtol=0, atol=1e-12)
    for one, other in zip(gradients(found, inputs, *encoder.parameters()), expected_gradients, strict=True):
        assert torch.allclose(one, other, rtol=0, atol=1e-12)
    assert len(job_threads) >= 2 * 2 * 2  # two layers, two passes, at least two jobs each
    assert all(name.startswith("textrnn") for name in job_threads)
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            assert torch.allclose(encoder(inputs, lengths), expected, rtol=0, atol=1e-12)


@each_cell
@each_direction
@pytest.mark.parametrize("cores", [1, 2, 5])
def test_a_batch_with_much_padding_is_split_into_chunks_that_end_earlier(
    cell: str, nonlinearity: str, bidirectional: bool, cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder, _, _ = encoder_and_inputs(cell, nonlinearity, bidirectional=bidirectional)
    inputs = torch.randn(12, 70, 3, dtype=torch.float64, requires_grad=True)
    lengths = torch.randint(1, 13, (70,))
    with monkeypatch.context() as patch:
        patch.setattr("textrnn.models.encoder._SORT_ABOVE_PADDING", 1.0)
        expected = encoder(inputs, lengths)
    expected_gradients = gradients(expected, inputs, *encoder.parameters())
    steps = []
    original = threaded._run_rnn
    monkeypatch.setattr(
        threaded, "_run_rnn", lambda rnn, given, h0: steps.append(len(given)) or original(rnn, given, h0)
    )
    monkeypatch.setattr(threaded, "cores_to_share", lambda: cores)

    found = encoder(inputs, lengths)

    assert min(steps) < 12
    assert torch.allclose(found, expected, rtol=0, atol=1e-12)
    for one, other in zip(gradients(found, inputs, *encoder.parameters()), expected_gradients, strict=True):
        assert torch.allclose(one, other, rtol=0, atol=1e-11)
    with torch.inference_mode():
        assert torch.allclose(encoder(inputs, lengths), expected, rtol=0, atol=1e-12)


def test_initial_states_get_their_gradients(use_cores: Callable[[], None]) -> None:
    encoder, inputs, _ = encoder_and_inputs("gru", "tanh", concat_directions=False)
    lengths = torch.tensor([6] * 7)
    h0 = [torch.randn(4, dtype=torch.float64, requires_grad=True) for _ in range(2)]
    expected = gradients(torch.cat(encoder.direction_outputs(inputs, lengths, h0), -1), *h0)

    use_cores()
    found = gradients(torch.cat(encoder.direction_outputs(inputs, lengths, h0), -1), *h0)

    assert all(torch.allclose(one, other, rtol=0, atol=1e-12) for one, other in zip(found, expected, strict=True))
    assert all(one.abs().max() > 1e-3 for one in found)


def test_only_what_requires_a_gradient_gets_one(use_cores: Callable[[], None]) -> None:
    encoder, inputs, lengths = encoder_and_inputs("lstm", "tanh")
    use_cores()

    encoder(inputs.detach(), lengths).sum().backward()
    assert all(parameter.grad is not None for parameter in encoder.parameters())

    encoder.requires_grad_(False)
    assert not encoder(inputs.detach(), lengths).requires_grad
    (gradient,) = gradients(encoder(inputs, lengths), inputs)
    assert gradient.abs().max() > 1e-3


def test_autocast_applies_in_the_threads(use_cores: Callable[[], None]) -> None:
    encoder, inputs, lengths = encoder_and_inputs("gru", "tanh")
    encoder.float()
    exact = encoder(inputs.float(), lengths)
    with torch.autocast("cpu", torch.bfloat16):
        expected = encoder(inputs.float(), lengths)
        use_cores()
        found = encoder(inputs.float(), lengths)

    assert found.dtype == expected.dtype
    assert (found - expected).abs().max() < 0.2 * (exact - expected).abs().max()


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_without_gradients_the_work_is_done_in_threads_and_in_the_mode_of_the_caller(
    mode: Callable[[], AbstractContextManager], use_cores: Callable[[], None], rnn_threads: list[str]
) -> None:
    rnn = nn.GRU(3, 4)
    directions = [threaded.Direction(rnn, torch.randn(6, 7, 3), torch.zeros(4)) for _ in range(2)]
    use_cores()

    with mode():
        outputs = threaded.run_directions(directions)

    assert all(each.is_inference() is (mode is torch.inference_mode) for each in outputs)
    assert len(rnn_threads) >= 2
    assert all(name.startswith("textrnn") for name in rnn_threads)


@pytest.mark.parametrize("mode", [torch.enable_grad, torch.no_grad])
def test_a_single_direction_of_a_small_batch_is_computed_in_the_calling_thread(
    mode: Callable[[], AbstractContextManager], use_cores: Callable[[], None], rnn_threads: list[str]
) -> None:
    use_cores()

    with mode():
        threaded.run_directions([threaded.Direction(nn.GRU(3, 4), torch.randn(6, 3, 3), torch.zeros(4))])

    assert rnn_threads == [threading.current_thread().name]


def test_threads_are_for_the_cpu_only(use_cores: Callable[[], None], rnn_threads: list[str]) -> None:
    use_cores()

    with torch.device("meta"):
        RNNEncoder(3, 4)(torch.randn(6, 7, 3), torch.full((7,), 6)).sum().backward()

    assert rnn_threads == [threading.current_thread().name] * 2


def test_second_derivatives_are_refused(use_cores: Callable[[], None]) -> None:
    encoder, inputs, lengths = encoder_and_inputs("gru", "tanh")
    use_cores()

    (gradient,) = torch.autograd.grad(encoder(inputs, lengths).square().sum(), inputs, create_graph=True)

    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()


def test_a_second_backward_pass_is_refused(use_cores: Callable[[], None]) -> None:
    encoder, inputs, lengths = encoder_and_inputs("gru", "tanh")
    use_cores()
    total = encoder(inputs, lengths).sum()

    total.backward(retain_graph=True)

    with pytest.raises(RuntimeError, match="backward pass of a layer that was split among threads can run only once"):
        total.backward()


def test_an_error_in_a_thread_is_raised(use_cores: Callable[[], None]) -> None:
    encoder, inputs, lengths = encoder_and_inputs("gru", "tanh")
    use_cores()

    with pytest.raises(RuntimeError, match="must be equal"):
        encoder(inputs[..., :2], lengths)


# --- how a batch is split


def chunks_of(texts: int, cores: int, lengths: list[int] | None = None) -> list[tuple[int, int, int]]:
    chunks = threaded._split_batch(texts, 90, cores, None if lengths is None else torch.tensor(lengths))
    return [(chunk.texts.start, chunk.texts.stop, chunk.steps) for chunk in chunks]


def test_there_is_a_chunk_for_each_core_unless_chunks_would_be_too_small() -> None:
    assert chunks_of(64, 1) == [(0, 64, 90)]
    assert chunks_of(64, 2) == [(0, 32, 90), (32, 64, 90)]
    assert chunks_of(50, 8) == [(0, 16, 90), (16, 33, 90), (33, 50, 90)]
    assert chunks_of(5, 8) == [(0, 5, 90)]


def test_a_chunk_ends_with_its_own_longest_text() -> None:
    lengths = [90] * 10 + [80] * 20 + [20] * 20 + [7] * 14
    assert chunks_of(64, 1, lengths) == [(0, 16, 90), (16, 32, 80), (32, 48, 20), (48, 64, 20)]
    assert chunks_of(20, 4, [90] + [5] * 19) == [(0, 20, 90)]
