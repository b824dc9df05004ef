"""A pool of threads in which torch uses one core each."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from functools import cache, partial
from typing import TypeVar

import torch

S = TypeVar("S")
T = TypeVar("T")


def run_in_threads(
    tasks: Sequence[Callable[[], T]], *, cores: int, mode: Callable[[], AbstractContextManager]
) -> list[T]:
    """Run tasks in parallel and return their results in order. With one core they run in the calling thread.

    cores: number of threads. mode: the gradient mode in which the tasks run: torch.enable_grad, torch.no_grad or
    torch.inference_mode. Raises what a task raises.
    """
    if cores == 1:
        with mode():
            return [task() for task in tasks]
    return list(_pool(cores).map(_with_settings(mode), tasks))


def map_in_threads(
    function: Callable[[S], T], items: Iterable[S], *, cores: int, mode: Callable[[], AbstractContextManager]
) -> Iterator[tuple[S, T]]:
    """Items and their results, in order, computed in parallel while the caller works on those before. Arguments as of
    `run_in_threads`. Raises what the function raises."""
    if cores == 1:
        for item in items:
            with mode():
                result = function(item)
            yield item, result
        return
    run, pool = _with_settings(mode), _pool(cores)
    waiting: deque[tuple[S, Future[T]]] = deque()
    try:
        for item in items:
            waiting.append((item, pool.submit(run, partial(function, item))))
            if len(waiting) > 2 * cores:
                first, future = waiting.popleft()
                yield first, future.result()
        while waiting:
            first, future = waiting.popleft()
            yield first, future.result()
    finally:
        wait(future for _, future in waiting if not future.cancel())  # or they would go on beside the caller


def start_in_thread(function: Callable[[], T], *, cores: int) -> Future[T]:
    """Call a function in the pool, which has one thread for each of `cores`; with one core, in the calling thread."""
    if cores > 1:
        return _pool(cores).submit(function)
    future: Future[T] = Future()
    future.set_result(function())
    return future


def _with_settings(mode: Callable[[], AbstractContextManager]) -> Callable[[Callable[[], T]], T]:
    """A function that calls a task in `mode` and with the autocast of the calling thread: gradient mode and autocast
    are settings of each thread, so those of the calling thread do not apply in the pool."""
    autocast, dtype = torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu")

    def run(task: Callable[[], T]) -> T:
        with mode(), torch.autocast("cpu", dtype, enabled=autocast):
            return task()

    return run


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    """A pool of this many threads. It is kept, as starting threads for every layer would take too long."""
    before = torch.get_num_threads()
    pool = ThreadPoolExecutor(threads, "textrnn", _use_one_core)
    started = threading.Barrier(threads)
    list(pool.map(lambda _: started.wait(), range(threads)))
    # torch.set_num_threads also sets the default for threads that have not used torch yet: restore it.
    torch.set_num_threads(before)
    return pool


def _use_one_core() -> None:
    torch.set_num_threads(1)
    torch.get_num_threads()  # makes it final: otherwise this thread would take the default at its first operation
