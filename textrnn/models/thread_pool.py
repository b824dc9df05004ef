"""A pool of threads in which torch uses one core each."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import cache
from typing import TypeVar

import torch

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
    # Gradient mode and autocast are settings of each thread: those of the calling thread do not apply in the pool.
    autocast, dtype = torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu")

    def run(task: Callable[[], T]) -> T:
        with mode(), torch.autocast("cpu", dtype, enabled=autocast):
            return task()

    return list(_pool(cores).map(run, tasks))


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
