"""The training loop: a generator of steps. It computes; the caller logs, evaluates, saves and stops.

Nothing in it waits for the device: while a GPU computes one step, the next ones are prepared. n-grams are an exception:
how many rows their sparse gradient has must be known to sum equal ones.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext

import torch
from torch import nn

from textrnn.data.batching import collate, training_batches
from textrnn.data.transform import EncodedTexts
from textrnn.runtime.device import autocast
from textrnn.runtime.distributed import average_sparse, no_gradient_sync, rank, shard, world_size
from textrnn.runtime.seeding import seed_step
from textrnn.training.objectives import Objective
from textrnn.training.optim import clip_gradients
from textrnn.training.state import Step, TrainingState


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

    model: as `distributed.wrap_ddp` gives it. Batches are the same whatever the number of processes; each computes its
    share of every batch.

    After the last step of an epoch `state.pending_evaluation` is true; the caller evaluates and sets it back. The sums
    of the state are the caller's part too (`settle`).
    """
    while state.epoch <= epochs:
        batches = training_batches(texts.lengths, batch_size, seed=seed, epoch=state.epoch)
        steps = math.ceil(len(batches) / accumulate)
        while state.steps_in_epoch < steps:
            begin = time.perf_counter()
            group = batches[state.steps_in_epoch * accumulate : (state.steps_in_epoch + 1) * accumulate]
            documents = sum(map(len, group))
            rate = learning_rate(state.step + 1)
            for settings in optimizer.param_groups:
                settings["lr"] = rate * settings.get("lr_multiplier", 1.0)
            seed_step(seed, state.step + 1, rank(), device)
            model.train()
            optimizer.zero_grad()
            losses = []
            for rows in group:
                # a process without a document takes part with one that counts nothing: the others wait for its zeros
                share = shard(rows)
                counts = float(len(share) > 0)
                batch = collate(texts, share if counts else rows[:1]).to(device)
                with nullcontext() if rows is group[-1] else no_gradient_sync(model):
                    found, objectives = [], objective(model, batch)
                    while True:
                        with autocast(device, precision):
                            loss = next(objectives, None)
                        if loss is None:
                            break
                        # gradients are averaged over the processes; what is wanted is their sum
                        (loss * (counts * world_size() / documents)).backward()
                        found.append(loss.detach())
                losses.append(counts * found[0])
            average_sparse(model)
            norm = clip_gradients(model, grad_clip_norm)
            optimizer.step()

            state.step += 1
            state.steps_in_epoch += 1
            state.pending_evaluation = state.steps_in_epoch == steps
            yield Step(
                epoch=state.epoch,
                number=state.step,
                documents=documents,
                tokens=sum(int(texts.lengths[rows].sum()) for rows in group),
                learning_rate=rate,
                seconds=time.perf_counter() - begin,
                loss=torch.stack(losses).sum(),
                grad_norm=norm,
            )
        state.epoch += 1
        state.steps_in_epoch = 0
