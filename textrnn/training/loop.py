"""The steps of one epoch: batches in, optimizer steps out.

Nothing here waits for the device: while a GPU computes one step, the next ones are prepared. n-grams are an exception:
to sum the equal rows of their sparse gradient, torch must know how many there are.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from functools import partial

import numpy as np
import torch
from torch import nn

from textrnn.models.threaded import training_encode
from textrnn.runtime.device import autocast
from textrnn.runtime.distributed import average_sparse, no_gradient_sync, rank, shard, world_size
from textrnn.runtime.seeding import seed_step
from textrnn.texts.batching import collate, training_batches
from textrnn.texts.transform import EncodedTexts
from textrnn.training.events import Step
from textrnn.training.objectives import Objective
from textrnn.training.optim import clip_gradients, set_learning_rate
from textrnn.training.state import TrainingState


def steps_per_epoch(documents: int, batch_size: int, accumulate: int) -> int:
    return math.ceil(math.ceil(documents / batch_size) / accumulate)


def epoch_steps(
    network: nn.Module,
    texts: EncodedTexts,
    state: TrainingState,
    *,
    objective: Objective,
    optimizer: torch.optim.Optimizer,
    learning_rate: Callable[[int], float],
    batch_size: int,
    accumulate: int,
    seed: int,
    grad_clip_norm: float | None,
    device: torch.device,
    precision: str,
) -> Iterator[Step]:
    """Train from where `state` stands to the end of its epoch, yielding after each step.

    network: as `distributed.wrap_ddp` returns it. Batches are the same whatever the number of processes; each computes
    its shard of every batch.
    """
    batches = training_batches(texts.lengths, batch_size, seed=seed, epoch=state.epoch)
    steps = math.ceil(len(batches) / accumulate)
    for number in range(state.steps_in_epoch, steps):
        begin = time.perf_counter()
        group = batches[number * accumulate : (number + 1) * accumulate]
        rate = learning_rate(state.step + 1)
        set_learning_rate(optimizer, rate)
        seed_step(seed, state.step + 1, rank(), device)
        network.train()
        optimizer.zero_grad()
        loss = accumulate_gradients(network, texts, group, objective, device=device, precision=precision)
        average_sparse(network)
        norm = clip_gradients(network, grad_clip_norm)
        optimizer.step()

        state.step += 1
        state.steps_in_epoch += 1
        state.pending_evaluation = state.steps_in_epoch == steps
        step = Step(
            epoch=state.epoch,
            number=state.step,
            documents=sum(map(len, group)),
            tokens=sum(int(texts.lengths[rows].sum()) for rows in group),
            learning_rate=rate,
            seconds=time.perf_counter() - begin,
            loss=loss,
            grad_norm=norm,
            grad_clip_norm=grad_clip_norm,
        )
        state.unflushed.append(step)
        yield step


def accumulate_gradients(
    network: nn.Module,
    texts: EncodedTexts,
    batches: Sequence[np.ndarray],
    objective: Objective,
    *,
    device: torch.device,
    precision: str,
) -> torch.Tensor:
    """Gradients of the mean loss over all documents of the batches, added up in the parameters; returns (), the loss
    summed over this process's documents."""
    forward = partial(network, encode=training_encode(device))
    documents = sum(map(len, batches))
    losses = []
    for rows in batches:
        own = shard(rows)
        # a process without a document computes one with weight zero, since the others wait for its gradients
        weight = float(len(own) > 0)
        batch = collate(texts, own if weight else rows[:1]).to(device)
        # DistributedDataParallel averages gradients over the processes, but their sum is wanted
        backward = partial(scaled_backward, scale=weight * world_size() / documents, device=device)
        sync = nullcontext() if rows is batches[-1] else no_gradient_sync(network)
        with sync, autocast(device, precision):
            losses.append(weight * objective(forward, batch, backward))
    return torch.stack(losses).sum()


def scaled_backward(loss: torch.Tensor, *, scale: float, device: torch.device) -> None:
    with torch.autocast(device.type, enabled=False):  # the graph has the types of the forward pass already
        (loss * scale).backward()
