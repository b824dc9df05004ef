"""Texts that are computed together, while others are read and results written."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

Row = dict[str, Any] | None  # the fields of a record that are kept
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
    """At most `size` texts, and a limited number of characters, to bound memory.

    compute: texts -> results; it runs in a thread of its own. write: is given texts, rows and results, in order, in
    the calling thread. wait: whether that happens as soon as a window is full, or only when the next one is.
    """

    def __init__(
        self, compute: Callable[[list[str]], T], write: Callable[[list[str], list[Row], T], None], size: int, *,
        wait: bool,
    ) -> None:  # fmt: skip
        self.compute, self.write, self.size, self.wait = compute, write, size, wait
        self.thread = ThreadPoolExecutor(1, "textrnn window")
        self.texts: list[str] = []
        self.rows: list[Row] = []
        self.characters = 0
        self.started: tuple[list[str], list[Row], Future[T]] | None = None

    def add(self, text: str, row: Row) -> None:
        self.texts.append(text)
        self.rows.append(row)
        self.characters += len(text) + (len(str(row)) if row else 0)
        if len(self.texts) == self.size or self.characters >= CHARACTERS:
            self._start()
            if self.wait:
                self._finish()

    def flush(self) -> None:
        """Write the results of all texts."""
        if self.texts:
            self._start()
        self._finish()

    def _start(self) -> None:
        """Compute the texts, and meanwhile write the results of those before."""
        texts, rows = self.texts, self.rows
        self.texts, self.rows, self.characters = [], [], 0
        future = self.thread.submit(self.compute, texts)
        self._finish()
        self.started = texts, rows, future

    def _finish(self) -> None:
        started, self.started = self.started, None
        if started is not None:
            texts, rows, future = started
            self.write(texts, rows, future.result())
