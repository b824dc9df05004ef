from __future__ import annotations

import pytest
import torch

import textrnn.runtime.device as device_module
from textrnn.runtime.device import choose_device, cores_to_share, tf32, training_precision

SPIN, POLICY = "GOMP_SPINCOUNT", "OMP_WAIT_POLICY"


@pytest.mark.parametrize(
    ("name", "value", "cores"),
    [
        (SPIN, None, 1), (SPIN, "0", 4), (SPIN, "1000", 4), (SPIN, "1001", 1), (SPIN, "100000", 1),
        (SPIN, "infinite", 1), (SPIN, "²", 1), (SPIN, "9" * 10_000, 1), (POLICY, "PASSIVE", 4), (POLICY, "active", 1),
    ],
)  # fmt: skip
def test_several_cores_are_used_only_if_waiting_threads_soon_sleep(
    name: str, value: str | None, cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(SPIN, raising=False)
    monkeypatch.delenv(POLICY, raising=False)
    if value is not None:
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    assert cores_to_share() == cores


CPU, GPU = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize(
    ("asked", "device", "machine", "units", "cell", "hidden_size", "expected"),
    [
        ("auto", CPU, "x86_64", True, "lstm", 64, "bfloat16"),
        ("auto", CPU, "AMD64", True, "lstm", 256, "bfloat16"),
        ("auto", CPU, "x86_64", True, "lstm", 63, "float32"),
        ("auto", CPU, "x86_64", True, "gru", 96, "float32"),
        ("auto", CPU, "x86_64", True, None, 96, "float32"),
        ("auto", CPU, "x86_64", False, "lstm", 96, "float32"),
        ("auto", CPU, "aarch64", True, "lstm", 96, "float32"),
        ("auto", GPU, "x86_64", True, "lstm", 96, "float32"),
        ("float32", CPU, "x86_64", True, "lstm", 96, "float32"),
        ("bfloat16", CPU, "x86_64", False, "gru", 8, "bfloat16"),
    ],
)
def test_training_is_in_bfloat16_where_it_is_faster_or_asked_for(
    asked: str, device: torch.device, machine: str, units: bool, cell: str | None, hidden_size: int, expected: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(device_module, "has_bfloat16_units", lambda _: units)
    monkeypatch.setattr(device_module.platform, "machine", lambda: machine)
    assert training_precision(asked, device, cell=cell, hidden_size=hidden_size) == expected


def tf32_setting() -> tuple[bool, bool]:
    return torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32


def test_choosing_a_gpu_changes_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    before = tf32_setting()
    assert choose_device("cuda") == GPU
    assert tf32_setting() == before


def test_tf32_is_set_while_a_block_runs_and_then_as_before() -> None:
    before = tf32_setting()
    with tf32(GPU, True):
        with tf32(GPU, False):
            assert tf32_setting() == (False, False)
        assert tf32_setting() == (True, True)
        with tf32(torch.device("cpu"), False):
            assert tf32_setting() == (True, True)
    assert tf32_setting() == before


def test_tf32_is_as_before_when_overlapping_blocks_have_ended_in_any_order() -> None:
    before = tf32_setting()
    first, second = tf32(GPU, True), tf32(GPU, False)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert tf32_setting() == (False, False)
    second.__exit__(None, None, None)
    assert tf32_setting() == before
