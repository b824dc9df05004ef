"""A process that serves, for tests of what only a process has."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.forked import Forked


class Served:
    """A process that serves at a free port, and what it logged so far."""

    def __init__(self, run: Path, *options: str, prepare: Callable[[], object] = lambda: None) -> None:
        def prepare_stderr() -> None:
            sys.stderr.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # as that of an own interpreter
            prepare()

        self.process = Forked("serve", run, "--port", "0", *options, prepare=prepare_stderr)
        self.log = b""
        while b"serving at" not in self.log:
            line = self.process.stderr.readline()
            assert line, self.log
            self.log += line
        self.host, port = self.log.split(b"http://")[1].split()[0].decode().rsplit(":", 1)
        self.port = int(port)

    def connect(self) -> socket.socket:
        return socket.create_connection((self.host.strip("[]"), self.port), timeout=20)

    def ask(self, body: bytes) -> tuple[int, dict[str, Any]]:
        connection = http.client.HTTPConnection(self.host.strip("[]"), self.port, timeout=20)
        connection.request("POST", "/predict", body)
        response = connection.getresponse()
        found = response.status, json.loads(response.read())
        connection.close()
        return found

    def end(self, *signals: signal.Signals) -> int:
        for number in signals:
            self.process.send_signal(number)
            time.sleep(0.1)
        _, err = self.process.communicate()
        self.log += err
        return self.process.wait()


@contextmanager
def served(run: Path, *options: str, prepare: Callable[[], object] = lambda: None) -> Iterator[Served]:
    found = Served(run, *options, prepare=prepare)
    try:
        yield found
    finally:
        if found.process.returncode is None:
            with suppress(ProcessLookupError):
                found.process.send_signal(signal.SIGKILL)
            found.process.wait()


def received(connection: socket.socket) -> bytes:
    """All that is sent until the end."""
    parts = []
    with suppress(ConnectionResetError):
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts)
