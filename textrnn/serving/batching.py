"""One thread computes; the requests that arrive meanwhile are computed together when it is free."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from textrnn.serving import limits
from textrnn.serving.answers import Result
from textrnn.serving.limits import Refused, too_busy
from textrnn.serving.requests import Request

_TEXTS_AT_ONCE = 256  # from which on further requests wait for the next batch
_EXPLAINED = 16  # texts that an explained one counts as, so that few of them hold up the other requests of a batch
Waiting = tuple[Request, "asyncio.Future[list[Result]]"]


@dataclass
class Batcher:
    """A single request waits for no other one; while it is computed, the next batch gathers, in a few milliseconds.

    compute: requests -> results or a refusal of each, called in the thread.
    """

    compute: Callable[[Sequence[Request]], list[list[Result] | Refused]]
    queue: asyncio.Queue[Waiting] = field(default_factory=lambda: asyncio.Queue(limits.WAITING))

    async def submit(self, request: Request) -> list[Result]:
        """The results. Raises Refused: 503 if too many requests wait or this one waits too long."""
        future = asyncio.get_running_loop().create_future()
        try:
            self.queue.put_nowait((request, future))
        except asyncio.QueueFull:
            raise too_busy() from None
        try:
            return await asyncio.wait_for(future, limits.REQUEST_SECONDS)
        except asyncio.TimeoutError:
            seconds = limits.REQUEST_SECONDS
            raise Refused(503, f"not answered within {seconds:g} s; try again later, or with fewer texts") from None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Requests are computed inside the block."""
        with ThreadPoolExecutor(1, "textrnn serving") as thread:
            task = asyncio.create_task(self._compute_batches(thread))
            try:
                yield
            finally:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    async def _compute_batches(self, thread: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()
        while True:
            batch = [await self.queue.get()]
            while not self.queue.empty() and sum(_size(request) for request, _ in batch) < _TEXTS_AT_ONCE:
                batch.append(self.queue.get_nowait())
            batch = [(request, future) for request, future in batch if not future.done()]  # those not given up
            if not batch:
                continue
            answers = await loop.run_in_executor(thread, self.compute, [request for request, _ in batch])
            for (_, future), answered in zip(batch, answers, strict=True):
                if future.done():
                    continue
                if isinstance(answered, Refused):
                    future.set_exception(answered)
                else:
                    future.set_result(answered)


def _size(request: Request) -> int:
    return len(request.texts) * (_EXPLAINED if request.explain else 1)
