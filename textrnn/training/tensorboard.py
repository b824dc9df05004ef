"""Writes a network's training into files for TensorBoard: a listener to the events of `fit`. Needs tensorboardX."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.proto.summary_pb2 import Summary

from textrnn.errors import TextRNNError
from textrnn.run.folder import RunFolder
from textrnn.training.state import Evaluation, Step

FLUSH_SECONDS = 5.0  # between synchronizations with the disk


class EventWriter:
    """Writes steps (`step/loss`) and evaluations (`epoch/` and a key of history.jsonl) into a folder.

    A step is written once it is measured, so nothing waits for the device. A file begins with the number of its first
    step: TensorBoard then ignores what earlier files of the folder have of that step and later ones, as they are of a
    process that was stopped before it saved its state. Files are opened with the first step, so that a network that is
    trained already gets none.

    tensorboardX's SummaryWriter is not used: its thread ends if the disk is full, and training would wait for it for
    ever. EventsWriter has no thread.

    Raises: TextRNNError if a file cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.unwritten: deque[Step] = deque()
        self.file: EventsWriter | None = None
        self.flushed_at = time.monotonic()

    @classmethod
    def of_fold(cls, run: RunFolder, fold: int | None) -> EventWriter:
        """The writer for a network of a run."""
        return cls(run.tensorboard_folder(fold))

    def __call__(self, event: Step | Evaluation) -> None:
        with self._errors():
            if isinstance(event, Step):
                self.unwritten.append(event)
            self._write_measured_steps()
            if isinstance(event, Evaluation):
                scalars = {f"epoch/{key}": value for key, value in event.record().items()}
                del scalars["epoch/epoch"], scalars["epoch/step"]
                self._open_file(event.step + 1).write_event(_event(event.step, summary=_summary(scalars)))
            is_late = time.monotonic() - self.flushed_at >= FLUSH_SECONDS
            if self.file is not None and (is_late or isinstance(event, Evaluation)):
                self.file.flush()
                self.flushed_at = time.monotonic()

    def close(self) -> None:
        with self._errors():
            self._write_measured_steps()
            if self.file is not None:
                self.file.close()

    def _write_measured_steps(self) -> None:
        while self.unwritten and (measured := self.unwritten[0].measured) is not None:
            step = self.unwritten.popleft()
            scalars = {"loss": measured.loss, "grad_norm": measured.grad_norm, "learning_rate": step.learning_rate}
            summary = _summary({f"step/{name}": value for name, value in scalars.items()})
            self._open_file(step.number).write_event(_event(step.number, summary=summary))

    def _open_file(self, first_step: int) -> EventsWriter:
        """The file, which begins with the events of this step if it is not open yet. TensorBoard reads files in the
        order of their names: second, host, step."""
        if self.file is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.file = EventsWriter(str(self.folder / "events"), f".{first_step:012}")
            self.file.write_event(_event(first_step, session_log=SessionLog(status=SessionLog.START)))
        return self.file

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise TextRNNError(f"{self.folder}: cannot be written: {error.strerror or error}") from None


def _event(step: int, **content: Any) -> Event:
    return Event(wall_time=time.time(), step=step, **content)


def _summary(scalars: dict[str, float | None]) -> Summary:
    """The scalars, without those that were not measured (None)."""
    return Summary(
        value=[Summary.Value(tag=tag, simple_value=value) for tag, value in scalars.items() if value is not None]
    )
