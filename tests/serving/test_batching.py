"""The thread that computes: batches of what has gathered, and no more waiting requests than allowed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence

import pytest

from textrnn.serving import limits
from textrnn.serving.answers import Result
from textrnn.serving.batching import Batcher
from textrnn.serving.limits import Refused
from textrnn.serving.requests import Request


class Blocked:
    """Computes only once `gate` is set; `batches` has the texts of each call."""

    def __init__(self) -> None:
        self.gate, self.begun, self.batches = threading.Event(), threading.Event(), list[list[str]]()

    def __call__(self, requests: Sequence[Request]) -> list[list[Result] | Refused]:
        self.batches.append([text for request in requests for text in request.texts])
        self.begun.set()
        assert self.gate.wait(30)
        return [
            Refused(500, "no") if "bad" in request.texts else [{"label": text} for text in request.texts]
            for request in requests
        ]


def ask(*texts: str) -> Request:
    return Request([*texts], None, False)


def run(test: Callable[[Batcher, Blocked], Awaitable[None]]) -> Blocked:
    blocked = Blocked()

    async def inside() -> None:
        batcher = Batcher(blocked)
        async with batcher.running():
            try:
                await test(batcher, blocked)
            finally:
                blocked.gate.set()

    asyncio.run(asyncio.wait_for(inside(), 30))
    return blocked


async def begin(batcher: Batcher, blocked: Blocked, text: str) -> asyncio.Task[list[Result]]:
    """A request that is being computed."""
    task = asyncio.create_task(batcher.submit(ask(text)))
    while not blocked.begun.is_set():
        await asyncio.sleep(0.001)
    return task


def test_what_arrives_meanwhile_is_computed_together_and_each_gets_its_own() -> None:
    async def test(batcher: Batcher, blocked: Blocked) -> None:
        first = await begin(batcher, blocked, "a")
        others = [asyncio.create_task(batcher.submit(ask(*texts))) for texts in ("bc", "d", ["bad"], "ef")]
        await asyncio.sleep(0.01)
        blocked.gate.set()
        assert await first == [{"label": "a"}]
        assert await others[0] == [{"label": "b"}, {"label": "c"}] and await others[3] == [
            {"label": "e"},
            {"label": "f"},
        ]
        with pytest.raises(Refused) as refused:
            await others[2]
        assert refused.value.status == 500

    assert run(test).batches == [["a"], ["b", "c", "d", "bad", "e", "f"]]


def test_a_batch_has_few_texts_to_explain() -> None:
    async def test(batcher: Batcher, blocked: Blocked) -> None:
        tasks = [await begin(batcher, blocked, "a")]
        requests = [Request(["x"] * 10, None, explain) for explain in (False, False, True, True, True)]
        tasks += [asyncio.create_task(batcher.submit(request)) for request in requests]
        await asyncio.sleep(0.01)
        blocked.gate.set()
        for task in tasks:
            await task

    assert [len(batch) for batch in run(test).batches] == [1, 40, 10]


def test_more_than_may_wait_are_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "WAITING", 2)

    async def test(batcher: Batcher, blocked: Blocked) -> None:
        tasks = [await begin(batcher, blocked, "a")]
        tasks += [asyncio.create_task(batcher.submit(ask(text))) for text in "bc"]
        await asyncio.sleep(0.01)
        with pytest.raises(Refused) as refused:
            await batcher.submit(ask("d"))
        assert refused.value.status == 503
        blocked.gate.set()
        assert [await task for task in tasks] == [[{"label": text}] for text in "abc"]

    run(test)


def test_a_request_that_waits_too_long_is_refused_and_not_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "REQUEST_SECONDS", 0.05)

    async def test(batcher: Batcher, blocked: Blocked) -> None:
        tasks = [await begin(batcher, blocked, "a"), asyncio.create_task(batcher.submit(ask("b")))]
        for task in tasks:
            with pytest.raises(Refused) as refused:
                await task
            assert refused.value.status == 503
        monkeypatch.setattr(limits, "REQUEST_SECONDS", 30)
        blocked.gate.set()
        assert await batcher.submit(ask("c")) == [{"label": "c"}]

    assert run(test).batches == [["a"], ["c"]]
