"""Records the training of a run: history, best weights, training state, curves and log lines. With several processes,
only the first one writes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Sequence

import numpy as np
import torch

from textrnn.config import Config
from textrnn.corpus.splits import HeldOut, Splits
from textrnn.errors import CheckpointError
from textrnn.evaluation.drift import TextStatistics
from textrnn.linear.files import load_linear, save_linear
from textrnn.models.network import Network
from textrnn.reports.charts import plot_curves, save_png, training_curves
from textrnn.run.folder import RunFolder
from textrnn.run.held_out import load_margins, save_held_out, save_margins, save_train_hashes
from textrnn.run.model import DECISION, read_decision, read_networks, save_decision, save_statistics, save_weights
from textrnn.run.records import add_to_history, cut_history, read_history
from textrnn.runtime.distributed import barrier, is_first
from textrnn.runtime.progress import log
from textrnn.runtime.tensors import difference
from textrnn.runtime.terminal import count_of
from textrnn.training.decision import Scores
from textrnn.training.fit import FitSettings
from textrnn.training.keeper import Keeper
from textrnn.training.linear import ReadTexts, Unlabelled, describe_linear, fit_linear
from textrnn.training.one_network import Saver, Trainee, Weights
from textrnn.training.state import (
    Evaluation,
    TrainingState,
    check_weights,
    flush_metrics,
    load_state,
    read_state,
    save_state,
)


class Recorder(Keeper):
    """Writes a run's files as training goes on, but not the states of its networks. title: the title of the curves.
    monitor: the score that decides which weights are the best."""

    def __init__(self, run: RunFolder, held_out: HeldOut | None, *, mix: bool, title: str, monitor: str) -> None:
        super().__init__(mix=mix)
        self.run, self.held_out, self.title, self.monitor = run, held_out, title, monitor
        self.hashes = np.zeros(0, np.uint64) if held_out is None else held_out.hashes
        self.remedy = f"free some memory, and continue with: {run.resume_command()}"
        self.last_state: TrainingState | None = None

    def fit_linear(
        self, config: Config, splits: Splits, texts: ReadTexts, unlabelled: Unlabelled | None = None
    ) -> torch.Tensor | None:
        """As a Keeper does, and save the model, its margins, and the hashes of the training texts. A saved model is
        used again unless a file is missing or damaged."""
        classes, margins = len(splits.labels), None
        with contextlib.suppress(CheckpointError):
            saved = load_margins(self.run, classes)
            if saved is not None and np.array_equal(saved[1], self.hashes):
                self.linear = load_linear(self.run.model, num_classes=classes, tokenizer=config.tokenizer)
                margins = saved[0]
        if self.linear is None and (fitted := fit_linear(config, splits, texts, unlabelled)) is not None:
            self.linear, self.linear_seconds = fitted.model, fitted.seconds
            save_linear(self.run.model, fitted.model)
            margins = np.zeros((0, classes), np.float32) if fitted.margins is None else fitted.margins
            save_margins(self.run, margins, self.hashes)
            count = len(splits.train) + (len(self.hashes) if splits.folds is None else 0)
            log.info(describe_linear(fitted, count))
        save_train_hashes(self.run, splits.fitted_hashes(with_dev=self.linear is not None))
        return None if margins is None or self.held_out is None else torch.from_numpy(margins)

    def load_best(self, network: Network, count: int, begun: dict[int, TrainingState]) -> None:
        """Load the best weights so far. network: one of the run's `count` networks. begun: their progress. Raises
        CheckpointError if weights are missing, damaged, or of another run."""
        if self.run.weights.exists():
            self.weights = read_networks(self.run.weights)
            self.decision, _, _ = read_decision(self.run.model / DECISION)
        expected = network.state_dict()
        wrong = next(filter(None, (difference(tensors, expected) for tensors in self.weights.values())), None)
        evaluated = {number for number, state in begun.items() if state.best_epoch}
        if wrong is None and not evaluated <= self.weights.keys() <= set(range(count)):
            wrong = f"{len(self.weights)} networks, but the run has {len(evaluated)} to {count}"
        if wrong is not None:
            raise CheckpointError(
                f"{self.run.weights}: damaged, or of another run ({wrong}); start over with: "
                f"{self.run.restart_command()}"
            )

    def began(self, fold: int | None, state: TrainingState, settings: FitSettings, *, is_resumed: bool) -> None:
        """Remove what was recorded after the saved state."""
        self.last_state = state
        if not is_resumed:
            return
        if is_first():
            cut_history(self.run.history, state.step - 1 if state.pending_evaluation else state.step, fold)
            self.run.held_out.unlink(missing_ok=True)  # stale until all networks are evaluated again
        if state.finished or state.epoch > settings.epochs:
            name = "the network" if fold is None else f"fold {fold}"
            log.info("resuming %s: %s is trained", self.run.path, name)
        else:
            log.info(
                "resuming %s at %s of %d, after step %d of %d", self.run.path, _place(fold, state), settings.epochs,
                state.step, settings.total_steps,
            )  # fmt: skip

    def evaluated(
        self, fold: int | None, evaluation: Evaluation, weights: Weights | None, state: TrainingState,
        settings: FitSettings,
    ) -> None:  # fmt: skip
        """Keep the weights, then add to the history. The state is saved afterwards: a run that is killed in between
        repeats the evaluation."""
        super().evaluated(fold, evaluation, weights, state, settings)
        self.last_state = state
        if is_first():
            if weights is not None:
                save_decision(self.run.model, self.decision, self.linear is not None)
                save_weights(self.run.model, self.weights)
            add_to_history(self.run.history, ({} if fold is None else {"fold": fold}) | evaluation.record())
        before = "" if fold is None else f"fold {fold}, "
        short, full = short_line(evaluation, settings.epochs), full_line(evaluation, settings.epochs)
        log.info(before + short, extra={"full": before + full})
        if evaluation.stopped_early and evaluation.epoch < settings.epochs:
            log.info("stopped early: no improvement in %s", count_of(state.evaluations_since_best, "evaluation"))

    def interrupted(self, stopped: Sequence[tuple[int | None, TrainingState]]) -> None:
        if stopped:
            places = " and ".join(f"{_place(fold, state)}, step {state.step}" for fold, state in sorted(stopped))
            log.info(
                "interrupted at %s; the training state is saved; continue with: %s", places, self.run.resume_command()
            )
        else:
            log.info("interrupted; all that is trained is saved; continue with: %s", self.run.resume_command())
        if is_first():
            plot_history(self.run, self.title)
        barrier()  # torchrun ends the other processes as soon as one has left

    def end(
        self, scores: Scores | None, logits: torch.Tensor | None, rows: torch.Tensor, bfloat16_agreement: float | None,
        statistics: TextStatistics,
    ) -> None:  # fmt: skip
        """Save the mixture and the statistics of texts, and last the held-out logits, whose file shows that the run is
        complete."""
        if not is_first():
            return
        self.history = read_history(self.run.history)  # with what earlier processes recorded
        recorded = len(self.history)
        super().end(scores, logits, rows, bfloat16_agreement, statistics)
        if self.warning is not None:
            log.warning(self.warning)
        for line in self.history[recorded:]:
            add_to_history(self.run.history, line)
        if scores is not None and (logits is None or self.is_cross_fitted):
            log.info("on held-out texts: %s", scores.line())
        save_decision(self.run.model, self.decision, self.linear is not None, bfloat16_agreement)
        save_statistics(self.run.model, statistics)
        labels = np.zeros(0, np.int64) if self.held_out is None else np.asarray(self.held_out.texts.labels)
        save_held_out(self.run, logits, labels[rows], self.hashes[rows])
        if self.weights:
            plot_history(self.run, self.title)
        state = self.last_state
        if state is None or self.is_cross_fitted:
            log.info("evaluate the model with: %s", self.run.eval_command())
            return
        score = "" if state.best is None else f", {self.monitor} {state.best:.4f}"
        log.info("best model: epoch %d%s", state.best_epoch, score)
        log.info("evaluate it with: %s", self.run.eval_command())


class StateSaver(Saver):
    """Saves the states of a run's networks. save_minutes: the time between savings."""

    def __init__(self, run: RunFolder, save_minutes: float) -> None:
        self.run, self.save_seconds, self.saved_at = run, 60 * save_minutes, time.monotonic()

    def restore(self, trainee: Trainee) -> bool:
        """Raises CheckpointError if the saved state is damaged."""
        file = self.run.state_file(trainee.fold)
        if not file.exists():
            self.save(trainee)  # so that a run with weights always has a state
            return False
        saved = load_state(file, trainee.network, trainee.optimizer, trainee.settings.steps_per_epoch)
        # train.epochs may have been made larger
        finished = saved.out_of_patience(trainee.settings.patience) or (saved.finished and saved.out_of_time)
        vars(trainee.state).update(vars(saved), finished=finished)
        self.saved_at = time.monotonic()
        return True

    def wants_to_save(self) -> bool:
        return time.monotonic() - self.saved_at >= self.save_seconds

    def save(self, trainee: Trainee) -> None:
        """All processes must call this after the same step. Raises TextRNNError if a loss or weight is not finite."""
        flush_metrics(trainee.state)
        check_weights(trainee.state, trainee.network)
        if is_first():
            save_state(self.run.state_file(trainee.fold), trainee.network, trainee.optimizer, trainee.state)
        self.saved_at = time.monotonic()


def _place(fold: int | None, state: TrainingState) -> str:
    return f"epoch {state.epoch}" if fold is None else f"fold {fold}, epoch {state.epoch}"


def saved_progress(run: RunFolder) -> dict[int, TrainingState]:
    """The number, from 0, and the progress of each network that has been begun, read without tensors. Raises
    CheckpointError."""
    return {(fold or 1) - 1: read_state(path) for fold, path in run.states().items()}


def has_ended(run: RunFolder, begun: Iterable[TrainingState]) -> bool:
    """Whether all networks of a run are trained and evaluated on the held-out texts. begun: their progress."""
    return all(state.finished for state in begun) and run.held_out.exists()


def plot_history(run: RunFolder, title: str) -> None:
    """Draw the curves. The title gets the accuracy of the best weights, or of all cross-fitted networks together."""
    history = read_history(run.history)
    if panels := training_curves(history):
        run.curves.parent.mkdir(exist_ok=True)
        best = best_epochs(run)
        own = (line for line in history if line.get("fold") is None and line["epoch"] == best.get(None, line["epoch"]))
        accuracy = next(own, {}).get("dev_accuracy") if best else None
        score = "" if accuracy is None else f": dev accuracy {100 * accuracy:.1f} %"
        save_png(run.curves, plot_curves(history, panels, best, f"{title}{score}"))


def best_epochs(run: RunFolder) -> dict[int | None, int]:
    """The epoch of the best weights of each network, by its fold (None: the only network). States that are damaged or
    of another version are left out: a model is used without them."""
    best = {}
    for fold, path in run.states().items():
        with contextlib.suppress(CheckpointError):
            state = read_state(path)
            if state.best_epoch:
                best[fold] = state.best_epoch
    return best


def short_line(evaluation: Evaluation, epochs: int) -> str:
    """The line for the terminal, at most 79 columns: up to 3 digits of epochs and 4 of seconds fit. F1 is macro-F1."""
    line = f"epoch {evaluation.epoch}/{epochs}: loss {_five_characters(evaluation.train_loss)}"
    if evaluation.scores is not None:
        dev = evaluation.scores.together
        line += f", dev loss {_five_characters(dev['loss'])}, accuracy {dev['accuracy']:.4f}, F1 {dev['macro_f1']:.4f}"
    return f"{line}, {evaluation.seconds:.0f} s{' *' * evaluation.is_best}"


def _five_characters(loss: float) -> str:
    """The loss with as many decimals, up to three, as fit in five characters."""
    texts = (f"{loss:.{decimals}f}" for decimals in (3, 2, 1, 0))
    return next((text for text in texts if len(text) <= 5), f"{loss:.0e}")


def full_line(evaluation: Evaluation, epochs: int) -> str:
    """The line for train.log."""
    line, scores = f"epoch {evaluation.epoch}/{epochs}, train loss {evaluation.train_loss:.4f}", evaluation.scores
    if scores is not None:
        dev = scores.together
        line += f", dev loss {dev['loss']:.4f}, accuracy {dev['accuracy']:.4f}, macro-F1 {dev['macro_f1']:.4f}"
        if scores.network is not None and scores.linear is not None:
            line += f", network alone {scores.network['accuracy']:.4f}"
            line += f", linear model alone {scores.linear['accuracy']:.4f}"
    return (
        f"{line}, gradient norm {evaluation.grad_norm_mean:.2f} (max {evaluation.grad_norm_max:.2f}, "
        f"{100 * evaluation.clipped:.0f} % clipped), {evaluation.tokens_per_second:,.0f} tokens/s, "
        f"{evaluation.seconds:.0f} s{' *' * evaluation.is_best}"
    )
