"""Trains the networks of a plan, in turn or side by side, then learns their mixture with the linear model, for
`textrnn train` and the estimator."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
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
from textrnn.runtime.distributed import is_first, world_size
from textrnn.runtime.progress import bar, timed
from textrnn.runtime.signals import Interrupted, StopRequest
from textrnn.runtime.threads import one_core
from textrnn.runtime.workers import Workers
from textrnn.training.decision import score_trained
from textrnn.training.fit import FitSettings
from textrnn.training.keeper import Keeper
from textrnn.training.one_network import Listener, NetworkTraining, Saver, Weights
from textrnn.training.plan import NetworkBuilder, Part, build_settings, packed, plan
from textrnn.training.side_by_side import Folds, train_side_by_side
from textrnn.training.state import Evaluation, TrainingState

BAR_FORMAT = "{l_bar}{bar}| {remaining} left{postfix}"  # without steps, to fit into 80 columns
MOST_TEXTS = 2000  # number of texts on which bfloat16 and float32 are compared


@dataclass
class Training:
    """Trains the networks of all parts. margins (m, classes): of linear models on all held-out texts, or None.
    workers: those of `side_by_side.training_workers`. Other fields as in `NetworkTraining`."""

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

    def __post_init__(self) -> None:
        self.one = NetworkTraining(
            self.config, len(self.splits.labels), self.margins, self.device, self.saver, self.listener, self.stop
        )

    def run(self, builder: NetworkBuilder, network: Network) -> None:
        """Train all networks, and learn the mixture. network: that of the first part, on its device. Raises
        TextRNNError as `fit` does, and Interrupted once all states are saved."""
        steps = sum(build_settings(self.config.train, part).total_steps for part in self.parts)
        with bar("training", unit="step", total=steps, bar_format=BAR_FORMAT) as shown:
            progress = Progress(self.keeper, shown)
            try:
                with timed(f"training {len(self.parts)} networks" if len(self.parts) > 1 else "training"):
                    self.train_networks(builder, network, progress)
            except Interrupted:
                self.keeper.interrupted(progress.interrupted)
                raise
        try:
            with timed("combining the models"):
                self.decide(network)
        except Interrupted:
            self.keeper.interrupted([])
            raise

    def train_networks(self, builder: NetworkBuilder, network: Network, progress: Progress) -> None:
        """A network of a fold computes on one core, so that its weights do not depend on the number of processes."""
        if len(self.parts) == 1:
            self.one.train(network, self.parts[0], None, progress)
        elif self.workers is not None:
            parts = plan(packed(self.splits), self.config.train)
            folds = Folds(self.config, self.one.classes, self.margins, self.saver, self.listener, builder, parts)
            train_side_by_side(folds, self.workers, progress, self.stop, self.keeper.remedy)
        else:
            is_alone = self.device.type == "cpu" and world_size() == 1
            with one_core() if is_alone else contextlib.nullcontext():
                for fold, part in enumerate(self.parts, start=1):
                    self.one.train(builder.build(part.seed, self.device), part, fold, progress)

    def decide(self, network: Network) -> None:
        """Learn the mixture from all held-out texts, and measure how often bfloat16 predicts the same class.
        network: any of them, whose weights are overwritten. Raises Interrupted."""
        held_out, classes = self.splits.held_out, len(self.splits.labels)
        if held_out is None:
            shares = np.asarray(self.splits.class_shares)
            self.keeper.end(None, torch.zeros(0, classes), None, self.statistics(shares, len(self.splits.train)))
            return
        logits = torch.empty(len(held_out.texts), classes)
        for part, trained in zip(self.parts, self.best(network), strict=True):
            logits[part.held_out_rows] = self.one.held_out_logits(trained, part)
        assert held_out.texts.targets is not None
        scores = score_trained(logits, self.margins, held_out.texts.targets, mix=self.keeper.mix)
        agreement = None
        if is_first():
            with contextlib.suppress(Interrupted):  # raised below, in all processes
                agreement = self.bfloat16_agreement(network, scores.decision)
        self.one.check_stop()
        predicted = predicted_classes(scores.decision.logits(logits, self.margins))
        shares = np.bincount(predicted, minlength=classes) / len(predicted)
        self.keeper.end(scores, logits, agreement, self.statistics(shares, len(predicted)))

    def statistics(self, class_shares: np.ndarray, texts: int) -> TextStatistics:
        """Statistics that new texts are expected to have. class_shares (classes,): of the predictions for `texts`
        held-out texts, or of the training texts if none are held out."""
        unknown = expected_unknown_share(self.splits, self.config.vocab.min_count)
        lengths = self.splits.lengths["train"][self.splits.train_rows]
        return TextStatistics(unknown, cut_share(lengths, self.config.data.max_length), class_shares, texts)

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
        for part, trained in zip(self.parts, self.best(network), strict=True):
            assert part.held_out is not None
            rows = np.random.default_rng(part.seed).permutation(len(part.held_out))[: MOST_TEXTS // len(self.parts)]
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
    """Passes the progress of networks on to a keeper, and shows it in a bar over all of them. interrupted: the folds
    that a signal has stopped, and their progress."""

    def __init__(self, keeper: Keeper, shown: Any) -> None:
        self.keeper, self.shown = keeper, shown
        self.resumed = 0  # steps of an earlier process
        self.steps: dict[int | None, int] = {}
        self.interrupted: list[tuple[int | None, TrainingState]] = []

    def began(self, fold: int | None, state: TrainingState, settings: FitSettings, *, is_resumed: bool) -> None:
        self.keeper.began(fold, state, settings, is_resumed=is_resumed)
        self.steps[fold] = state.step
        self.resumed += state.step  # which says nothing about the time that is left
        self.shown.initial = self.resumed
        self.shown.n += state.step
        self._leave_out(state, settings)

    def advanced(self, fold: int | None, state: TrainingState) -> None:
        """Mean loss and speed cover the steps of the epoch."""
        self.shown.update(state.step - self.steps[fold])
        self.steps[fold] = state.step
        if state.steps:
            loss, rate = state.loss_sum / state.documents, state.tokens / state.train_seconds
            place = f"epoch {state.epoch}" if fold is None else f"fold {fold}, epoch {state.epoch}"
            self.shown.set_postfix_str(f"{place}, loss {loss:.3f}, {rate:,.0f} tokens/s", refresh=False)

    def evaluated(
        self, fold: int | None, evaluation: Evaluation, weights: Weights | None, state: TrainingState,
        settings: FitSettings,
    ) -> None:  # fmt: skip
        self.advanced(fold, state)
        self._leave_out(state, settings)
        self.keeper.evaluated(fold, evaluation, weights, state, settings)

    def stopped(self, fold: int | None, state: TrainingState) -> None:
        self.interrupted.append((fold, state))

    def _leave_out(self, state: TrainingState, settings: FitSettings) -> None:
        """Take the steps off the bar that a network does not take because it has stopped early."""
        if state.finished:
            self.shown.total -= settings.total_steps - state.step
