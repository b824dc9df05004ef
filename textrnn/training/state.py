"""The progress of training, in memory and in a file, and its events: optimizer steps and evaluations."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from textrnn.errors import CheckpointError, TextRNNError, short
from textrnn.models.network import not_finite
from textrnn.run.folder import RunFolder
from textrnn.runtime.distributed import total
from textrnn.runtime.tensor_files import UNREADABLE, read_header
from textrnn.runtime.tensors import difference, load_tensors, save_tensors
from textrnn.training.decision import Scores


class Measured(NamedTuple):
    """The mean loss of a step's texts, and the norm of their gradient before clipping."""

    loss: float
    grad_norm: float


@dataclass
class Step:
    """One optimizer step.

    documents, tokens: counts over all processes. seconds: until the step was handed to the device. loss: (), summed
    over this process's texts. grad_norm: (), before clipping, the same in each process. Both stay on the device:
    reading them waits for it. grad_clip_norm: the limit, or None. measured: what `flush_metrics` has read of them.
    """

    epoch: int
    number: int
    documents: int
    tokens: int
    learning_rate: float
    seconds: float
    loss: torch.Tensor
    grad_norm: torch.Tensor
    grad_clip_norm: float | None
    measured: Measured | None = None


@dataclass
class Evaluation:
    """The end of an epoch: measurements since the last one, and scores on held-out texts (None without any).

    clipped: the share of steps whose gradient was clipped. is_best: whether the weights are the best so far.
    stopped_early: whether training ends here for lack of improvement.
    """

    epoch: int
    step: int
    train_loss: float
    scores: Scores | None
    learning_rate: float
    grad_norm_mean: float
    grad_norm_max: float
    clipped: float
    tokens_per_second: float
    seconds: float
    is_best: bool
    stopped_early: bool

    def record(self) -> dict[str, Any]:
        """The line of history.jsonl."""
        measured = {key: getattr(self, key) for key in _MEASURED}
        return _line(self.epoch, self.step, self.train_loss, self.scores, measured)


_MEASURED = ("learning_rate", "grad_norm_mean", "grad_norm_max", "clipped", "tokens_per_second", "seconds")


def _line(
    epoch: int, step: int, train_loss: float | None, scores: Scores | None, measured: dict[str, Any]
) -> dict[str, Any]:
    line: dict[str, Any] = {"epoch": epoch, "step": step, "train_loss": train_loss}
    for part, prefix in (("together", "dev"), ("network", "dev_network"), ("linear", "dev_linear")):
        values = getattr(scores, part, None) or {}
        line |= {f"{prefix}_{key}": values.get(key) for key in ("loss", "accuracy", "macro_f1")}
    return line | measured


def fold_summary(history: Sequence[dict[str, Any]], scores: Scores) -> dict[str, Any]:
    """The last line of history.jsonl of cross-fitted networks: the scores on the held-out texts of all folds. history:
    its other lines; some may have been lost."""
    last = {record["fold"]: record for record in history if "fold" in record}.values()
    epoch, step = max((record["epoch"] for record in last), default=0), sum(record["step"] for record in last)
    seconds = sum(record.get("seconds") or 0.0 for record in last)
    return _line(epoch, step, None, scores, dict.fromkeys(_MEASURED) | {"seconds": seconds})


def linear_record(scores: Scores | None, seconds: float) -> dict[str, Any]:
    """The only line of history.jsonl of a linear model without a network. scores: on held-out texts, None without any.
    seconds: the time of its fits."""
    return _line(0, 0, None, scores, dict.fromkeys(_MEASURED) | {"seconds": seconds})


@dataclass
class TrainingState:
    """Everything kept between steps, except weights and optimizer."""

    epoch: int = 1
    steps_in_epoch: int = 0
    step: int = 0
    seconds: float = 0.0
    pending_evaluation: bool = False  # the epoch's last step is done, its evaluation is not
    finished: bool = False
    # of a run with a time limit: the seconds that it has used so far, the number of steps that the learning-rate
    # schedule has reached by time, which may be more than were taken, and whether training ended because time was up
    run_seconds: float = 0.0
    due: int = 0
    out_of_time: bool = False
    evaluation_seconds: float = 0.0  # of all evaluations
    # the best evaluation so far: its value of train.monitor and its dev loss
    best: float | None = None
    best_loss: float = 0.0
    best_epoch: int = 0
    evaluations_since_best: int = 0
    # sums since the last evaluation
    loss_sum: float = 0.0
    documents: int = 0
    tokens: int = 0
    steps: int = 0
    grad_norm_sum: float = 0.0
    grad_norm_max: float = 0.0
    clipped: int = 0
    train_seconds: float = 0.0
    # steps that are not in the sums yet; never saved
    unflushed: list[Step] = field(default_factory=list)

    def progress(self) -> dict[str, Any]:
        """The plain numbers to save. `flush_metrics` must have been called."""
        assert not self.unflushed
        return {key: value for key, value in vars(self).items() if key != "unflushed"}

    def reset_sums(self) -> None:
        self.loss_sum = self.grad_norm_sum = self.grad_norm_max = self.train_seconds = 0.0
        self.documents = self.tokens = self.steps = self.clipped = 0

    def out_of_patience(self, patience: int | None) -> bool:
        return patience is not None and self.evaluations_since_best >= patience


def save_state(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, state: TrainingState) -> None:
    """Save the whole training state in one file, which replaces the previous one only when it is complete."""
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    for number, values in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{name}": tensor for name, tensor in values.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_tensors(path, tensors, {"progress": json.dumps(state.progress(), allow_nan=False)})


def read_state(path: Path) -> TrainingState:
    """The saved state, read without its tensors. Raises CheckpointError if it is damaged or of another version."""
    try:
        progress = dict(json.loads(read_header(path)[1]["progress"]))
    except (OSError, *UNREADABLE) as error:
        raise _damaged(path, error) from None
    return _checked(path, progress)


def load_state(
    path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, steps_per_epoch: int | None = None
) -> TrainingState:
    """Restore model and optimizer, and return the saved state. steps_per_epoch: expected of the given texts. Raises
    CheckpointError if the file is damaged, of another model or other texts, or saved by another version."""
    try:
        tensors, metadata = load_tensors(path)
        progress = json.loads(metadata["progress"])
        begun = progress["step"] > 0
    except (OSError, *UNREADABLE) as error:
        raise _damaged(path, error) from None
    expected = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    moments: dict[int, dict[str, torch.Tensor]] = {}
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for number, parameter in enumerate(parameters if begun else ()):
        moments[number] = {"step": torch.zeros(()), "exp_avg": parameter, "exp_avg_sq": parameter}
        expected |= {f"optimizer.{number}.{name}": tensor for name, tensor in moments[number].items()}
    problem = difference(tensors, expected)
    if problem is None and (name := not_finite(tensors)):
        problem = f"{name} has a number that is NaN or infinite"
    if problem is not None:
        raise _damaged(path, problem)
    model.load_state_dict({name: tensors[f"model.{name}"] for name in model.state_dict()})
    state = {number: {name: tensors[f"optimizer.{number}.{name}"] for name in moments[number]} for number in moments}
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    return _checked(path, progress, steps_per_epoch)


def _damaged(path: Path, problem: Exception | str) -> CheckpointError:
    reason = (str(problem).strip().splitlines() or [type(problem).__name__])[0]
    return _refused(path, f"the saved state is damaged or of another model ({reason});")


def _refused(path: Path, problem: str) -> CheckpointError:
    return CheckpointError(f"{path}: {problem} start over with: {RunFolder(path.parents[1]).restart_command()}")


def _checked(path: Path, saved: dict[str, Any], steps_per_epoch: int | None = None) -> TrainingState:
    defaults = TrainingState().progress()
    if saved.keys() != defaults.keys():
        raise _refused(path, "saved by another version of textrnn; resume with that version, or")
    for key, default in defaults.items():
        value, kind = saved[key], float if default is None else type(default)
        good = type(value) is kind and (kind is bool or 0 <= value < (2**53 if kind is int else math.inf))
        if not (good or value is default is None):
            raise _refused(path, f"the saved state is damaged ({key}: {short(value)});")
    state = TrainingState(**saved)
    epoch, step, at = state.epoch, state.step, state.steps_in_epoch
    if state.steps != at or (state.steps and not (state.documents and state.train_seconds)):
        sums = f"sums of {state.steps} steps, {state.documents} documents, at step {at} of the epoch"
        raise _refused(path, f"the saved state is damaged ({sums});")
    if state.best_epoch + state.evaluations_since_best != epoch - 1:
        best = f"best epoch {state.best_epoch}, {state.evaluations_since_best} evaluations later in epoch {epoch}"
        raise _refused(path, f"the saved state is damaged ({best});")
    if steps_per_epoch is not None:
        missing = (epoch - 1) * steps_per_epoch + at - step  # in the last epoch, if time was up
        is_of_epoch = at <= steps_per_epoch and 0 <= missing < (steps_per_epoch if state.out_of_time else 1)
        if not is_of_epoch or (state.pending_evaluation != (at == steps_per_epoch) and not state.out_of_time):
            steps = f"epoch {epoch}, step {step}, but an epoch has {steps_per_epoch} steps"
            raise _refused(path, f"the saved state is damaged or of other texts ({steps});")
    return state


def flush_metrics(state: TrainingState) -> None:
    """Wait for the unflushed steps, measure them, and add them to the sums, in their order.

    All processes must call this after the same step.

    Raises: TextRNNError, naming epoch and step, at the first step whose loss or gradient is not finite.
    """
    steps = state.unflushed
    if not steps:
        return
    begin = time.perf_counter()
    measured = torch.stack([torch.stack([step.loss.double(), step.grad_norm.double()]) for step in steps]).cpu()
    losses = total(measured[:, 0].contiguous()).tolist()
    for step, loss, norm in zip(steps, losses, measured[:, 1].tolist(), strict=True):
        step.measured = Measured(loss / step.documents, norm)
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise TextRNNError(
                f"training stopped: the {'gradient' if math.isfinite(loss) else 'loss'} is not finite at epoch "
                f"{step.epoch}, step {step.number}; try a lower train.learning_rate"
                + ("" if step.grad_clip_norm else ", or set train.grad_clip_norm")
            )
        state.loss_sum += loss
        state.documents += step.documents
        state.tokens += step.tokens
        state.steps += 1
        state.grad_norm_sum += norm
        state.grad_norm_max = max(state.grad_norm_max, norm)
        state.clipped += step.grad_clip_norm is not None and norm > step.grad_clip_norm
    seconds = sum(step.seconds for step in steps) + time.perf_counter() - begin
    state.seconds += seconds
    state.train_seconds += seconds
    steps.clear()


def check_weights(state: TrainingState, model: nn.Module) -> None:
    """Raises TextRNNError if a weight is not finite. It waits for the device: the last step may have changed weights
    from which no loss has been computed yet."""
    name = not_finite(model.state_dict())
    if name is not None:
        raise TextRNNError(
            f"training stopped: {name} is not finite at epoch {state.epoch}, step {state.step}; try a lower "
            f"train.learning_rate"
        )
