"""Sharing a layer out to threads changes nothing but its speed."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
import torch

from tests.models.small import each_cell, each_direction
from textrnn.models import threaded
from textrnn.models.encoder import RNNEncoder


@pytest.fixture(params=[2, 3, 4, 7])
def share(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From its call on layers are shared out, as on so many cores."""

    def begin() -> None:
        torch.set_num_threads(request.param)  # set back by this folder's fixture
        monkeypatch.setattr(threaded, "cores_to_share", lambda: request.param)
        monkeypatch.setattr(threaded, "FEWEST_TEXTS", 2)

    return begin


def encoder_and_input(cell: str, nonlinearity: str, **options: object) -> tuple[RNNEncoder, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    encoder = RNNEncoder(3, 4, cell=cell, nonlinearity=nonlinearity, num_layers=2, **options).double()
    return encoder, torch.randn(6, 7, 3, dtype=torch.float64, requires_grad=True), torch.tensor([6, 1, 3, 2, 6, 5, 4])


def gradients(output: torch.Tensor, *sources: torch.Tensor) -> list[torch.Tensor]:
    return list(torch.autograd.grad((output * torch.linspace(-1, 1, output.numel()).view_as(output)).sum(), sources))


@each_cell
@each_direction
def test_states_and_gradients_are_those_of_one_after_the_other(
    cell: str, nonlinearity: str, bidirectional: bool, share: Callable[[], None]
) -> None:
    encoder, inputs, lengths = encoder_and_input(cell, nonlinearity, bidirectional=bidirectional)
    expected = encoder(inputs, lengths)
    expected_gradients = gradients(expected, inputs, *encoder.parameters())
    share()
    found = encoder(inputs, lengths)
    assert torch.allclose(found, expected, rtol=0, atol=1e-12)
    for one, other in zip(gradients(found, inputs, *encoder.parameters()), expected_gradients, strict=True):
        assert torch.allclose(one, other, rtol=0, atol=1e-12)
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            assert torch.allclose(encoder(inputs, lengths), expected, rtol=0, atol=1e-12)


@each_cell
@each_direction
@pytest.mark.parametrize("cores", [1, 2, 5])
def test_texts_of_very_different_length_are_read_in_parts(
    cell: str, nonlinearity: str, bidirectional: bool, cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder, _, _ = encoder_and_input(cell, nonlinearity, bidirectional=bidirectional)
    inputs = torch.randn(12, 70, 3, dtype=torch.float64, requires_grad=True)
    lengths = torch.randint(1, 13, (70,))
    with monkeypatch.context() as patch:
        patch.setattr("textrnn.models.encoder._MUCH_PADDING", 1.0)
        expected = encoder(inputs, lengths)
    expected_gradients = gradients(expected, inputs, *encoder.parameters())
    steps = []
    original = threaded._read
    monkeypatch.setattr(
        threaded, "_read", lambda rnn, given, *others: steps.append(len(given)) or original(rnn, given, *others)
    )
    monkeypatch.setattr(threaded, "cores_to_share", lambda: cores)
    found = encoder(inputs, lengths)
    assert min(steps) < 12  # or nothing was gained
    assert torch.allclose(found, expected, rtol=0, atol=1e-12)
    for one, other in zip(gradients(found, inputs, *encoder.parameters()), expected_gradients, strict=True):
        assert torch.allclose(one, other, rtol=0, atol=1e-11)
    with torch.inference_mode():
        assert torch.allclose(encoder(inputs, lengths), expected, rtol=0, atol=1e-12)


def test_states_to_begin_from_get_their_gradients(share: Callable[[], None]) -> None:
    encoder, inputs, _ = encoder_and_input("gru", "tanh", joined=False)
    lengths = torch.tensor([6] * 7)
    starts = [torch.randn(4, dtype=torch.float64, requires_grad=True) for _ in range(2)]
    expected = gradients(torch.cat(encoder.readings(inputs, lengths, starts), -1), *starts)
    share()
    found = gradients(torch.cat(encoder.readings(inputs, lengths, starts), -1), *starts)
    assert all(torch.allclose(one, other, rtol=0, atol=1e-12) for one, other in zip(found, expected, strict=True))
    assert all(one.abs().max() > 1e-3 for one in found)


def test_what_needs_no_gradient_gets_none(share: Callable[[], None]) -> None:
    encoder, inputs, lengths = encoder_and_input("lstm", "tanh")
    share()
    encoder(inputs.detach(), lengths).sum().backward()
    assert all(parameter.grad is not None for parameter in encoder.parameters())
    encoder.requires_grad_(False)
    assert not encoder(inputs.detach(), lengths).requires_grad
    (gradient,) = gradients(encoder(inputs, lengths), inputs)
    assert gradient.abs().max() > 1e-3


def test_autocast_holds_in_the_threads(share: Callable[[], None]) -> None:
    encoder, inputs, lengths = encoder_and_input("gru", "tanh")
    encoder.float()
    exact = encoder(inputs.float(), lengths)
    with torch.autocast("cpu", torch.bfloat16):
        expected = encoder(inputs.float(), lengths)
        share()
        found = encoder(inputs.float(), lengths)
    assert found.dtype == expected.dtype
    assert (found - expected).abs().max() < 0.2 * (exact - expected).abs().max()


def parts_of(texts: int, cores: int, lengths: list[int] | None = None) -> list[tuple[int, int, int]]:
    parts = threaded._parts(texts, 90, cores, None if lengths is None else torch.tensor(lengths))
    return [(part.texts.start, part.texts.stop, part.steps) for part in parts]


def test_every_core_has_work_and_no_part_is_thin() -> None:
    assert parts_of(64, 1) == [(0, 64, 90)]
    assert parts_of(64, 2) == [(0, 32, 90), (32, 64, 90)]
    assert parts_of(50, 8) == [(0, 16, 90), (16, 33, 90), (33, 50, 90)]
    assert parts_of(5, 8) == [(0, 5, 90)]


def test_a_part_is_read_as_far_as_its_own_longest_text() -> None:
    lengths = [90] * 10 + [80] * 20 + [20] * 20 + [7] * 14
    assert parts_of(64, 1, lengths) == [(0, 16, 90), (16, 32, 80), (32, 48, 20), (48, 64, 20)]
    assert parts_of(20, 4, [90] + [5] * 19) == [(0, 20, 90)]


@pytest.mark.parametrize(
    ("settings", "shared"),
    [
        ({}, False),
        ({"GOMP_SPINCOUNT": "1000"}, True),
        ({"GOMP_SPINCOUNT": "100000"}, False),
        ({"GOMP_SPINCOUNT": "infinite"}, False),
        ({"OMP_WAIT_POLICY": "PASSIVE"}, True),
        ({"OMP_WAIT_POLICY": "active"}, False),
    ],
)
def test_cores_are_shared_only_where_waiting_threads_sleep(
    settings: dict[str, str], shared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    assert threaded.cores_to_share() == (4 if shared else 1)


def test_each_worker_has_one_thread_and_the_caller_keeps_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(3)
    monkeypatch.setattr(threaded, "cores_to_share", lambda: 3)
    assert threaded._together([torch.get_num_threads] * 4, torch.no_grad) == [1] * 4
    assert torch.get_num_threads() == 3


def test_jobs_run_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(2)
    monkeypatch.setattr(threaded, "cores_to_share", lambda: 2)
    both = threading.Barrier(2, timeout=60)
    assert sorted(threaded._together([both.wait] * 2, torch.no_grad)) == [0, 1]


def test_going_back_twice_is_an_error_that_says_so(share: Callable[[], None]) -> None:
    encoder, inputs, lengths = encoder_and_input("gru", "tanh")
    share()
    total = encoder(inputs, lengths).sum()
    total.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="only once"):
        total.backward()


def test_a_failure_in_a_thread_reaches_the_caller(share: Callable[[], None]) -> None:
    encoder, inputs, lengths = encoder_and_input("gru", "tanh")
    share()
    with pytest.raises(RuntimeError, match="must be equal"):
        encoder(inputs[..., :2], lengths)
