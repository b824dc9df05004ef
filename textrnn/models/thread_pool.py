"""Threads that compute side by side, each with one core."""

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
    """The results of the tasks, in their order. With one core they run one after another in the calling thread.

    cores: number of threads. mode: the gradient mode in which the tasks run: torch.enable_grad, torch.no_grad or
    torch.inference_mode. Raises what a task raises.
    """
    if cores == 1:
        with mode():
            return [task() for task in tasks]
    # Gradient mode and autocast are settings of a thread: those of the caller do not apply in the pool's threads.
    autocast, dtype = torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu")

    def run(task: Callable[[], T]) -> T:
        with mode(), torch.autocast("cpu", dtype, enabled=autocast):
            return task()

    return list(_pool(cores).map(run, tasks))


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    """A pool in which torch uses one core in each thread; it is kept, as starting threads takes long."""
    before = torch.get_num_threads()
    pool = ThreadPoolExecutor(threads, "textrnn", _use_one_core)
    started = threading.Barrier(threads)
    list(pool.map(lambda _: started.wait(), range(threads)))
    # torch.set_num_threads in a thread also sets the default of all threads that torch has not seen yet: set it back.
    torch.set_num_threads(before)
    return pool


def _use_one_core() -> None:
    torch.set_num_threads(1)
    torch.get_num_threads()  # fixes the number for this thread: its first operation would take the default of that time
