"""Ctrl-C and SIGTERM: the first one asks for a clean stop, a second one ends the process at once."""

from __future__ import annotations

import os
import signal
import time
from types import FrameType, TracebackType


class Interrupted(Exception):
    """Work was stopped by a signal, and what had to be saved has been saved."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal.Signals(signal_number).name)
        self.exit_code = 128 + signal_number


class StopRequest:
    """Inside the `with` block the first SIGINT or SIGTERM is only remembered; a second one ends the process.

    grace_seconds: a second signal this soon after the first is ignored: a job manager may signal every process, and
    torchrun, itself signalled, passes it on once more.
    """

    def __init__(self, *, grace_seconds: float = 0.0) -> None:
        self.signal_number: int | None = None
        self._came_at = 0.0
        self._grace_seconds = grace_seconds
        self._before: dict[int, object] = {}

    def __enter__(self) -> StopRequest:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._remember)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def __bool__(self) -> bool:
        return self.signal_number is not None

    def check(self) -> None:
        """Raises Interrupted where a signal has come."""
        if self.signal_number is not None:
            raise Interrupted(self.signal_number)

    def _remember(self, number: int, frame: FrameType | None) -> None:
        if self.signal_number is None:
            self.signal_number, self._came_at = number, time.monotonic()
        elif time.monotonic() - self._came_at >= self._grace_seconds:
            os._exit(128 + number)
