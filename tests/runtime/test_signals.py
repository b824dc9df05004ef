from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from textrnn.runtime import signals
from textrnn.runtime.signals import Interrupted, StopRequest, cleanup, signals_held


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Numbers of the signals that would have ended the process at once."""
    numbers: list[int] = []
    monkeypatch.setattr(signals, "end_process", numbers.append)
    return numbers


def test_the_first_signal_is_remembered_and_the_second_ends_the_process(ended: list[int]) -> None:
    with StopRequest() as stop:
        stop.check()
        os.kill(os.getpid(), signal.SIGTERM)
        assert ended == []
        with pytest.raises(Interrupted) as raised:
            stop.check()
        os.kill(os.getpid(), signal.SIGINT)
    assert raised.value.exit_code == 143
    assert ended == [signal.SIGINT]


def test_a_signal_that_comes_twice_by_two_ways_is_one(ended: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(signals.time, "monotonic", lambda: now)
    with StopRequest(grace_seconds=3.0) as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        now += 2.9
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.signal_number and ended == []
        now += 0.1
        os.kill(os.getpid(), signal.SIGTERM)
    assert ended == [signal.SIGTERM]


def test_signals_wait_until_the_end_of_a_block_and_children_begin_with_them_blocked(
    ended: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signals.signal, "raise_signal", ended.append)
    with signals_held():
        os.kill(os.getpid(), signal.SIGINT)
        code = "import signal; print(sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])))"
        mask = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        assert ended == []
    assert ended == [signal.SIGINT]
    assert "SIGINT" in mask and "SIGTERM" in mask
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_a_cleanup_is_called_once_at_the_end_of_its_block() -> None:
    called = []
    with cleanup(lambda: called.append(1)):
        assert called == []
    assert called == [1]
    assert signals._cleanups == []


def test_a_cleanup_that_fails_is_not_called_again() -> None:
    def fail() -> None:
        raise OSError

    with pytest.raises(OSError), cleanup(fail):
        pass
    assert signals._cleanups == []


def test_a_signal_ends_the_process_while_multiprocessing_is_imported() -> None:
    code = (
        "import signal, sys, types\n"
        "from textrnn.runtime.signals import end_on_signals\n"
        "sys.modules['multiprocessing'] = sys.modules['tqdm'] = types.ModuleType('half imported')\n"
        "end_on_signals()\n"
        "signal.raise_signal(signal.SIGINT)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (130, "interrupted\n")


SCRIPT = """
import multiprocessing, os, signal, subprocess, sys, time
from textrnn.runtime.files import atomic_writer
from textrnn.runtime.signals import StopRequest, end_on_signals

number = getattr(signal, sys.argv[1])
end_on_signals()
worker = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(100,), daemon=True)
worker.start()
print(worker.pid)
with atomic_writer("out.txt") as stream:
    stream.write(b"half")
    stream.flush()
    try:
        if sys.argv[2] == "first":
            signal.raise_signal(number)
        else:
            with StopRequest():
                signal.raise_signal(number)
                signal.raise_signal(number)
    except BaseException:  # as libraries do
        pass
print("went on")
"""


@pytest.mark.parametrize("which", ["first", "second"])
@pytest.mark.parametrize(("name", "code", "said"), [("SIGINT", 130, "interrupted\n"), ("SIGTERM", 143, "")])
def test_a_signal_ends_the_process_wherever_it_is_and_leaves_nothing_behind(
    tmp_path: Path, name: str, code: int, said: str, which: str
) -> None:
    (tmp_path / "out.txt").write_text("before")
    result = subprocess.run([sys.executable, "-c", SCRIPT, name, which], capture_output=True, text=True, cwd=tmp_path)
    assert (result.returncode, result.stderr) == (code, said)
    (worker,) = result.stdout.split()  # what was in the buffer of stdout has been written
    assert not Path(f"/proc/{worker}").exists() or " Z " in Path(f"/proc/{worker}/stat").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.txt"]
    assert (tmp_path / "out.txt").read_text() == "before"


@pytest.mark.parametrize(("number", "notice"), [(signal.SIGINT, "\nsaving\n"), (signal.SIGTERM, "")])
def test_the_first_interrupt_is_acknowledged_at_once(
    capfd: pytest.CaptureFixture[str], number: int, notice: str
) -> None:
    with StopRequest(notice="saving") as stop:
        signal.raise_signal(number)
        assert (stop.signal_number, capfd.readouterr().err) == (number, notice)
