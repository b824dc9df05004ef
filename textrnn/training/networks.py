"""Trains the networks of a plan, if it has any, in turn or side by side, then learns their mixture with the linear
model, for `textrnn train` and the estimator."""

from __future__ import annotations

import contextlib
import heapq
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from textrnn.config import Config
from textrnn.corpus.splits import Splits
from textrnn.corpus.statistics import cut_share, expected_unknown_share
from textrnn.evaluation.drift import TextStatistics
from textrnn.inference import compute_logits, predicted_classes
from textrnn.linear.mixture import Mixture
from textrnn.models.network import Network
from textrnn.runtime.device import has_bfloat16_units
from textrnn.runtime.distributed import is_first, maximum, world_size
from textrnn.runtime.progress import bar, log, timed
from textrnn.runtime.signals import Interrupted, StopRequest
from textrnn.runtime.terminal import count_of, duration
from textrnn.runtime.threads import one_core
from textrnn.runtime.workers import Workers
from textrnn.training.decision import score_linear, score_trained
from textrnn.training.fit import FitSettings
from textrnn.training.keeper import EQUAL_PARTS, Keeper
from textrnn.training.one_network import Listener, NetworkTraining, Saver, Weights
from textrnn.training.plan import NetworkBuilder, Part, build_settings, packed, plan
from textrnn.training.side_by_side import Folds, train_side_by_side
from textrnn.training.state import Evaluation, TrainingState
from textrnn.training.time_limit import TimeLimit

BAR_FORMAT = "{l_bar}{bar}| {elapsed}{postfix}"  # without steps, to fit into 80 columns
FIRST_SECONDS = 5.0  # of training, from which the time that is left is estimated
HALF_LIFE = 30.0  # seconds after which a step counts half in that estimate, as other programs come and go
LINE_EVERY = 0.1  # of all steps, if no bar is shown
MOST_TEXTS = 2000  # number of texts on which bfloat16 and float32 are compared


@dataclass
class Training:
    """Trains the networks of all parts. margins (m, classes): of linear models on all held-out texts, or None.
    workers: those of `side_by_side.training_workers`. begun: the numbers, from 0, of the networks that an earlier
    process of a resumed run has begun. Other fields as in `NetworkTraining`."""

    config: Config
    splits: Splits
    parts: list[Part]
    margins: torch.Tensor | None
    keeper: Keeper
    device: torch.device
    stop: StopRequest
    saver: Saver = field(default_factory=Saver)
    listener: Callable[[int | None], Listener] | None = None
    workers: Workers | None = None
    limit: TimeLimit = field(default_factory=TimeLimit)
    begun: Collection[int] = ()

    def __post_init__(self) -> None:
        self.one = NetworkTraining(
            self.config, len(self.splits.labels), self.margins, self.device, self.saver, self.listener, self.stop,
            self.limit,
        )  # fmt: skip

    def run(self, builder: NetworkBuilder, network: Network) -> None:
        """Train all networks, and learn the mixture. network: that of the first part, on its device. Raises
        TextRNNError as `fit` does, and Interrupted once all states are saved."""
        before, folds = self.limit.used(), range(1, len(self.parts) + 1) if len(self.parts) > 1 else [None]
        settings = [build_settings(self.config.train, part) for part in self.parts]
        steps = sum(one.total_steps for one in settings)
        with bar("training", unit="step", total=steps, bar_format=BAR_FORMAT) as shown:
            progress = Progress(self.keeper, shown, dict(zip(folds, settings, strict=True)), self.limit)
            try:
                with timed(f"training {len(self.parts)} networks" if len(self.parts) > 1 else "training"):
                    self.train_networks(builder, network, progress)
            except Interrupted:
                self.keeper.interrupted(progress.interrupted)
                raise
        if left_out := progress.left_out():
            log.info("train.minutes %g: %s", self.limit.seconds / 60, left_out)
        trained = self.limit.used()
        try:
            with timed("combining the models"):
                self.decide(network)
        except Interrupted:
            self.keeper.interrupted([])
            raise
        if (used := self.limit.used()) > self.limit.seconds:
            log.warning(
                "the run took %.0f s, longer than train.minutes: %.0f s until networks were trained, %.0f s for them, "
                "%.0f s after that", used, before, trained - before, used - trained,
            )  # fmt: skip

    def train_networks(self, builder: NetworkBuilder, network: Network, progress: Progress) -> None:
        """A network of a fold computes on one core, so that its weights do not depend on the number of processes."""

        def has_time(fold: int) -> bool:
            (lacks_time,) = maximum([int(fold - 1 not in self.begun and not progress.has_time_for_one_more())])
            return not lacks_time

        if len(self.parts) == 1:
            self.one.train(network, self.parts[0], None, progress)
        elif self.workers is not None:
            parts = plan(packed(self.splits), self.config.train)
            folds = Folds(
                self.config, self.one.classes, self.margins, self.saver, self.listener, self.limit, builder, parts
            )
            progress.processes = len(self.workers)
            train_side_by_side(folds, self.workers, progress, has_time, self.stop, self.keeper.remedy)
        else:
            is_alone = self.device.type == "cpu" and world_size() == 1
            with one_core() if is_alone else contextlib.nullcontext():
                for fold, part in enumerate(self.parts, start=1):
                    if has_time(fold):
                        self.one.train(builder.build(part.seed, self.device), part, fold, progress)

    def decide(self, network: Network) -> None:
        """Learn the mixture from all held-out texts, and measure how often bfloat16 predicts the same class.
        network: any of them, whose weights are overwritten. Raises Interrupted."""
        held_out, classes = self.splits.held_out, len(self.splits.labels)
        if held_out is None:
            shares = np.asarray(self.splits.class_shares)
            statistics = self.statistics(shares, len(self.splits.train))
            self.keeper.end(None, torch.zeros(0, classes), torch.arange(0), None, statistics)
            return
        logits = torch.empty(len(held_out.texts), classes)
        for part, trained in zip(self.trained_parts, self.best(network), strict=True):
            logits[part.held_out_rows] = self.one.held_out_logits(trained, part)
        assert held_out.texts.targets is not None
        rows = torch.cat([part.held_out_rows for part in self.trained_parts]).sort().values
        logits, margins = logits[rows], None if self.margins is None else self.margins[rows]
        scores = score_trained(logits, margins, held_out.texts.targets.rows(rows.numpy()), mix=self.keeper.mix)
        agreement = None
        if is_first():
            with contextlib.suppress(Interrupted):  # raised below, in all processes
                agreement = self.bfloat16_agreement(network, scores.decision)
        self.one.check_stop()
        predicted = predicted_classes(scores.decision.logits(logits, margins))
        shares = np.bincount(predicted, minlength=classes) / len(predicted)
        self.keeper.end(scores, logits, rows, agreement, self.statistics(shares, len(predicted)))

    def finish_without_network(self) -> None:
        """Score the linear model, fitted before, by the margins on held-out texts, and learn its temperature."""
        held_out = self.splits.held_out
        if held_out is None or self.margins is None:
            self.keeper.decision = EQUAL_PARTS.without_network()
            statistics = self.statistics(np.asarray(self.splits.class_shares), len(self.splits.train))
            self.keeper.end(None, None, torch.arange(0), None, statistics)
            return
        assert held_out.texts.targets is not None
        scores, count = score_linear(self.margins, held_out.texts.targets), len(self.margins)
        shares = np.bincount(predicted_classes(self.margins), minlength=len(self.splits.labels)) / count
        self.keeper.end(scores, None, torch.arange(count), None, self.statistics(shares, count))

    def statistics(self, class_shares: np.ndarray, texts: int) -> TextStatistics:
        """Statistics that new texts are expected to have. class_shares (classes,): of the predictions for `texts`
        held-out texts, or of the training texts if none are held out."""
        unknown = expected_unknown_share(self.splits, self.config.vocab.min_count)
        lengths = self.splits.lengths["train"][self.splits.train_rows]
        return TextStatistics(unknown, cut_share(lengths, self.config.data.max_length), class_shares, texts)

    @property
    def trained_parts(self) -> list[Part]:
        """The parts that have a trained network: all of them, unless the time was too short."""
        return [self.parts[number] for number in sorted(self.keeper.weights)]

    def best(self, network: Network) -> Iterator[Network]:
        """`network` with the best weights of each part in turn."""
        for _, weights in sorted(self.keeper.weights.items()):
            network.load_state_dict(weights)
            yield network

    def bfloat16_agreement(self, network: Network, decision: Mixture) -> float | None:
        """The share of held-out texts whose predicted class is the same in bfloat16 and in float32, each by the network
        that was not trained on it and, if it has a weight, the linear model. None without bfloat16 units. Raises
        Interrupted."""
        if not has_bfloat16_units(self.device):
            return None
        if not decision.needs_network:
            return 1.0
        same = []
        for part, trained in zip(self.trained_parts, self.best(network), strict=True):
            assert part.held_out is not None
            rows = np.random.default_rng(part.seed).permutation(len(part.held_out))[
                : MOST_TEXTS // len(self.keeper.weights)
            ]
            margins = self.margins[part.held_out_rows[rows]] if self.margins is not None and self.keeper.mix else None
            classes = []
            for precision in ("float32", "bfloat16"):
                logits = compute_logits(
                    trained, part.held_out.rows(rows), device=self.device, precision=precision,
                    after_batch=lambda _: self.stop.check(),
                )  # fmt: skip
                classes.append(decision.logits(logits, margins).argmax(dim=1))
            same.append(classes[0] == classes[1])
        return float(torch.cat(same).double().mean())


class Progress:
    """Passes the progress of networks on to a keeper, and shows that of all of them. shown: a bar. settings: those of
    each network, by its fold. processes: how many are trained at a time. interrupted: the folds that a signal has
    stopped, and their progress."""

    def __init__(self, keeper: Keeper, shown: Any, settings: dict[int | None, FitSettings], limit: TimeLimit) -> None:
        self.keeper, self.shown, self.settings, self.limit = keeper, shown, settings, limit
        self.processes = 1
        self.steps_left = {fold: one.total_steps for fold, one in settings.items()}
        self.total_steps = sum(self.steps_left.values())
        self.states: dict[int | None, TrainingState] = {}
        self.last: dict[int | None, tuple[float, int]] = {}  # time and step of a network when it was last heard of
        self.seconds = self.steps = 0.0  # spent on networks, and taken by them, by this process: the last ones most
        self.next_line = 0.0  # the share of all steps at which a line is logged
        self.interrupted: list[tuple[int | None, TrainingState]] = []

    def began(self, fold: int | None, state: TrainingState, settings: FitSettings, *, is_resumed: bool) -> None:
        self.keeper.began(fold, state, settings, is_resumed=is_resumed)
        self.last[fold] = time.monotonic(), state.step  # earlier steps say nothing about the time that is left
        self._update(fold, state)

    def advanced(self, fold: int | None, state: TrainingState) -> None:
        """The mean loss is that of the epoch so far."""
        self._update(fold, state)
        seconds_left, share = self.seconds_left(), 1 - sum(self.steps_left.values()) / self.total_steps
        time_left = "" if seconds_left is None else f"about {duration(seconds_left)} left"
        if state.steps:
            place = f"epoch {state.epoch}" if fold is None else f"fold {fold}, epoch {state.epoch}"
            loss = state.loss_sum / state.documents
            self.shown.set_postfix_str(f"{time_left}{', ' * bool(time_left)}{place}, loss {loss:.3f}", refresh=False)
        if self.shown.disable and time_left and self.next_line <= share < 1:
            self.next_line = share + LINE_EVERY
            log.info("training: %.0f %% of all steps taken, %s", 100 * share, time_left)

    def evaluated(
        self, fold: int | None, evaluation: Evaluation, weights: Weights | None, state: TrainingState,
        settings: FitSettings,
    ) -> None:  # fmt: skip
        self.keeper.evaluated(fold, evaluation, weights, state, settings)
        self.advanced(fold, state)

    def stopped(self, fold: int | None, state: TrainingState) -> None:
        self.interrupted.append((fold, state))

    def seconds_left(self) -> float | None:
        """The estimated time until all networks are trained; None in the first seconds. Each process takes the next
        network when it is done with one."""
        if self.seconds < FIRST_SECONDS * self.processes or not self.steps:
            return None
        steps = [0] * self.processes
        for left in self.steps_left.values():
            heapq.heapreplace(steps, steps[0] + left)
        return min(max(steps) * self.seconds / self.steps, max(self.limit.left(), 0.0))

    def has_time_for_one_more(self) -> bool:
        """Whether the time that is left is as long as any network took so far; the first one is always trained."""
        taken = [state.seconds + state.evaluation_seconds for state in self.states.values() if state.finished]
        return not taken or max(taken) <= self.limit.left()

    def left_out(self) -> str:
        """What the time limit left out, in words; nothing if there was enough time."""
        networks, phrases = len(self.settings) - len(self.states), []
        if networks:
            phrases.append(f"{count_of(networks, 'network')} of {len(self.settings)} left out")
        for fold, state in sorted(self.states.items(), key=lambda item: item[0] or 0):
            if state.out_of_time:
                epochs, name = (
                    state.step / self.settings[fold].steps_per_epoch,
                    "" if fold is None else f"fold {fold}: ",
                )
                phrases.append(f"{name}{epochs:.2g} of {count_of(self.settings[fold].epochs, 'epoch')} trained")
        return ", ".join(phrases)

    def _update(self, fold: int | None, state: TrainingState) -> None:
        now, (before, step) = time.monotonic(), self.last[fold]
        self.states[fold], self.last[fold] = state, (now, state.step)
        kept = 0.5 ** ((now - before) / (HALF_LIFE * self.processes))
        self.seconds, self.steps = kept * self.seconds + now - before, kept * self.steps + state.step - step
        self.steps_left[fold] = 0 if state.finished else self.settings[fold].total_steps - state.step
        self.shown.update(self.total_steps - sum(self.steps_left.values()) - self.shown.n)
