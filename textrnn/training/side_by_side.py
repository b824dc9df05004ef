"""Trains the networks of folds in processes of their own, as many at a time as there are cores."""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

from textrnn.config import Config
from textrnn.errors import TextRNNError
from textrnn.runtime.progress import show_bars
from textrnn.runtime.signals import Interrupted, StopRequest
from textrnn.runtime.workers import Died, Failed, Parent, Workers, start_workers
from textrnn.training.fit import FitSettings
from textrnn.training.one_network import Listener, NetworkTraining, Observer, Saver, Weights
from textrnn.training.plan import NetworkBuilder, Part, build_settings
from textrnn.training.state import Evaluation, TrainingState
from textrnn.training.time_limit import TimeLimit

_LOOK_SECONDS = 0.1  # between looks at a signal

# A run below this estimate is not worth processes, each of which takes two seconds of a core to start.
LEAST_SECONDS = 10.0
TOKENS_PER_SECOND = 20_000  # of one network with the default config on one core


@contextmanager
def training_workers(config: Config, parts: Sequence[Part], cores: int) -> Iterator[Workers | None]:
    """Inside the block, processes run for `train_side_by_side`; None if the networks are better trained in turn. They
    take seconds to start, during which the caller can do other work."""
    count = min(cores, len(parts))
    if count > 1 and _is_worth_processes(config, parts):
        with start_workers(count, __name__) as workers:
            yield workers
    else:
        yield None


def _is_worth_processes(config: Config, parts: Sequence[Part]) -> bool:
    """Whether training the networks one after the other would take long, by the number of their tokens."""
    tokens = sum(build_settings(config.train, part).epochs * int(part.train.lengths.sum()) for part in parts)
    return tokens >= LEAST_SECONDS * TOKENS_PER_SECOND


@dataclass
class Folds:
    """What a worker needs to train the network of any fold. Fields as in `NetworkTraining`. parts: those of all
    folds."""

    config: Config
    classes: int
    margins: torch.Tensor | None
    saver: Saver
    listener: Callable[[int | None], Listener] | None
    limit: TimeLimit
    builder: NetworkBuilder
    parts: Sequence[Part]

    def __call__(self, parent: Parent) -> None:
        """Train the network of each fold whose number is received."""
        cpu = torch.device("cpu")
        training = NetworkTraining(
            self.config, self.classes, self.margins, cpu, self.saver, self.listener, parent.stop, self.limit
        )
        observer = _Reporter(parent)
        with show_bars(False):
            while True:
                fold = parent.receive()
                part = self.parts[fold - 1]
                try:
                    training.train(self.builder.build(part.seed, cpu), part, fold, observer)
                except Interrupted:
                    return
                parent.send(None)


class _Call(NamedTuple):
    """A call of a method of the observer in the parent."""

    method: str
    arguments: tuple[Any, ...]
    options: dict[str, Any]


class _Reporter:
    """An observer that passes everything on to the observer in the parent."""

    def __init__(self, parent: Parent) -> None:
        self.parent = parent

    def began(self, fold: int | None, state: TrainingState, settings: FitSettings, *, is_resumed: bool) -> None:
        self._send("began", fold, state, settings, is_resumed=is_resumed)

    def advanced(self, fold: int | None, state: TrainingState) -> None:
        self._send("advanced", fold, state)

    def evaluated(
        self, fold: int | None, evaluation: Evaluation, weights: Weights | None, state: TrainingState,
        settings: FitSettings,
    ) -> None:  # fmt: skip
        """Returns once the parent has recorded it: only then may the state be saved."""
        self._send("evaluated", fold, evaluation, weights, state, settings)
        self.parent.receive()

    def stopped(self, fold: int | None, state: TrainingState) -> None:
        self._send("stopped", fold, state)

    def _send(self, method: str, *arguments: Any, **options: Any) -> None:
        self.parent.send(_Call(method, arguments, options))


def train_side_by_side(
    folds: Folds, workers: Workers, observer: Observer, has_time: Callable[[int], bool], stop: StopRequest, remedy: str
) -> None:
    """Train the networks of all folds, one per worker at a time. has_time: fold -> whether its network, if it is not
    among the first ones, is to be trained now, or not at all. remedy: what to do if a worker is killed.

    Raises what a worker raises, after the others have saved their states; TextRNNError if one is killed; Interrupted
    after a signal, once all states are saved.
    """
    waiting = deque(range(1, len(folds.parts) + 1))
    running: dict[int, int] = {}  # worker -> fold
    failure: Failed | None = None
    is_stopping = False
    workers.call(folds)
    for number in range(len(workers)):
        running[number] = waiting.popleft()
        workers.send(number, running[number])
    while running:
        if not is_stopping and (failure is not None or stop.signal_number is not None):
            is_stopping = True
            for number in running:
                workers.stop(number, stop.signal_number or signal.SIGTERM)
        received = workers.receive(_LOOK_SECONDS)
        if received is None or received[0] not in running:
            continue
        number, message = received
        if isinstance(message, (Failed, Died)):
            fold = running.pop(number)
            if isinstance(message, Died):
                error = f"fold {fold}: its training process was killed, perhaps because memory ran out: {remedy}"
                message = Failed(TextRNNError(error), "")
            failure = failure or message
        elif isinstance(message, _Call):
            getattr(observer, message.method)(*message.arguments, **message.options)
            if message.method == "evaluated":
                workers.send(number, "recorded")
            elif message.method == "stopped":
                del running[number]
        elif waiting and not is_stopping and has_time(waiting[0]):  # its network is trained
            running[number] = waiting.popleft()
            workers.send(number, running[number])
        else:
            del running[number]
    workers.end()  # which frees their memory
    if failure is not None:
        failure.reraise()
    if stop.signal_number is not None:
        raise Interrupted(stop.signal_number)
