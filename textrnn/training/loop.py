"""The training loop: a generator of steps. It computes; the caller logs, evaluates, saves and stops."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import nn

from textrnn.data.batching import collate, training_batches
from textrnn.data.transform import EncodedTexts
from textrnn.device import autocast
from textrnn.errors import TextRNNError
from textrnn.training.objectives import Objective
from textrnn.training.optim import clip_gradients


@dataclass
class TrainingState:
    """Whatever outlives a step, beside weights, optimizer and random state."""

    epoch: int = 1
    steps_in_epoch: int = 0
    step: int = 0
    seconds: float = 0.0
    pending_evaluation: bool = False
    finished: bool = False
    # the best evaluation so far: its value of train.monitor, its dev loss, and how many came after it
    best: float | None = None
    best_loss: float = 0.0
    best_epoch: int = 0
    worse_evaluations: int = 0
    # sums since the last evaluation
    loss_sum: float = 0.0
    documents: int = 0
    tokens: int = 0
    steps: int = 0
    grad_norm_sum: float = 0.0
    grad_norm_max: float = 0.0
    clipped: int = 0
    train_seconds: float = 0.0

    def reset_sums(self) -> None:
        self.loss_sum = self.grad_norm_sum = self.grad_norm_max = self.train_seconds = 0.0
        self.documents = self.tokens = self.steps = self.clipped = 0


@dataclass
class Step:
    """One optimizer step. loss: mean over its documents; grad_norm: before clipping."""

    loss: float
    documents: int
    tokens: int
    grad_norm: float
    learning_rate: float


def steps_per_epoch(documents: int, batch_size: int, accumulate: int) -> int:
    return math.ceil(math.ceil(documents / batch_size) / accumulate)


def training_steps(
    model: nn.Module,
    objective: Objective,
    optimizer: torch.optim.Optimizer,
    texts: EncodedTexts,
    state: TrainingState,
    *,
    epochs: int,
    batch_size: int,
    accumulate: int,
    seed: int,
    learning_rate: Callable[[int], float],
    grad_clip_norm: float | None,
    device: torch.device,
    precision: str,
) -> Iterator[Step]:
    """Train from where `state` stands to the end of the last epoch, yielding after each step.

    After the last step of an epoch `state.pending_evaluation` is true; the caller evaluates and sets it back.

    Raises: TextRNNError, naming epoch and step, where the loss or the gradient is not finite.
    """
    while state.epoch <= epochs:
        batches = training_batches(texts.lengths, batch_size, seed=seed, epoch=state.epoch)
        steps = math.ceil(len(batches) / accumulate)
        while state.steps_in_epoch < steps:
            begin = time.perf_counter()
            first = state.steps_in_epoch * accumulate
            group = [collate(texts, rows) for rows in batches[first : first + accumulate]]
            rate = learning_rate(state.step + 1)
            for settings in optimizer.param_groups:
                settings["lr"] = rate
            documents = sum(len(batch) for batch in group)
            model.train()
            optimizer.zero_grad()
            loss_sum = 0.0
            for batch in group:
                with autocast(device, precision):
                    loss = objective(model, batch.to(device))
                (loss / documents).backward()
                loss_sum += loss.item()
            norm = clip_gradients(model, grad_clip_norm)
            if not (math.isfinite(loss_sum) and math.isfinite(norm)):
                raise TextRNNError(
                    f"training stopped: the {'gradient' if math.isfinite(loss_sum) else 'loss'} is not finite at epoch "
                    f"{state.epoch}, step {state.step + 1}; try a lower train.learning_rate"
                    + ("" if grad_clip_norm else ", or set train.grad_clip_norm")
                )
            optimizer.step()

            tokens = sum(int(batch.lengths.sum()) for batch in group)
            state.step += 1
            state.steps_in_epoch += 1
            state.pending_evaluation = state.steps_in_epoch == steps
            state.loss_sum += loss_sum
            state.documents += documents
            state.tokens += tokens
            state.steps += 1
            state.grad_norm_sum += norm
            state.grad_norm_max = max(state.grad_norm_max, norm)
            state.clipped += grad_clip_norm is not None and norm > grad_clip_norm
            elapsed = time.perf_counter() - begin
            state.seconds += elapsed
            state.train_seconds += elapsed
            yield Step(loss_sum / documents, documents, tokens, norm, rate)
        state.epoch += 1
        state.steps_in_epoch = 0
