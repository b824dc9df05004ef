"""A pool of threads, in each of which torch uses one core."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from functools import cache, partial
from typing import TypeVar

import torch

from textrnn.runtime.progress import log

S = TypeVar("S")
T = TypeVar("T")
Mode = Callable[[], AbstractContextManager]

_has_computed = False  # whether torch may have started OpenMP's threads in this process
_is_forked = False  # whether this process was forked from one that had computed
_thread_state = threading.local()  # is_safe: whether torch uses one core in this thread, as a forked process needs


def begin_computing() -> None:
    """Call this in a thread before torch computes with more than a few numbers.

    A process forked from one that has computed lacks the OpenMP threads and would wait for them for ever: there torch
    uses one core from now on, which is logged once.
    """
    global _has_computed
    if _is_forked and not getattr(_thread_state, "is_safe", False):
        if torch.get_num_threads() > 1:
            log.warning(
                "this process was forked after torch had computed, so torch uses one core here; to use all, start "
                "processes by spawn or forkserver, or compute only after the fork"
            )
        torch.set_num_threads(1)  # also the default of future threads, which therefore log nothing
        _thread_state.is_safe = True
    _has_computed = True


def _after_fork() -> None:
    global _is_forked
    _is_forked = _has_computed
    _thread_state.is_safe = False
    _pool.cache_clear()  # its threads are not in this process


if hasattr(os, "register_at_fork"):  # Windows cannot fork
    os.register_at_fork(after_in_child=_after_fork)


@contextmanager
def one_core() -> Iterator[None]:
    """Inside the block torch uses one core in this thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    # torch has also made 1 the default of threads that have not used it yet
    other = threading.Thread(target=torch.set_num_threads, args=(before,))
    other.start()
    other.join()
    try:
        yield
    finally:
        torch.set_num_threads(before)


def run_in_threads(tasks: Sequence[Callable[[], T]], *, cores: int, mode: Mode) -> list[T]:
    """Run tasks in parallel and return their results in order. With one core they run in the calling thread.

    cores: number of threads. mode: the gradient mode of the tasks: torch.enable_grad, torch.no_grad or
    torch.inference_mode. Raises what a task raises.
    """
    if cores == 1:
        with mode():
            return [task() for task in tasks]
    return list(_pool(cores).map(_with_settings(mode), tasks))


def map_in_threads(function: Callable[[S], T], items: Iterable[S], *, cores: int, mode: Mode) -> Iterator[tuple[S, T]]:
    """Items and their results, in order, computed in parallel while the caller works on earlier ones. cores, mode: as
    for `run_in_threads`. Raises what the function raises."""
    run = _with_settings(mode)
    waiting: deque[tuple[S, Future[T]]] = deque()
    try:
        for item in items:
            waiting.append((item, start_in_thread(partial(run, partial(function, item)), cores=cores)))
            if len(waiting) > (2 * cores if cores > 1 else 0):
                first, future = waiting.popleft()
                yield first, future.result()
        while waiting:
            first, future = waiting.popleft()
            yield first, future.result()
    finally:
        wait(future for _, future in waiting if not future.cancel())  # otherwise they would run on beside the caller


def start_in_thread(function: Callable[[], T], *, cores: int) -> Future[T]:
    """Call a function in the pool of `cores` threads; with one core, in the calling thread."""
    if cores > 1:
        return _pool(cores).submit(function)
    future: Future[T] = Future()
    future.set_result(function())
    return future


def _with_settings(mode: Mode) -> Callable[[Callable[[], T]], T]:
    """A function that calls a task in `mode` and with the calling thread's autocast, since both settings are per
    thread."""
    autocast, dtype = torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu")

    def run(task: Callable[[], T]) -> T:
        with mode(), torch.autocast("cpu", dtype, enabled=autocast):
            return task()

    return run


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    """Cached, because starting threads for every layer would take too long."""
    before = torch.get_num_threads()
    pool = ThreadPoolExecutor(threads, "textrnn", _use_one_core)
    started = threading.Barrier(threads)
    list(pool.map(lambda _: started.wait(), range(threads)))
    torch.set_num_threads(before)  # also the default for threads that have not used torch yet
    return pool


def _use_one_core() -> None:
    # All threads share autocast's cache of rounded weights. A thread that leaves its outermost autocast block empties
    # it, in the middle of another thread's task, which then rounds and adds up its gradients in two parts. So no block
    # of these threads is the outermost one; the calling thread empties the cache.
    torch.autocast_increment_nesting()
    torch.set_num_threads(1)
    torch.get_num_threads()  # makes it final: otherwise this thread would take the default at its first operation
