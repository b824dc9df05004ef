from __future__ import annotations

import os
import signal

import pytest

from textrnn.runtime import signals
from textrnn.runtime.signals import Interrupted, StopRequest


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Exit codes with which the process would have ended at once."""
    codes: list[int] = []
    monkeypatch.setattr(signals.os, "_exit", codes.append)
    return codes


def test_the_first_signal_is_remembered_and_the_second_ends_the_process(ended: list[int]) -> None:
    with StopRequest() as stop:
        stop.check()
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop and ended == []
        with pytest.raises(Interrupted) as raised:
            stop.check()
        os.kill(os.getpid(), signal.SIGINT)
    assert raised.value.exit_code == 143
    assert ended == [130]


def test_a_signal_that_comes_twice_by_two_ways_is_one(ended: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(signals.time, "monotonic", lambda: now)
    with StopRequest(grace_seconds=3.0) as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        now += 2.9
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop and ended == []
        now += 0.1
        os.kill(os.getpid(), signal.SIGTERM)
    assert ended == [143]
