"""Trains the networks of a plan in turn, then learns their mixture with the linear model, for `textrnn train` and the
estimator. A `Keeper` keeps the results in memory; a `recorder.Recorder` also writes them into a run's folder."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
import torch

from textrnn.config import Config
from textrnn.corpus.splits import Splits
from textrnn.corpus.statistics import cut_share, expected_unknown_share
from textrnn.evaluation.drift import TextStatistics
from textrnn.inference import compute_logits, predicted_classes
from textrnn.linear.mixture import Mixture
from textrnn.linear.model import LinearModel
from textrnn.models.network import Network
from textrnn.runtime.device import has_bfloat16_units
from textrnn.runtime.distributed import is_first, maximum, shard, total
from textrnn.runtime.progress import bar, timed
from textrnn.runtime.signals import Interrupted, StopRequest
from textrnn.training.decision import Scores, score, score_trained
from textrnn.training.fit import FitSettings
from textrnn.training.linear import ReadTexts, fit_linear
from textrnn.training.plan import NetworkBuilder, Part, build_fit
from textrnn.training.state import Evaluation, Step, TrainingState, flush_metrics, fold_summary, linear_record

# Used without held-out texts to learn from. The temperature of the linear model suits most corpora.
EQUAL_PARTS = Mixture(weight=0.5, linear_temperature=0.25)
FLUSH_SECONDS = 0.25  # between waits for the device
BAR_FORMAT = "{l_bar}{bar}| {remaining} left{postfix}"  # without steps, to fit into 80 columns
MOST_TEXTS = 2000  # number of texts on which bfloat16 and float32 are compared


@dataclass
class Trainee:
    """A network in training. fold: number, from 1, of the fold left out; None without cross-fitting."""

    fold: int | None
    network: Network
    optimizer: torch.optim.Optimizer
    state: TrainingState
    settings: FitSettings


class Keeper:
    """Keeps the results of training in memory. mix: whether predictions use the linear model. history: the lines of
    history.jsonl. warning: a sentence about a weak part of the model, or None. statistics: those of the training texts,
    with the classes predicted for held-out ones."""

    def __init__(self, *, mix: bool) -> None:
        self.mix = mix
        self.linear: LinearModel | None = None
        self.linear_seconds = 0.0  # time of its fits
        self.weights: list[dict[str, torch.Tensor]] = []
        self.decision = Mixture()
        self.history: list[dict[str, Any]] = []
        self.warning: str | None = None
        self.bfloat16_agreement: float | None = None
        self.statistics: TextStatistics | None = None

    def fit_linear(self, config: Config, splits: Splits, texts: ReadTexts) -> torch.Tensor | None:
        """Fit and keep the linear model, and return the margins (m, classes) of models on the texts held out from them:
        None without held-out texts or linear model."""
        fitted = fit_linear(config, splits, texts)
        if fitted is None:
            return None
        self.linear, self.linear_seconds = fitted.model, fitted.seconds
        return None if fitted.margins is None else torch.from_numpy(fitted.margins)

    def begin(self, trainee: Trainee) -> None:
        """Called before a network's first step."""

    def wants_to_save(self) -> bool:
        return False

    def save(self, trainee: Trainee) -> None:
        """Save the state from which training can resume after the last step."""

    def add(self, trainee: Trainee, event: Step | Evaluation) -> None:
        """Keep the best weights of each network, and a history."""
        if isinstance(event, Step):
            return
        if event.is_best:
            number, state = (trainee.fold or 1) - 1, trainee.network.state_dict()
            self.weights[number : number + 1] = [{name: tensor.cpu().clone() for name, tensor in state.items()}]
            if event.scores is not None:
                self.decision = event.scores.decision
            elif self.mix and self.linear is not None:
                self.decision = EQUAL_PARTS
        self.history.append(({} if trainee.fold is None else {"fold": trainee.fold}) | event.record())

    def interrupt(self, trainee: Trainee | None) -> None:
        """Called when a signal stops training. trainee: the network in training; None if all are trained."""

    def end(
        self, scores: Scores | None, logits: torch.Tensor | None, bfloat16_agreement: float | None,
        statistics: TextStatistics,
    ) -> None:  # fmt: skip
        """Keep the final results. scores: on all held-out texts, None without any. logits (m, classes): of the networks
        on them, None without networks. bfloat16_agreement: see `Training.bfloat16_agreement`. statistics: see
        `Training.statistics`."""
        if logits is None:
            self.history.append(linear_record(scores, self.linear_seconds))
        if scores is not None:
            self.decision, self.warning = scores.decision, scores.warning
            if len(self.weights) > 1:
                self.history.append(fold_summary(self.history, scores))
        self.bfloat16_agreement, self.statistics = bfloat16_agreement, statistics


class Listener(Protocol):
    """Receives the events of a network's `fit`, and is closed after the last one or when training stops."""

    def __call__(self, event: Step | Evaluation) -> None: ...

    def close(self) -> None: ...


@dataclass
class Training:
    """Trains the networks of all parts. margins (m, classes): of linear models on all held-out texts, or None.
    listener: fold -> an additional listener to the training of its network."""

    config: Config
    splits: Splits
    parts: list[Part]
    margins: torch.Tensor | None
    keeper: Keeper
    device: torch.device
    stop: StopRequest
    listener: Callable[[int | None], Listener] | None = None
    flushed_at: float = 0.0  # time.monotonic() of the last flush

    def run(self, builder: NetworkBuilder, network: Network) -> None:
        """Train all networks, and learn the mixture. network: that of the first part, on its device. Raises
        TextRNNError as `fit` does, and Interrupted once the keeper has saved."""
        for number, part in enumerate(self.parts, start=1):
            network = network if number == 1 else builder.build(part.seed, self.device)
            with timed(f"training network {number} of {len(self.parts)}"):
                self.train(network, part, number if len(self.parts) > 1 else None)
        try:
            with timed("combining the models"):
                self.decide(network)
        except Interrupted:
            self.keeper.interrupt(None)
            raise

    def train(self, network: Network, part: Part, fold: int | None) -> None:
        """Train one network, from its saved state if the keeper has one."""
        state = TrainingState()
        settings, optimizer, events = build_fit(
            self.config.train, network, part, state, len(self.splits.labels),
            None if part.held_out is None else partial(self.scores, network, part),
        )  # fmt: skip
        trainee = Trainee(fold, network, optimizer, state, settings)
        self.keeper.begin(trainee)
        name = "training" if fold is None else f"fold {fold}"
        with (
            bar(name, total=settings.total_steps, initial=state.step, bar_format=BAR_FORMAT) as shown,
            contextlib.ExitStack() as stack,
        ):
            listeners: list[Callable[[Step | Evaluation], None]] = [
                partial(show, shown, state), partial(self.keeper.add, trainee),
            ]  # fmt: skip
            if self.listener is not None:
                listeners.append(stack.enter_context(contextlib.closing(self.listener(fold))))
            self.flushed_at = time.monotonic()
            try:
                for event in events:
                    for listen in listeners:
                        listen(event)
                    if isinstance(event, Step):
                        self.after_step(trainee)
            except Interrupted:
                self.keeper.interrupt(trainee)
                raise

    def after_step(self, trainee: Trainee) -> None:
        """Flush, save and stop when it is time. All processes must do so at the same step, or they deadlock."""
        is_late = time.monotonic() - self.flushed_at >= FLUSH_SECONDS
        must_flush, must_save, signal_number = maximum(
            [is_late, self.keeper.wants_to_save(), self.stop.signal_number or 0]
        )
        if must_flush or must_save:
            flush_metrics(trainee.state)
            self.flushed_at = time.monotonic()
        if signal_number:
            raise Interrupted(signal_number)
        if must_save:
            self.keeper.save(trainee)

    def scores(self, network: Network, part: Part) -> Scores:
        """Scores on the part's held-out texts. Raises Interrupted."""
        assert part.held_out is not None
        margins = None if self.margins is None else self.margins[part.held_out_rows]
        logits = self.held_out_logits(network, part)
        return score(logits, margins, np.asarray(part.held_out.labels), mix=self.keeper.mix)

    def held_out_logits(self, network: Network, part: Part) -> torch.Tensor:
        """(n, classes) logits, of which each process computes a shard. Raises Interrupted."""
        texts = part.held_out
        assert texts is not None
        own = shard(np.argsort(-texts.lengths, kind="stable"))
        logits = torch.zeros(len(texts), len(self.splits.labels))
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
            logits[part.held_out_rows] = self.held_out_logits(trained, part)
        scores = score_trained(logits, self.margins, np.asarray(held_out.texts.labels), mix=self.keeper.mix)
        agreement = None
        if is_first():
            with contextlib.suppress(Interrupted):  # raised below, in all processes
                agreement = self.bfloat16_agreement(network, scores.decision)
        self.check_stop()
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
        for weights in self.keeper.weights:
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


def show(shown: Any, state: TrainingState, event: Step | Evaluation) -> None:
    """Advance the bar by a step; mean loss and speed cover the steps of the epoch that were flushed."""
    if isinstance(event, Step):
        shown.update()
        if state.steps:
            loss, rate = state.loss_sum / state.documents, state.tokens / state.train_seconds
            shown.set_postfix_str(f"epoch {state.epoch}, loss {loss:.3f}, {rate:,.0f} tokens/s", refresh=False)
