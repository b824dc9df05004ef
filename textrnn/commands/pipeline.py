"""A background pipeline: one batch of texts is computed while the next is read and the last is written."""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from textrnn.classifier import TextClassifier
from textrnn.commands.prediction_input import InputOptions, examples_of, is_live
from textrnn.errors import DataError
from textrnn.reading.reader import Example

T = TypeVar("T")
_CHARACTERS = 4_000_000  # of a batch at most
_SWITCH_SECONDS = 5e-4  # a thread that computes waits so long for one that reads and writes; Python's default is 5e-3


def answer_files(
    files: list[str], classifier: TextClassifier, options: InputOptions, compute: Callable[[list[str]], T],
    write: Callable[[list[Example], T], None], *, size: int, live_size: int, target: str,
) -> None:  # fmt: skip
    """Compute and write a result for each text of each file, in order.

    compute: texts -> results, called in another thread. write: called with examples and their results in this thread.
    size, live_size: texts in a batch, at most, of a file and of a pipe, whose texts are answered as they come. target:
    what is written, which an OSError names, as it may pass through the reading of a pipe.

    Raises: DataError `file:line` for a record without a readable text, after the texts before it are answered.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        for file in files:
            live = is_live(file)
            pipeline = Pipeline(compute, write, target, live_size if live else size, wait=live)
            try:
                for example in examples_of(file, classifier, options, pipeline.flush):
                    pipeline.add(example)
            except DataError:
                pipeline.flush()
                raise
            pipeline.flush()
    finally:
        sys.setswitchinterval(before)


@dataclass
class Pipeline(Generic[T]):
    """Batches of at most `size` examples, and a limited number of characters, to bound memory. compute, write, target:
    as of `answer_files`. wait: whether a full batch is written at once, or only when the next one is full."""

    compute: Callable[[list[str]], T]
    write: Callable[[list[Example], T], None]
    target: str
    size: int
    wait: bool
    thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "textrnn pipeline"))
    examples: list[Example] = field(default_factory=list)
    characters: int = 0
    started: tuple[list[Example], Future[T]] | None = None

    def add(self, example: Example) -> None:
        self.examples.append(example)
        self.characters += len(example.text) + (len(str(example.row)) if example.row else 0)
        if len(self.examples) == self.size or self.characters >= _CHARACTERS:
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
            results = future.result()
            try:
                self.write(examples, results)
            except OSError as error:
                raise OSError(error.errno, error.strerror, self.target) from error
