"""Training over texts in memory: a generator of steps and evaluations; the caller logs, saves and stops. No step waits
for the device, but for n-grams: to sum the equal rows of their sparse gradient, torch must count them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import nn

from textrnn.errors import NotFiniteError, TextRNNError
from textrnn.models.network import Network
from textrnn.models.threaded import training_encode
from textrnn.runtime.device import autocast, seed_step
from textrnn.runtime.distributed import average_sparse, no_gradient_sync, rank, shard, world_size, wrap_ddp
from textrnn.texts.batching import collate, training_batches
from textrnn.texts.transform import EncodedTexts
from textrnn.training.decision import Scores
from textrnn.training.objectives import Objective
from textrnn.training.optim import clip_gradients
from textrnn.training.state import Evaluation, Step, TrainingState, check_weights, flush_metrics


@dataclass(frozen=True)
class FitSettings:
    """The section `train` of a config, applied to one network's texts.

    batch_size: texts per batch, over all processes. accumulate: batches per step. learning_rate: step 1, 2, ... -> its
    rate. grad_clip_norm: None = measure, don't clip. monitor: the score that decides which epoch is the best:
    dev_accuracy, dev_macro_f1 or dev_loss. patience: evaluations without a better one before training stops.
    """

    batch_size: int
    epochs: int
    steps_per_epoch: int
    learning_rate: Callable[[int], float]
    accumulate: int = 1
    seed: int = 1
    grad_clip_norm: float | None = None
    precision: str = "float32"
    monitor: str = "dev_loss"
    patience: int | None = None

    @property
    def total_steps(self) -> int:
        return self.epochs * self.steps_per_epoch


def fit(
    network: Network, texts: EncodedTexts, objective: Objective, optimizer: torch.optim.Optimizer, state: TrainingState,
    settings: FitSettings, evaluate: Callable[[], Scores] | None = None,
) -> Iterator[Step | Evaluation]:  # fmt: skip
    """Train `network` on labelled `texts`, from the progress in `state` to the end of the last epoch.

    Yields a Step after each optimizer step, and after each epoch an Evaluation. The caller may stop between any two of
    them; with the same weights, optimizer and state a new call goes on as if nothing had happened. Or the caller may
    set `out_of_time` and, after a Step, `pending_evaluation`: then this step is the last one. evaluate: computes
    the scores on dev; without it, the last weights count as the best.

    Raises: TextRNNError if a loss, gradient, weight or score is not finite, and whatever `evaluate` raises.
    """
    wrapped = wrap_ddp(network)
    while not state.finished and (state.pending_evaluation or state.epoch <= settings.epochs):
        if not state.pending_evaluation:
            yield from epoch_steps(wrapped, texts, objective, optimizer, state, settings)
        flush_metrics(state)
        check_weights(state, network)
        begin = time.perf_counter()
        try:
            scores = evaluate() if evaluate is not None else None
        except NotFiniteError as error:
            raise TextRNNError(f"training stopped: after epoch {state.epoch} {error}") from None
        state.evaluation_seconds += time.perf_counter() - begin
        yield end_epoch(state, scores, settings)


def epoch_steps(
    network: nn.Module, texts: EncodedTexts, objective: Objective, optimizer: torch.optim.Optimizer,
    state: TrainingState, settings: FitSettings,
) -> Iterator[Step]:  # fmt: skip
    """Train from the progress in `state` to the end of its epoch, yielding after each step.

    network: as `distributed.wrap_ddp` returns it. Batches are the same whatever the number of processes; each computes
    its shard of every batch.
    """
    device = next(network.parameters()).device
    batches = training_batches(texts.lengths, settings.batch_size, seed=settings.seed, epoch=state.epoch)
    for number in range(state.steps_in_epoch, settings.steps_per_epoch):
        begin = time.perf_counter()
        group = batches[number * settings.accumulate : (number + 1) * settings.accumulate]
        rate = settings.learning_rate(max(state.step + 1, state.due))
        for parameters in optimizer.param_groups:
            parameters["lr"] = rate * parameters.get("lr_multiplier", 1.0)
        seed_step(settings.seed, state.step + 1, rank(), device)
        network.train()
        optimizer.zero_grad()
        loss = accumulate_gradients(network, texts, group, objective, device, settings.precision)
        average_sparse(network)
        norm = clip_gradients(network, settings.grad_clip_norm)
        optimizer.step()

        state.step += 1
        state.steps_in_epoch += 1
        state.pending_evaluation = state.steps_in_epoch == settings.steps_per_epoch
        step = Step(
            epoch=state.epoch, number=state.step, documents=sum(map(len, group)),
            tokens=sum(int(texts.lengths[rows].sum()) for rows in group), learning_rate=rate,
            seconds=time.perf_counter() - begin, loss=loss, grad_norm=norm, grad_clip_norm=settings.grad_clip_norm,
        )  # fmt: skip
        state.unflushed.append(step)
        yield step
        if state.out_of_time:
            return


def accumulate_gradients(
    network: nn.Module, texts: EncodedTexts, batches: Sequence[np.ndarray], objective: Objective, device: torch.device,
    precision: str,
) -> torch.Tensor:  # fmt: skip
    """Add up, in the parameters, the gradients of the mean loss over all texts of the batches; returns (), the loss
    summed over this process's texts."""
    forward = partial(network, encode=training_encode(device))
    count = sum(map(len, batches))
    losses = []
    for rows in batches:
        own = shard(rows)
        # a process without a text computes one with weight zero, since the others wait for its gradients
        weight = float(len(own) > 0)
        batch = collate(texts, own if weight else rows[:1]).to(device)
        # DistributedDataParallel averages gradients over the processes, but the loss needs their sum
        backward = partial(scaled_backward, weight * world_size() / count)
        sync = nullcontext() if rows is batches[-1] else no_gradient_sync(network)
        with sync, autocast(device, precision):
            losses.append(weight * objective(forward, batch, backward))
    return torch.stack(losses).sum()


def scaled_backward(scale: float, loss: torch.Tensor) -> None:
    with torch.autocast(loss.device.type, enabled=False):  # the graph has the types of the forward pass already
        (loss * scale).backward()


def end_epoch(state: TrainingState, scores: Scores | None, settings: FitSettings) -> Evaluation:
    """The evaluation of an epoch; `state` moves on to the next one. The best epoch is that of the best score, or of
    equal ones the least loss; without dev, it is the last one."""
    score, loss, sign = None, 0.0, -1.0 if settings.monitor == "dev_loss" else 1.0
    if scores is not None:
        score, loss = scores.together[settings.monitor.removeprefix("dev_")], scores.together["loss"]
        if not math.isfinite(loss):  # the other scores are always finite
            raise TextRNNError(
                f"training stopped: dev_loss is not finite after epoch {state.epoch}; try a lower train.learning_rate"
            )
    is_best = score is None or state.best is None or (sign * score, -loss) > (sign * state.best, -state.best_loss)
    state.evaluations_since_best += 1
    if is_best:
        state.best, state.best_loss = score, loss
        state.best_epoch, state.evaluations_since_best = state.epoch, 0
    stopped_early = state.out_of_patience(settings.patience)
    rate = settings.learning_rate(max(state.step, state.due))
    evaluation = Evaluation(
        epoch=state.epoch, step=state.step, train_loss=state.loss_sum / state.documents, scores=scores,
        learning_rate=rate, grad_norm_mean=state.grad_norm_sum / state.steps,
        grad_norm_max=state.grad_norm_max, clipped=state.clipped / state.steps,
        tokens_per_second=state.tokens / state.train_seconds, seconds=state.seconds, is_best=is_best,
        stopped_early=stopped_early,
    )  # fmt: skip
    state.reset_sums()
    state.pending_evaluation = False
    state.finished = stopped_early or state.out_of_time or state.epoch >= settings.epochs
    state.epoch, state.steps_in_epoch = state.epoch + 1, 0
    return evaluation
