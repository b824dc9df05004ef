"""Ctrl-C and SIGTERM: end a process at once, stop it cleanly or delay the signal, and leave nothing unfinished."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from contextlib import contextmanager

TYPE_CHECKING = False  # the fewer imports, the sooner a program heeds signals
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType
    from typing import NoReturn

_NUMBERS = (signal.SIGINT, signal.SIGTERM)
_cleanups: list[Callable[[], object]] = []
_advice: list[str] = []


@contextmanager
def cleanup(action: Callable[[], object]) -> Iterator[None]:
    """Call `action` at the end of the block, or when a signal ends the process inside it. It must not fail if there is
    nothing to clean up."""
    _cleanups.append(action)
    try:
        yield
    finally:
        try:
            action()
        finally:
            _cleanups.remove(action)


def clean_up() -> None:
    """Do what the blocks of `cleanup` do at their ends, before the process is ended at once."""
    for action in reversed(_cleanups):
        with contextlib.suppress(Exception):
            action()


@contextmanager
def interrupt_advice(advice: str) -> Iterator[None]:
    """Print `advice` after "interrupted" if Ctrl-C ends the process inside the block. The innermost block decides."""
    _advice.append(advice)
    try:
        yield
    finally:
        _advice.pop()


def end_on_signals() -> None:
    """Let SIGINT and SIGTERM end the process at any point. They raise no exception, because libraries, and imports in
    particular, may swallow it."""
    for number in _NUMBERS:
        signal.signal(number, lambda number, frame: end_process(number))


def end_process(number: int) -> NoReturn:
    """End at once with 128 + the signal's number, after removing unfinished files, killing worker processes and
    writing the rows in the buffer of stdout."""
    try:
        for other in _NUMBERS:
            signal.signal(other, signal.SIG_IGN)
        with contextlib.suppress(Exception):  # modules may be imported partly or not at all
            for worker in sys.modules["multiprocessing"].active_children():
                worker.kill()
        clean_up()
        for other in _NUMBERS:  # the reader of stdout may never read on
            signal.signal(other, lambda number, frame: os._exit(128 + number))
        with contextlib.suppress(Exception):
            sys.stdout.flush()
        with contextlib.suppress(Exception):
            for bar in list(sys.modules["tqdm"].tqdm._instances):
                bar.close()
        if number == signal.SIGINT:
            print("; ".join(["interrupted", *_advice[-1:]]), file=sys.stderr, flush=True)
    finally:
        os._exit(128 + number)


@contextmanager
def signals_held() -> Iterator[None]:
    """Delay SIGINT and SIGTERM until the end of the block. Processes started inside it begin with both blocked."""
    import threading

    if threading.current_thread() is not threading.main_thread():
        yield  # Python runs handlers only in the main thread
        return
    received: list[int] = []
    handlers = {number: signal.signal(number, lambda number, frame: received.append(number)) for number in _NUMBERS}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _NUMBERS) if os.name == "posix" else None
    try:
        yield
    finally:
        if mask is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if received:
            signal.raise_signal(received[0])


class Interrupted(Exception):
    """A signal stopped the work, and everything that had to be saved has been saved."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal.Signals(signal_number).name)
        self.exit_code = 128 + signal_number


class StopRequest:
    """Inside the `with` block the first SIGINT or SIGTERM is only remembered; a second one ends the process.

    grace_seconds: a second signal within this time is ignored, because a job manager may signal every process and
    torchrun then passes the signal on again. notice: text written to stderr at the first SIGINT.
    """

    def __init__(self, *, grace_seconds: float = 0.0, notice: str = "") -> None:
        self.signal_number: int | None = None
        self._received_at = 0.0
        self._grace_seconds, self._notice = grace_seconds, notice

    def __enter__(self) -> StopRequest:
        self._before = {number: signal.signal(number, self._remember) for number in _NUMBERS}
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def check(self) -> None:
        """Raises Interrupted if a signal has come."""
        if self.signal_number is not None:
            raise Interrupted(self.signal_number)

    def _remember(self, number: int, frame: FrameType | None) -> None:
        if self.signal_number is None:
            self.signal_number, self._received_at = number, time.monotonic()
            if number == signal.SIGINT and self._notice:
                with contextlib.suppress(OSError):
                    os.write(2, f"\n{self._notice}\n".encode())  # print may have been interrupted
        elif time.monotonic() - self._received_at >= self._grace_seconds:
            end_process(number)
