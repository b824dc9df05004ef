"""The process that serves: its socket, its connections and its end."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from types import FrameType

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from textrnn.classifier import TextClassifier
from textrnn.errors import TextRNNError
from textrnn.runtime.progress import log
from textrnn.runtime.signals import end_process
from textrnn.runtime.terminal import json_text
from textrnn.serving import limits
from textrnn.serving.app import make_app
from textrnn.serving.limits import too_busy

_HEADER_BYTES = 32 << 10  # of the first line and all headers of a request


def bind(host: str, port: int) -> socket.socket:
    """A socket at the address, to which clients can connect once it is served. port: 0 for any that is free.

    Raises: TextRNNError for an unknown host, and for an address that is in use or not allowed.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise TextRNNError(f"--host {host}: no address of this machine ({reason}); try 127.0.0.1 or 0.0.0.0") from None
    family, kind, protocol, _, address = found[0]
    opened = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":  # elsewhere it would allow an address that is in use
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(address)
    except OSError as error:
        opened.close()
        is_port = error.errno in (errno.EADDRINUSE, errno.EACCES)
        remedy = "--port 0 takes any that is free" if is_port else "try --host 127.0.0.1 or 0.0.0.0"
        raise TextRNNError(f"{_url(address)} cannot be served: {error.strerror}; {remedy}") from None
    return opened


def serve(classifier: TextClassifier, opened: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM, answer what has begun, and end the process as the signal would."""
    config = uvicorn.Config(
        make_app(classifier), http=Connection, ws="none", loop="asyncio", lifespan="on", log_config=None,
        log_level="critical", access_log=False, server_header=False, proxy_headers=False,
        timeout_keep_alive=int(limits.IDLE_SECONDS), timeout_graceful_shutdown=int(2 * limits.REQUEST_SECONDS) + 1,
        h11_max_incomplete_event_size=_HEADER_BYTES,
    )  # fmt: skip
    Server(config).run(sockets=[opened])


class Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for opened in sockets or []:
            log.info("serving at %s (Ctrl-C ends it)", _url(opened.getsockname()))

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal ends the serving; a second one the process."""
        if self.should_exit:
            end_process(sig)
        super().handle_exit(sig, frame)


class Connection(H11Protocol):
    """A connection that is closed if it brings no whole head of a request in time, or if there are too many of them.

    uvicorn has a time limit only for connections on which nothing arrives after an answer: a client might send a byte
    a minute, and hold its connection for ever.
    """

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > limits.CONNECTIONS:
            transport.write(_refusal())
            transport.close()
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        super().connection_lost(exc)

    def _watch(self) -> None:
        """Run a timer exactly while no request is being answered; data do not restart it."""
        is_answering = self.cycle is not None and not self.cycle.response_complete
        if is_answering and self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        elif not is_answering and self._deadline is None:
            self._deadline = self.loop.call_later(limits.IDLE_SECONDS + 1, self.transport.abort)


def _refusal() -> bytes:
    body = json_text({"error": str(too_busy())})
    return (
        f"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        f"Retry-After: {limits.RETRY_SECONDS}\r\nConnection: close\r\n\r\n{body}"
    ).encode()


def _url(address: tuple[object, ...]) -> str:
    host, port = address[:2]
    return f"http://[{host}]:{port}" if ":" in str(host) else f"http://{host}:{port}"
