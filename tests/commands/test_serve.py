"""`textrnn serve` as a process: its address, its connections, its end and its messages."""

from __future__ import annotations

import json
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.serving.served import Served, received, served
from textrnn import TextClassifier
from textrnn.serving import limits

TEXT = "a late goal of the team"


def begin(server: Served, body: bytes) -> socket.socket:
    """A request of which half the body has been sent."""
    connection = server.connect()
    head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    connection.sendall(head.encode() + body[: len(body) // 2])
    time.sleep(0.3)
    return connection


BODY = json.dumps({"text": TEXT}).encode()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_the_process_after_what_has_begun(trained: Path, number: signal.Signals, code: int) -> None:
    with served(trained, "-v") as server:
        expected = TextClassifier.load(trained).predict([TEXT])[0]
        assert server.ask(BODY)[1]["results"][0]["label"] == expected
        connection, idle = begin(server, BODY), server.connect()
        server.process.send_signal(number)
        time.sleep(0.3)
        with pytest.raises(ConnectionError):
            server.ask(BODY)
        connection.sendall(BODY[len(BODY) // 2 :])
        answer = received(connection)
        assert answer.startswith(b"HTTP/1.1 200") and expected.encode() in answer
        assert received(idle) == b""
        assert server.end() == code
        assert b"POST /predict: 200" in server.log and b"goal" not in server.log and b"Traceback" not in server.log


def test_a_second_signal_ends_it_at_once(trained: Path) -> None:
    with served(trained) as server:
        begin(server, BODY)
        assert server.end(signal.SIGTERM, signal.SIGTERM) == 143


def test_malformed_http_and_slow_heads_harm_nobody_else(trained: Path) -> None:
    def prepare() -> None:
        limits.IDLE_SECONDS = 0.2

    with served(trained, prepare=prepare) as server:
        silent, slow = server.connect(), server.connect()
        slow.sendall(b"GET / HT")
        for head in (b"\x00\x01\r\n\r\n", b"GET /\r\n\r\n", b"GET / HTTP/1.1\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
                     b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
                     b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"9" * 30 + b"\r\n\r\n"):  # fmt: skip
            bad = server.connect()
            with suppress(ConnectionError):
                bad.sendall(head)
            answer = received(bad)
            assert not answer or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4")), answer
        assert server.ask(BODY)[0] == 200
        begin_of_wait = time.monotonic()
        assert received(silent) == b"" and received(slow) == b""
        assert time.monotonic() - begin_of_wait < 10
        assert server.end(signal.SIGTERM) == 143 and server.log.count(b"\n") == 1


def test_more_connections_than_allowed_are_told_to_come_back(trained: Path) -> None:
    def prepare() -> None:
        limits.CONNECTIONS = 3

    with served(trained, prepare=prepare) as server:
        held = [server.connect() for _ in range(3)]
        time.sleep(0.2)
        answer = received(server.connect())
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503") and b"Retry-After: " in head and {*json.loads(body)} == {"error"}
        for connection in held:
            connection.close()
        time.sleep(0.2)
        assert server.ask(BODY)[0] == 200


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--port", "{taken}"], 1, "cannot be served: Address already in use; --port 0 takes any that is free"),
        (["--host", "no.such.host.invalid"], 1, "--host no.such.host.invalid: no address of this machine"),
        (["--host", "203.0.113.9"], 1, "http://203.0.113.9:8000 cannot be served"),
        (["--host", "a" * 400], 1, "no address of this machine"),
        (["--port", "99999"], 2, "Invalid value for '--port'"),
        (["--port", "http"], 2, "Invalid value for '--port'"),
    ],
)
def test_a_bad_address_is_one_message(cli: Cli, trained: Path, options: list[str], code: int, message: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        words = [word.format(taken=taken.getsockname()[1]) for word in options]
        result = cli("serve", trained, *words)
    assert (result.code, result.out) == (code, "")
    assert message in result.err and result.err.count("error: ") == 1


def test_a_missing_run_is_one_message(cli: Cli, workplace: Path) -> None:
    result = cli("serve", "no/run", "--port", "0")
    assert result.code == 1 and result.err.startswith("error: no/run: no such folder")


def test_without_the_extra_the_message_has_the_command(
    cli: Cli, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith(("textrnn.serving", "textrnn.commands.serve"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    result = cli("serve", trained)
    assert result.code == 1 and result.err.count("\n") == 1
    assert "pip install starlette uvicorn" in result.err
