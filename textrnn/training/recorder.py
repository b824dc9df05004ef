"""What a run keeps of its training: history, best weights, training state, curves. Of several processes, the first
alone writes."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Any

import torch

from textrnn.errors import CheckpointError
from textrnn.models.network import Network
from textrnn.reports.charts import plot_curves, save_png, training_curves
from textrnn.run.checkpoint import load_state, read_progress, save_state
from textrnn.run.folder import RunFolder
from textrnn.run.history import append_history, cut_history, read_history
from textrnn.runtime.distributed import is_first
from textrnn.runtime.progress import log
from textrnn.training.best import BestNetworks
from textrnn.training.events import Evaluation
from textrnn.training.fit import out_of_patience
from textrnn.training.state import TrainingState, check_weights, flush_metrics, progress_problem


class Recorder:
    """Writes a run's files as the training of a network goes on.

    best: what keeps the best weights. epochs: how many there will be, for the log. fold: without which the network is
    trained, from 1; None where networks are not cross-fitted.
    """

    def __init__(
        self, run: RunFolder, network: Network, optimizer: torch.optim.Optimizer, state: TrainingState,
        best: BestNetworks, *, epochs: int, fold: int | None = None,
    ) -> None:  # fmt: skip
        self.run, self.network, self.optimizer, self.state, self.best = run, network, optimizer, state, best
        self.epochs, self.fold, self.file = epochs, fold, run.state_of(fold)
        self.saved_at = time.monotonic()

    def load(self, *, steps_per_epoch: int, patience: int | None) -> None:
        """Restore what `save` saved; what was recorded after it is removed. Raises CheckpointError."""
        progress = progress_of(load_state(self.file, self.network, self.optimizer), self.run, self.file)
        # train.epochs may have been made larger
        vars(self.state).update(vars(progress), finished=out_of_patience(progress, patience))
        state = self.state
        possible = (
            state.step == (state.epoch - 1) * steps_per_epoch + state.steps_in_epoch
            and state.steps_in_epoch <= steps_per_epoch
            and state.pending_evaluation == (state.steps_in_epoch == steps_per_epoch)
        )
        if not possible:
            raise CheckpointError(
                f"{self.file}: the saved state is damaged or of other texts (epoch {state.epoch}, step "
                f"{state.step}, where an epoch has {steps_per_epoch} steps); start over with: "
                f"{self.run.restart_command()}"
            )
        if state.best_epoch and not self.best.has(self.fold):
            raise CheckpointError(
                f"{self.run.weights}: the best model so far is missing; start over with: {self.run.restart_command()}"
            )
        if is_first():
            cut_history(self.run.history, state.step - 1 if state.pending_evaluation else state.step, self.fold)
            self.run.held_out.unlink(missing_ok=True)  # stale until all networks are summed up again
        of_fold = "" if self.fold is None else f"fold {self.fold}, "
        if state.finished or state.epoch > self.epochs:
            log.info("resuming %s: %sis trained", self.run.path, of_fold.replace(", ", " ") or "the network ")
        else:
            log.info(
                "resuming %s at %sepoch %d of %d, after step %d of %d", self.run.path, of_fold, state.epoch,
                self.epochs, state.step, steps_per_epoch * self.epochs,
            )  # fmt: skip

    def save(self) -> None:
        """Save the training state. All processes must call this after the same step. Raises TextRNNError where a loss
        or weight is not finite."""
        flush_metrics(self.state)
        check_weights(self.state, self.network)
        if is_first():
            save_state(self.file, self.network, self.optimizer, self.state.progress())
        self.saved_at = time.monotonic()

    def add(self, evaluation: Evaluation) -> None:
        """Keep the weights if they are the best so far, then append to the history, then save the state: a run that is
        killed in between repeats the evaluation."""
        if evaluation.is_best:
            self.best.keep(self.fold, self.network, evaluation.decision)
        if is_first():
            fold = {} if self.fold is None else {"fold": self.fold}
            append_history(self.run.history, fold | evaluation.record())
        before = "" if self.fold is None else f"fold {self.fold}, "
        log.info(
            before + short_line(evaluation, self.epochs), extra={"full": before + full_line(evaluation, self.epochs)}
        )
        if evaluation.stopped_early and evaluation.epoch < self.epochs:
            log.info("stopped early: no improvement in %d evaluations", self.state.evaluations_since_best)
        self.save()


def plot_history(run: RunFolder, name: str) -> None:
    """name: of model and data, for the title."""
    history = read_history(run.history)
    if panels := training_curves(history):
        run.curves.parent.mkdir(exist_ok=True)
        best = best_epochs(run)
        save_png(run.curves, plot_curves(history, panels, best, f"{name}{score_in_title(history, best)}"))


def best_epochs(run: RunFolder) -> dict[int | None, int]:
    """The epoch of the best weights of each network, by its fold (None: the only network). Nothing where the training
    state is not there, or of another version: a model is used without it."""
    found = {}
    for path in run.states():
        with contextlib.suppress(CheckpointError):
            state = progress_of(read_progress(path), run, path)
            fold = None if path == run.state else int(path.stem.rpartition("_")[2])
            if state.best_epoch:
                found[fold] = state.best_epoch
    return found


def score_in_title(history: list[dict[str, Any]], best: dict[int | None, int]) -> str:
    """The accuracy of the weights that were kept on held-out texts; of cross-fitted networks, that of all together."""
    for line in history:
        if line.get("fold") is None and line["epoch"] == best.get(None, line["epoch"] if best else None):
            accuracy = line.get("dev_accuracy")
            return "" if accuracy is None else f": dev accuracy {100 * accuracy:.1f} %"
    return ""


def short_line(evaluation: Evaluation, epochs: int) -> str:
    """For the terminal, of at most 79 columns: up to 3 digits of epochs and 4 of seconds fit. F1 is macro-F1."""
    parts = [f"epoch {evaluation.epoch}/{epochs}: loss {_in_five(evaluation.train_loss)}"]
    if evaluation.dev_loss is not None:
        parts.append(f"dev loss {_in_five(evaluation.dev_loss)}")
        parts.append(f"accuracy {evaluation.dev_accuracy:.4f}")
        parts.append(f"F1 {evaluation.dev_macro_f1:.4f}")
    parts.append(f"{evaluation.seconds:.0f} s")
    return ", ".join(parts) + (" *" if evaluation.is_best else "")


def _in_five(loss: float) -> str:
    """With as many decimals, up to three, as fit in five characters."""
    texts = (f"{loss:.{decimals}f}" for decimals in (3, 2, 1, 0))
    return next((text for text in texts if len(text) <= 5), f"{loss:.0e}")


def full_line(evaluation: Evaluation, epochs: int) -> str:
    """For train.log."""
    parts = [f"epoch {evaluation.epoch}/{epochs}", f"train loss {evaluation.train_loss:.4f}"]
    if evaluation.dev_loss is not None:
        parts.append(f"dev loss {evaluation.dev_loss:.4f}")
        parts.append(f"accuracy {evaluation.dev_accuracy:.4f}")
        parts.append(f"macro-F1 {evaluation.dev_macro_f1:.4f}")
    if evaluation.dev_linear_accuracy is not None:
        parts.append(f"network alone {evaluation.dev_network_accuracy:.4f}")
        parts.append(f"linear model alone {evaluation.dev_linear_accuracy:.4f}")
    parts.append(
        f"gradient norm {evaluation.grad_norm_mean:.2f} "
        f"(max {evaluation.grad_norm_max:.2f}, {evaluation.clipped:.0%} clipped)"
    )
    parts.append(f"{evaluation.tokens_per_second:,.0f} tokens/s")
    parts.append(f"{evaluation.seconds:.0f} s")
    return ", ".join(parts) + (" *" if evaluation.is_best else "")


def progress_of(saved: dict[str, Any], run: RunFolder, file: Path) -> TrainingState:
    """The progress in a saved state. Raises CheckpointError where it is damaged, or another version saved it."""
    if saved.keys() != TrainingState().progress().keys():
        raise CheckpointError(
            f"{file}: saved by another version of textrnn; resume with that version, or start over with: "
            f"{run.restart_command()}"
        )
    problem = progress_problem(saved)
    if problem is not None:
        raise CheckpointError(
            f"{file}: the saved state is damaged ({problem}); start over with: {run.restart_command()}"
        )
    return TrainingState(**saved)


def saved_progress(run: RunFolder) -> list[TrainingState]:
    """How far each network of a run has come that has been begun, read without tensors. Raises CheckpointError."""
    return [progress_of(read_progress(path), run, path) for path in run.states()]
