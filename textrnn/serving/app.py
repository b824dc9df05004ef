"""The web application: routes, bodies and headers. It knows nothing of sockets and processes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HTTPRequest
from starlette.responses import Response
from starlette.routing import Route

from textrnn.classifier import TextClassifier
from textrnn.runtime.progress import log
from textrnn.runtime.terminal import json_text
from textrnn.serving import limits
from textrnn.serving.answers import answer
from textrnn.serving.batching import Batcher
from textrnn.serving.limits import Refused, too_busy
from textrnn.serving.openapi import openapi
from textrnn.serving.requests import parse_request

_STATIC = Path(__file__).with_name("static")
_PAGES = {
    "/": ("page.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
}
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
Handler = Callable[[HTTPRequest], Awaitable[Response]]


def make_app(classifier: TextClassifier) -> Starlette:
    """POST /predict, GET /labels, /health, /openapi.json, and a page at /. The lifespan starts the thread that
    computes. All that is wrong is answered by JSON, `{"error": ...}`."""
    service = Service(Batcher(partial(answer, classifier)))

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with service.batcher.running():
            yield

    documents: dict[str, Any] = {
        "/labels": {"labels": classifier.labels}, "/health": {"status": "ok"}, "/openapi.json": openapi(),
    }  # fmt: skip
    routes = [_route("/predict", service.predict, "POST")]
    routes += [_route(path, _constant(json_text(document), "application/json")) for path, document in documents.items()]
    for path, (name, kind) in _PAGES.items():
        routes.append(_route(path, _constant((_STATIC / name).read_text(encoding="utf-8"), kind)))
    app = Starlette(routes=routes, lifespan=lifespan, exception_handlers={HTTPException: _http_error})
    app.router.redirect_slashes = False
    return app


@dataclass
class Service:
    """held_bytes: of all bodies that are read or whose answers are computed."""

    batcher: Batcher
    held_bytes: int = 0

    async def predict(self, request: HTTPRequest) -> Response:
        """Raises Refused, ClientDisconnect."""
        body = bytearray()
        try:
            try:
                await asyncio.wait_for(self._read(request, body), limits.REQUEST_SECONDS)
            except asyncio.TimeoutError:
                raise Refused(408, f"the request was not received within {limits.REQUEST_SECONDS:g} s") from None
            results = await self.batcher.submit(parse_request(bytes(body)))
        finally:
            self.held_bytes -= len(body)
        return _json({"results": results})

    async def _read(self, request: HTTPRequest, body: bytearray) -> None:
        """Append the body to `body`; no more than the limit is read of a longer one."""
        too_large = Refused(413, f"at most {limits.BODY_BYTES:,} bytes are allowed in a request; send fewer texts")
        announced = request.headers.get("content-length", "0")
        if int(announced) > limits.BODY_BYTES:  # the server has checked that it is a number
            raise too_large
        async for chunk in request.stream():
            if len(body) + len(chunk) > limits.BODY_BYTES:
                raise too_large
            if self.held_bytes + len(chunk) > limits.HELD_BYTES:
                raise too_busy()
            body += chunk
            self.held_bytes += len(chunk)


def _route(path: str, handler: Handler, method: str = "GET") -> Route:
    """A route whose requests are logged at the debug level, without what a client has written."""

    async def logged(request: HTTPRequest) -> Response:
        begin = time.perf_counter()
        try:
            response = await handler(request)
        except Refused as refused:
            response = _error(refused.status, str(refused))
        except ClientDisconnect:
            response = Response(status_code=400)  # which nobody reads
        milliseconds = 1000 * (time.perf_counter() - begin)
        log.debug("%s %s: %d, %.1f ms", method, path, response.status_code, milliseconds)
        return response

    return Route(path, logged, methods=[method])


def _constant(content: str, kind: str) -> Handler:
    async def handler(request: HTTPRequest) -> Response:
        return Response(content, media_type=kind, headers=_HEADERS)

    return handler


def _json(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    headers = {**_HEADERS, **(headers or {})}
    return Response(json_text(value), status, headers, media_type="application/json")


def _error(status: int, message: str) -> Response:
    return _json({"error": message}, status, {"Retry-After": str(limits.RETRY_SECONDS)} if status == 503 else None)


async def _http_error(request: HTTPRequest, error: Exception) -> Response:
    """No such path, or another method than its own."""
    assert isinstance(error, HTTPException)
    response = _error(error.status_code, error.detail)
    response.headers.update(error.headers or {})
    return response
