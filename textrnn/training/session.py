"""A run in training: model, optimizer and state together with the folder their results go to.

Of several processes each trains its part of every batch; all decide the same, and the first alone writes.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from textrnn.config import Config, TrainConfig
from textrnn.data.splits import Splits
from textrnn.data.transform import EncodedTexts
from textrnn.data.vectors import coverage, read_vectors
from textrnn.errors import CheckpointError, TextRNNError
from textrnn.evaluation.metrics import summary
from textrnn.evaluation.plots import plot_curves
from textrnn.inference import compute_logits
from textrnn.models.build import build_model
from textrnn.models.linear import WithLinearPath
from textrnn.run.checkpoint import load_state, read_progress, save_state, save_weights
from textrnn.run.folder import RunFolder
from textrnn.run.history import append_history, cut_history, read_history
from textrnn.runtime.distributed import (
    barrier,
    broadcast_from_rank0,
    is_first,
    maximum,
    shard,
    total,
    world_size,
    wrap_ddp,
)
from textrnn.runtime.progress import bar, log
from textrnn.runtime.seeding import seed_weights
from textrnn.runtime.signals import Interrupted, StopRequest
from textrnn.training import linear
from textrnn.training.loop import steps_per_epoch, training_steps
from textrnn.training.objectives import adversarial, balanced_weights, cross_entropy, plain
from textrnn.training.optim import build_optimizer, learning_rate_at
from textrnn.training.state import Step, TrainingState, settle

LOOK_SECONDS = 0.25  # between looks at what the device has done: each one waits for it


class Session:
    """One process's part of a run: the model in training, and where its results go."""

    def __init__(self, config: Config, run: RunFolder, splits: Splits, device: torch.device) -> None:
        self.config, self.run, self.splits, self.device = config, run, splits, device
        settings = config.train
        seed_weights(settings.seed)
        pretrained = None
        if config.model.pretrained is not None:
            pretrained = read_vectors(config.model.pretrained, splits.vocab, dim=config.model.embedding_dim)
            log.info(coverage(pretrained, splits.counts))
        self.model = build_model(
            config.model, vocab_size=len(splits.vocab), num_classes=len(splits.labels), pretrained=pretrained
        ).to(device)
        self.network = self.model.network if isinstance(self.model, WithLinearPath) else self.model
        self.parallel = wrap_ddp(self.network)
        self.embedding_dim = self.network.embedding.table.embedding_dim
        self.optimizer = build_optimizer(
            self.network, learning_rate=settings.learning_rate, weight_decay=settings.weight_decay,
            embedding_lr_multiplier=settings.embedding_lr_multiplier,
        )  # fmt: skip
        self.class_weights = None
        if settings.class_weights == "balanced":
            self.class_weights = balanced_weights(np.asarray(splits.train.labels), len(splits.labels)).to(device)
        loss = cross_entropy(class_weights=self.class_weights, label_smoothing=settings.label_smoothing)
        self.objective = plain(loss)
        if settings.adversarial_norm is not None:
            self.objective = adversarial(loss, norm=settings.adversarial_norm, dim=self.embedding_dim)
        self.steps_per_epoch = steps_per_epoch(len(splits.train), settings.batch_size, settings.accumulate)
        self.state = TrainingState()
        self.unsettled: list[Step] = []

    def fit_linear_path(self) -> None:
        """Before the first step; afterwards it stays as it is, and is saved with the rest."""
        if not isinstance(self.model, WithLinearPath):
            return
        path = self.model.linear.cpu()
        weights = None if self.class_weights is None else self.class_weights.cpu()
        begin = time.perf_counter()

        def fitted() -> dict[str, torch.Tensor]:
            linear.fit(path, self.splits.train, seed=self.config.train.seed, class_weights=weights)
            return path.state_dict()

        path.load_state_dict(broadcast_from_rank0(fitted))
        path.to(self.device)
        log.info(
            "linear path: weights in %d of %d buckets, fitted in %.1f s; dev figures are of network and path together, "
            "train loss is the network's alone",
            int(path.weight.any(dim=1).sum()), len(path.weight) - 1, time.perf_counter() - begin,
        )  # fmt: skip
        self.save()

    def load(self) -> None:
        """Take up the saved state; what was recorded after it is forgotten."""
        self.state = state = state_of(load_state(self.run.state, self.model, self.optimizer), self.run)
        if not self.run.weights.exists() and state.best_epoch:
            raise CheckpointError(f"{self.run.weights}: the best model so far is missing; start over with --force")
        state.finished = False  # or else train.epochs was made larger
        if is_first():
            cut_history(self.run.history, state.step - 1 if state.pending_evaluation else state.step)
        log.info("going on after epoch %d, step %d", state.epoch, state.step)

    def settle(self) -> None:
        settle(self.unsettled, self.state, self.config.train.grad_clip_norm)
        self.looked_at = time.monotonic()

    def save(self) -> None:
        self.settle()
        if is_first():
            save_state(self.run.state, self.model, self.optimizer, asdict(self.state))
        self.saved_at = time.monotonic()

    def go_on(self) -> None:
        """Train to the end, evaluating after each epoch; on a signal save, and raise Interrupted."""
        settings, state = self.config.train, self.state
        total_steps = settings.epochs * self.steps_per_epoch
        self.saved_at = self.looked_at = time.monotonic()

        def learning_rate(step: int) -> float:
            return learning_rate_at(
                step,
                total_steps=total_steps,
                peak=settings.learning_rate,
                schedule=settings.schedule,
                warmup=settings.warmup,
            )

        steps = training_steps(
            self.parallel, self.objective, self.optimizer, self.splits.train, state,
            epochs=settings.epochs, batch_size=settings.batch_size, accumulate=settings.accumulate, seed=settings.seed,
            learning_rate=learning_rate, grad_clip_norm=settings.grad_clip_norm, device=self.device,
            precision=settings.precision,
        )  # fmt: skip
        stop = StopRequest(deaf_seconds=3.0 if world_size() > 1 else 0.0)
        with stop, bar("training", total=total_steps, initial=state.step, unit="step") as shown:
            try:
                if state.pending_evaluation:
                    self.evaluate(learning_rate(state.step), stop)
                while not state.finished and (step := next(steps, None)) is not None:
                    self.unsettled.append(step)
                    show(shown, state)
                    # no process may do what the others do not: what one of them wants now, all do
                    now = time.monotonic()
                    looks, saves, signal_number = maximum([
                        now - self.looked_at >= LOOK_SECONDS,
                        now - self.saved_at >= 60 * settings.save_minutes,
                        stop.signal_number or 0,
                    ])  # fmt: skip
                    if looks:
                        self.settle()
                    if saves:
                        self.save()
                    if state.pending_evaluation:
                        self.evaluate(step.learning_rate, stop)
                    if signal_number:
                        raise Interrupted(signal_number)
            except Interrupted:
                self.save()
                log.info("stopped at epoch %d, step %d; the state is saved: --resume goes on", state.epoch, state.step)
                self.plot()
                barrier()  # who left earlier would be missed by torchrun, which then ends the others
                raise
        self.plot()
        value = "" if state.best is None else f", {settings.monitor} {state.best:.4f}"
        log.info("kept the model of epoch %d%s; judge it with: textrnn eval %s", state.best_epoch, value, self.run.path)

    def evaluate(self, learning_rate: float, stop: StopRequest) -> None:
        """Judge on dev, record, keep the best model, decide whether to stop, and save the state."""
        state, settings = self.state, self.config.train
        self.settle()
        dev: dict[str, float | None] = {"dev_loss": None, "dev_accuracy": None, "dev_macro_f1": None}
        if self.splits.dev is not None:
            logits = self.logits(self.splits.dev, stop)
            dev = {f"dev_{key}": value for key, value in summary(logits, np.asarray(self.splits.dev.labels)).items()}
        record: dict[str, Any] = {
            "epoch": state.epoch,
            "step": state.step,
            "train_loss": state.loss_sum / state.documents,
            **dev,
            "learning_rate": learning_rate,
            "grad_norm_mean": state.grad_norm_sum / state.steps,
            "grad_norm_max": state.grad_norm_max,
            "clipped": state.clipped / state.steps,
            "tokens_per_second": state.tokens / state.train_seconds,
            "seconds": state.seconds,
        }
        better = self.take_best(dev[settings.monitor], dev["dev_loss"])
        if is_first():
            append_history(self.run.history, record)
        log.info(evaluation_line(record, settings.epochs, better))
        if stopped_early(state, settings):
            log.info("stopped early: %d evaluations without a better %s", state.worse_evaluations, settings.monitor)
        state.pending_evaluation = False
        state.reset_sums()
        state.finished = stopped_early(state, settings) or state.epoch >= settings.epochs
        if state.finished:
            state.epoch, state.steps_in_epoch = state.epoch + 1, 0
        self.save()

    def logits(self, texts: EncodedTexts, stop: StopRequest) -> torch.Tensor:
        """(n, classes) of all texts, each computed by one process. Raises Interrupted where one has had a signal."""
        own = shard(np.argsort(-texts.lengths, kind="stable"))
        logits = torch.zeros(len(texts), len(self.splits.labels))
        with bar("evaluating", total=len(own)) as shown, contextlib.suppress(Interrupted):

            def after_batch(count: int) -> None:
                shown.update(count)
                stop.check()

            if len(own):
                logits[torch.from_numpy(own)] = compute_logits(
                    self.model, texts.rows(own), device=self.device, after_batch=after_batch
                )
        (signal_number,) = maximum([stop.signal_number or 0])
        if signal_number:
            raise Interrupted(signal_number)
        return total(logits)  # the others have zeros where this process has logits, so that nothing is rounded

    def take_best(self, value: float | None, loss: float | None) -> bool:
        """Save the weights if they are the best so far, by loss where the value is the same; without dev, the last."""
        state = self.state
        if value is not None and not np.isfinite(value):
            raise TextRNNError(f"training stopped: {self.config.train.monitor} is not finite after epoch {state.epoch}")
        sign = -1.0 if self.config.train.monitor == "dev_loss" else 1.0
        better = (
            value is None or state.best is None or (sign * value, -(loss or 0)) > (sign * state.best, -state.best_loss)
        )
        if better:
            if is_first():
                save_weights(self.run.weights, self.model)
            state.best, state.best_epoch, state.worse_evaluations = value, state.epoch, 0
            state.best_loss = loss or 0.0
        else:
            state.worse_evaluations += 1
        return better

    def plot(self) -> None:
        if is_first() and (history := read_history(self.run.history)):
            self.run.curves.parent.mkdir(exist_ok=True)
            plot_curves(self.run.curves, history)


def evaluation_line(record: dict[str, Any], epochs: int, better: bool) -> str:
    parts = [f"epoch {record['epoch']}/{epochs}", f"train loss {record['train_loss']:.4f}"]
    if record["dev_loss"] is not None:
        parts.append(f"dev loss {record['dev_loss']:.4f}")
        parts.append(f"accuracy {record['dev_accuracy']:.4f}")
        parts.append(f"macro-F1 {record['dev_macro_f1']:.4f}")
    parts.append(
        f"gradient norm {record['grad_norm_mean']:.2f} "
        f"(max {record['grad_norm_max']:.2f}, {record['clipped']:.0%} clipped)"
    )
    parts.append(f"{record['tokens_per_second']:,.0f} tokens/s")
    parts.append(f"{record['seconds']:.0f} s")
    return ", ".join(parts) + (" *" if better else "")


def show(shown: Any, state: TrainingState) -> None:
    """A step more, and the epoch's mean loss and speed as far as they have been read."""
    shown.update()
    if state.steps:
        loss, rate = state.loss_sum / state.documents, state.tokens / state.train_seconds
        shown.set_postfix_str(f"epoch {state.epoch}, loss {loss:.3f}, {rate:,.0f} tokens/s", refresh=False)


def stopped_early(state: TrainingState, settings: TrainConfig) -> bool:
    return settings.patience is not None and state.worse_evaluations >= settings.patience


def state_of(progress: dict[str, Any], run: RunFolder) -> TrainingState:
    """The progress in a saved state. Raises CheckpointError where another version of textrnn saved it."""
    try:
        return TrainingState(**progress)
    except TypeError:
        raise CheckpointError(
            f"{run.state}: saved by another version of textrnn; go on with that one, or start over with --force"
        ) from None


def is_complete(run: RunFolder, settings: TrainConfig) -> bool:
    """Whether a run has nothing left to do under these settings, whose epochs may have been made more."""
    if not run.state.exists():
        return False
    state = state_of(read_progress(run.state), run)
    return state.finished and (stopped_early(state, settings) or state.epoch > settings.epochs)
