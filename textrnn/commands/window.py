"""Texts that are computed together, while others are read and results written."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Generic, TypeVar

from textrnn.reading.reader import Example

T = TypeVar("T")
CHARACTERS = 4_000_000  # of a window at most
_SWITCH_SECONDS = 5e-4  # a thread that computes waits so long for one that reads and writes; Python's default is 5e-3


@contextmanager
def quick_switches() -> Iterator[None]:
    """A block in which a thread that computes soon makes room for one that reads and writes."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


class Window(Generic[T]):
    """At most `size` examples, and a limited number of characters, to bound memory.

    compute: texts -> results; it runs in a thread of its own. write: is given examples and results, in order, in the
    calling thread. wait: whether that happens as soon as a window is full, or only when the next one is.
    """

    def __init__(
        self, compute: Callable[[list[str]], T], write: Callable[[list[Example], T], None], size: int, *, wait: bool
    ) -> None:  # fmt: skip
        self.compute, self.write, self.size, self.wait = compute, write, size, wait
        self.thread = ThreadPoolExecutor(1, "textrnn window")
        self.examples: list[Example] = []
        self.characters = 0
        self.started: tuple[list[Example], Future[T]] | None = None

    def add(self, example: Example) -> None:
        self.examples.append(example)
        self.characters += len(example.text) + (len(str(example.row)) if example.row else 0)
        if len(self.examples) == self.size or self.characters >= CHARACTERS:
            self._start()
            if self.wait:
                self._finish()

    def flush(self) -> None:
        """Write the results of all texts."""
        if self.examples:
            self._start()
        self._finish()

    def _start(self) -> None:
        """Compute the texts, and meanwhile write the results of those before."""
        examples, self.examples, self.characters = self.examples, [], 0
        future = self.thread.submit(self.compute, [example.text for example in examples])
        self._finish()
        self.started = examples, future

    def _finish(self) -> None:
        started, self.started = self.started, None
        if started is not None:
            examples, future = started
            self.write(examples, future.result())
