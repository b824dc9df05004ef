"""Stopping a training at an exact point, by hooks of torch and Python, whatever functions textrnn has."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch.nn.modules.module import register_module_forward_hook
from torch.optim.optimizer import register_optimizer_step_post_hook

Action = Callable[[], object]


def die() -> None:
    """As if killed: nothing is saved."""
    raise KeyboardInterrupt


def send(number: int = signal.SIGTERM) -> Action:
    """A signal to this process."""
    return lambda: os.kill(os.getpid(), number)


def stop_at_step(step: int, action: Action, *, network: int = 1) -> Any:
    """Act after so many steps of a network, from 1, in this process. Returns a handle, whose `remove` ends that."""
    optimizers: list[torch.optim.Optimizer] = []
    taken: list[int] = []

    def after_step(optimizer: torch.optim.Optimizer, *_: object) -> None:
        if not any(optimizer is known for known in optimizers):
            optimizers.append(optimizer)
            taken.clear()
        number = int(next(iter(optimizer.state.values()))["step"])
        if number not in taken:  # a step of a subclass may call the hook twice
            taken.append(number)
            if (len(optimizers), len(taken)) == (network, step):
                action()

    return register_optimizer_step_post_hook(after_step)


@contextmanager
def at_step(step: int, action: Action, *, network: int = 1) -> Iterator[None]:
    """As `stop_at_step`, inside the block."""
    handle = stop_at_step(step, action, network=network)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def in_evaluation(action: Action, when: Callable[[], bool]) -> Iterator[None]:
    """Inside the block, act once in an evaluation."""
    done: list[None] = []

    def after_forward(module: torch.nn.Module, *_: object) -> None:
        if not module.training and not done and when():
            done.append(None)
            action()

    handle = register_module_forward_hook(after_forward)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def at_file(
    name: str, action: Action, *, when: Callable[[], bool] = lambda: True, after: bool = False
) -> Iterator[None]:
    """Inside the block, act before (or after) a file of this name replaces an older one or is first there."""
    replace = os.replace

    def replace_and_act(source: Any, target: Any, **options: Any) -> None:
        is_meant = Path(target).name == name and when()
        if is_meant and not after:
            action()
        replace(source, target, **options)
        if is_meant and after:
            action()

    os.replace = replace_and_act  # type: ignore[assignment]
    try:
        yield
    finally:
        os.replace = replace


@contextmanager
def slow_steps(seconds: float) -> Iterator[None]:
    """Inside the block, each optimizer step of this process seems to take so many seconds more."""
    late, monotonic, perf_counter = [0.0], time.monotonic, time.perf_counter
    last: list[tuple[int, int]] = []

    def after_step(optimizer: torch.optim.Optimizer, *_: object) -> None:
        step = id(optimizer), int(next(iter(optimizer.state.values()))["step"])
        if step not in last[-1:]:  # a step of a subclass may call the hook twice
            last.append(step)
            late[0] += seconds

    handle = register_optimizer_step_post_hook(after_step)
    time.monotonic = lambda: monotonic() + late[0]
    time.perf_counter = lambda: perf_counter() + late[0]
    try:
        yield
    finally:
        time.monotonic, time.perf_counter = monotonic, perf_counter
        handle.remove()
