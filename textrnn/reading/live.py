"""Pipes, terminals and devices, whose bytes come while they are read."""

from __future__ import annotations

import io
import os
import select
import time
from collections.abc import Callable
from io import BufferedIOBase
from pathlib import Path
from typing import Any

from textrnn.errors import DataError
from textrnn.runtime.files import decompressed

_BUFFER_BYTES = 1 << 16
_LINGER_SECONDS = 0.01  # to wait for more bytes before they count as not ready
_PATIENCE_SECONDS = 0.4  # the longest time between two calls of before_waiting while bytes keep coming


def open_live(path: Path | str | int, name: str, before_waiting: Callable[[], None]) -> BufferedIOBase:
    """Open a pipe or device (or a descriptor of one) for reading; gzip, recognized by its first bytes, is decompressed.

    name: for messages. before_waiting: called before each read for which no bytes are ready, so that the caller can
    process what has come so far; also now and then while bytes keep coming; on Windows before each read.

    Raises: DataError if it cannot be opened or read.
    """
    try:
        raw = open(path, "rb", buffering=0)  # noqa: SIM115 - handed to the caller
        return decompressed(io.BufferedReader(_Live(raw, before_waiting), _BUFFER_BYTES))
    except OSError as error:
        if error.filename not in (None, path):  # of what is written while the first bytes are waited for
            raise
        raise DataError(f"{name}: cannot be read: {error.strerror}") from error


class _Live(io.RawIOBase):
    def __init__(self, raw: io.FileIO, before_waiting: Callable[[], None]) -> None:
        self.raw, self.before_waiting = raw, before_waiting
        self.waited_at = time.monotonic()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        ready = os.name == "posix" and select.select([self.raw], [], [], _LINGER_SECONDS)[0]
        if not ready or time.monotonic() - self.waited_at > _PATIENCE_SECONDS:
            self.before_waiting()
            self.waited_at = time.monotonic()
        return self.raw.readinto(buffer)

    def close(self) -> None:
        self.raw.close()
        super().close()
