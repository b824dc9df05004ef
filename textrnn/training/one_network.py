"""Trains one network on its part of the texts: its `fit` and what goes with each of its events."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import numpy as np
import torch

from textrnn.config import Config
from textrnn.inference import compute_logits
from textrnn.models.network import Network
from textrnn.runtime.distributed import maximum, shard, total
from textrnn.runtime.progress import bar
from textrnn.runtime.signals import Interrupted, StopRequest
from textrnn.training.decision import Scores, score
from textrnn.training.fit import FitSettings
from textrnn.training.plan import Part, build_fit
from textrnn.training.state import Evaluation, Step, TrainingState, flush_metrics
from textrnn.training.time_limit import Pace, TimeLimit

FLUSH_SECONDS = 0.25  # between waits for the device

Weights = dict[str, torch.Tensor]


@dataclass
class Trainee:
    """A network in training. fold: number, from 1, of the fold left out; None without cross-fitting."""

    fold: int | None
    network: Network
    optimizer: torch.optim.Optimizer
    state: TrainingState
    settings: FitSettings


class Saver:
    """Saves the states from which training can resume: here, none."""

    def restore(self, trainee: Trainee) -> bool:
        """Restore the saved state, or save the first one. Returns whether there was one."""
        return False

    def wants_to_save(self) -> bool:
        return False

    def save(self, trainee: Trainee) -> None:
        """Save the state after the last step."""


class Listener(Protocol):
    """Receives the events of a network's `fit`, and is closed after the last one or when training stops."""

    def __call__(self, event: Step | Evaluation) -> None: ...

    def close(self) -> None: ...


class Observer(Protocol):
    """Receives the progress of networks; see `keeper.Keeper`."""

    def began(self, fold: int | None, state: TrainingState, settings: FitSettings, *, is_resumed: bool) -> None: ...

    def advanced(self, fold: int | None, state: TrainingState) -> None:
        """Some steps were taken."""

    def evaluated(
        self, fold: int | None, evaluation: Evaluation, weights: Weights | None, state: TrainingState,
        settings: FitSettings,
    ) -> None: ...  # fmt: skip

    def stopped(self, fold: int | None, state: TrainingState) -> None:
        """A signal has stopped the training of a network, whose state is saved."""


@dataclass
class NetworkTraining:
    """Trains networks. classes: the number of classes. margins (m, classes): of linear models on all held-out texts, or
    None. listener: fold -> an additional listener to the training of its network."""

    config: Config
    classes: int
    margins: torch.Tensor | None
    device: torch.device
    saver: Saver = field(default_factory=Saver)
    listener: Callable[[int | None], Listener] | None = None
    stop: StopRequest = field(default_factory=StopRequest)
    limit: TimeLimit = field(default_factory=TimeLimit)
    flushed_at: float = 0.0  # time.monotonic() of the last flush

    def train(self, network: Network, part: Part, fold: int | None, observer: Observer) -> None:
        """Train one network, from its saved state if there is one. Raises TextRNNError as `fit` does, and Interrupted
        once the state is saved."""
        state = TrainingState()
        settings, optimizer, events = build_fit(
            self.config.train, network, part, state,
            None if part.held_out is None else partial(self.scores, network, part),
        )  # fmt: skip
        trainee = Trainee(fold, network, optimizer, state, settings)
        is_resumed = self.saver.restore(trainee)
        observer.began(fold, state, settings, is_resumed=is_resumed)
        held_out_tokens = 0 if part.held_out is None else int(part.held_out.lengths.sum())
        pace = Pace(self.limit, settings, state, held_out_tokens / int(part.train.lengths.sum()), fold or 1)
        with contextlib.ExitStack() as stack:
            stack.push(partial(self.report_stop, trainee, observer))  # once the listener is closed
            listen = None
            if self.listener is not None:
                listen = stack.enter_context(contextlib.closing(self.listener(fold)))
            self.flushed_at = time.monotonic()
            try:
                for event in events:
                    state.run_seconds = self.limit.used()
                    if isinstance(event, Evaluation):
                        keep_pace(trainee, *maximum([pace.due()]))
                        observer.evaluated(fold, event, copy_of_weights(network, event), state, settings)
                        self.saver.save(trainee)
                    if listen is not None:
                        listen(event)
                    if isinstance(event, Step):
                        self.after_step(trainee, observer, pace)
            except Interrupted:
                self.saver.save(trainee)
                raise

    def report_stop(self, trainee: Trainee, observer: Observer, error: type[BaseException] | None, *_: object) -> None:
        """Called at the end of a training, with the error that ended it."""
        if error is Interrupted:
            observer.stopped(trainee.fold, trainee.state)

    def after_step(self, trainee: Trainee, observer: Observer, pace: Pace) -> None:
        """Flush, save and stop when it is time. All processes must do so at the same step, or they deadlock."""
        is_late = time.monotonic() - self.flushed_at >= FLUSH_SECONDS
        must_flush, must_save, signal_number, due = maximum(
            [is_late, self.saver.wants_to_save(), self.stop.signal_number or 0, pace.due()]
        )
        keep_pace(trainee, due)
        if must_flush or must_save:
            flush_metrics(trainee.state)
            self.flushed_at = time.monotonic()
            observer.advanced(trainee.fold, trainee.state)
        if signal_number:
            raise Interrupted(signal_number)
        if must_save:
            self.saver.save(trainee)

    def scores(self, network: Network, part: Part) -> Scores:
        """Scores on the part's held-out texts. Raises Interrupted."""
        assert part.held_out is not None
        margins = None if self.margins is None else self.margins[part.held_out_rows]
        logits = self.held_out_logits(network, part)
        assert part.held_out.targets is not None
        return score(logits, margins, part.held_out.targets, mix=self.config.model.linear == "mix")

    def held_out_logits(self, network: Network, part: Part) -> torch.Tensor:
        """(n, classes) logits, of which each process computes a shard. Raises Interrupted."""
        texts = part.held_out
        assert texts is not None
        own = shard(np.argsort(-texts.lengths, kind="stable"))
        logits = torch.zeros(len(texts), self.classes)
        # Interrupted is raised below, in all processes
        with bar("evaluating", total=len(own)) as shown, contextlib.suppress(Interrupted):

            def after_batch(count: int) -> None:
                shown.update(count)
                self.stop.check()

            if len(own):
                logits[torch.from_numpy(own)] = compute_logits(
                    network, texts.rows(own), device=self.device, after_batch=after_batch
                )
        self.check_stop()
        # the other processes have zeros in these rows, so the sum is exact
        return total(logits)

    def check_stop(self) -> None:
        """Raises Interrupted in all processes if one has received a signal."""
        (signal_number,) = maximum([self.stop.signal_number or 0])
        if signal_number:
            raise Interrupted(signal_number)


def keep_pace(trainee: Trainee, due: int) -> None:
    """Called after an event of `fit`, with the number of steps that the schedule must have reached: if it is that of
    all steps, the network is evaluated, unless it was just now, and trained no more."""
    state, total_steps = trainee.state, trainee.settings.total_steps
    state.due = max(state.due, due)
    if state.due == total_steps > state.step and not state.finished:
        state.out_of_time = True
        state.pending_evaluation, state.finished = state.steps_in_epoch > 0, state.steps_in_epoch == 0


def copy_of_weights(network: Network, evaluation: Evaluation) -> Weights | None:
    """The network's weights if they are the best so far."""
    if not evaluation.is_best:
        return None
    return {name: tensor.cpu().clone() for name, tensor in network.state_dict().items()}
