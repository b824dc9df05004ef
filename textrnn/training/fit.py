"""Training over texts in memory: a generator of steps and evaluations; the caller logs, saves and stops."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch

from textrnn.errors import NotFiniteError, TextRNNError
from textrnn.models.network import Network
from textrnn.runtime.distributed import wrap_ddp
from textrnn.texts.transform import EncodedTexts
from textrnn.training.decision import Scores
from textrnn.training.events import Evaluation, Step, dev_scores
from textrnn.training.loop import epoch_steps
from textrnn.training.objectives import Objective
from textrnn.training.state import TrainingState, check_weights, flush_metrics


def fit(
    network: Network,
    texts: EncodedTexts,
    state: TrainingState,
    *,
    objective: Objective,
    optimizer: torch.optim.Optimizer,
    learning_rate: Callable[[int], float],
    epochs: int,
    batch_size: int,
    accumulate: int = 1,
    seed: int = 1,
    grad_clip_norm: float | None = None,
    device: torch.device,
    precision: str = "float32",
    evaluate: Callable[[], Scores] | None = None,
    monitor: str = "dev_loss",
    patience: int | None = None,
) -> Iterator[Step | Evaluation]:
    """Train `network` on labelled `texts`, from where `state` stands to the end of the last epoch.

    Yields a Step after each optimizer step, and after each epoch an Evaluation. The caller may stop between any two of
    them; with the same weights, optimizer and state a new call goes on as if nothing had happened.

    objective: runs the forward and backward passes of a batch. learning_rate: of step 1, 2, ... batch_size: documents,
    over all processes. accumulate: batches that make one step. grad_clip_norm: None = measure, don't clip. evaluate:
    computes the scores on dev; None = there is no dev set, and the last weights count as the best. monitor: which score
    decides what is best: dev_accuracy, dev_macro_f1 or dev_loss. patience: evaluations without a better one before
    training stops.

    Raises: TextRNNError where a loss, gradient, weight or score is not finite, and whatever `evaluate` raises.
    """
    wrapped = wrap_ddp(network)
    while not state.finished and (state.pending_evaluation or state.epoch <= epochs):
        if not state.pending_evaluation:
            yield from epoch_steps(
                wrapped, texts, state, objective=objective, optimizer=optimizer, learning_rate=learning_rate,
                batch_size=batch_size, accumulate=accumulate, seed=seed, grad_clip_norm=grad_clip_norm, device=device,
                precision=precision,
            )  # fmt: skip
        flush_metrics(state)
        check_weights(state, network)
        try:
            scores = evaluate() if evaluate is not None else None
        except NotFiniteError as error:
            raise TextRNNError(f"training stopped: after epoch {state.epoch} {error}") from None
        yield end_epoch(
            state, scores, learning_rate=learning_rate(state.step), epochs=epochs, monitor=monitor, patience=patience
        )


def end_epoch(
    state: TrainingState,
    scores: Scores | None,
    *,
    learning_rate: float,
    epochs: int,
    monitor: str,
    patience: int | None,
) -> Evaluation:
    """What the epoch came to, and `state` moved on to the next one."""
    dev = dev_scores(scores)
    is_best = update_best(state, dev[monitor], dev["dev_loss"], monitor)
    stopped_early = out_of_patience(state, patience)
    evaluation = Evaluation(
        epoch=state.epoch,
        step=state.step,
        train_loss=state.loss_sum / state.documents,
        **dev,
        learning_rate=learning_rate,
        grad_norm_mean=state.grad_norm_sum / state.steps,
        grad_norm_max=state.grad_norm_max,
        clipped=state.clipped / state.steps,
        tokens_per_second=state.tokens / state.train_seconds,
        seconds=state.seconds,
        is_best=is_best,
        stopped_early=stopped_early,
        decision=None if scores is None else scores.decision,
    )
    state.reset_sums()
    state.pending_evaluation = False
    state.finished = stopped_early or state.epoch >= epochs
    state.epoch, state.steps_in_epoch = state.epoch + 1, 0
    return evaluation


def update_best(state: TrainingState, score: float | None, loss: float | None, monitor: str) -> bool:
    """Whether this evaluation is the best so far: by score, then by loss; without dev, the last one is."""
    for name, value in ((monitor, score), ("dev_loss", loss)):
        if value is not None and not math.isfinite(value):
            raise TextRNNError(
                f"training stopped: {name} is not finite after epoch {state.epoch}; try a lower train.learning_rate"
            )
    sign = -1.0 if monitor == "dev_loss" else 1.0
    is_best = (
        score is None or state.best is None or (sign * score, -(loss or 0)) > (sign * state.best, -state.best_loss)
    )
    if is_best:
        state.best, state.best_loss = score, loss or 0.0
        state.best_epoch, state.evaluations_since_best = state.epoch, 0
    else:
        state.evaluations_since_best += 1
    return is_best


def out_of_patience(state: TrainingState, patience: int | None) -> bool:
    return patience is not None and state.evaluations_since_best >= patience
