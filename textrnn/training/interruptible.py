"""Training that records itself and can be stopped by a signal at any step."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import nn

from textrnn.data.transform import EncodedTexts
from textrnn.evaluation.metrics import summary
from textrnn.inference import compute_logits
from textrnn.runtime.distributed import barrier, maximum, shard, total
from textrnn.runtime.progress import bar, log
from textrnn.runtime.signals import Interrupted, StopRequest
from textrnn.training.events import Evaluation, Step
from textrnn.training.fit import Scores
from textrnn.training.recorder import Recorder
from textrnn.training.state import TrainingState, flush_metrics

FLUSH_SECONDS = 0.25  # between waits for the device
BAR_FORMAT = "{l_bar}{bar}| {remaining} left{postfix}"  # without steps, so that all fits in 80 columns


def train_and_record(
    events: Iterator[Step | Evaluation], recorder: Recorder, stop: StopRequest, *, total_steps: int, save_minutes: float
) -> None:
    """Run `events`, as `fit` yields them, to the end. On a signal the state is saved, and Interrupted raised."""
    state = recorder.state
    flushed_at = recorder.saved_at = time.monotonic()
    with bar("training", total=total_steps, initial=state.step, bar_format=BAR_FORMAT) as shown:
        try:
            for event in events:
                if isinstance(event, Evaluation):
                    recorder.add(event)
                    continue
                show(shown, state)
                # all processes must act at the same step, or they deadlock
                now = time.monotonic()
                must_flush, must_save, signal_number = maximum([
                    now - flushed_at >= FLUSH_SECONDS,
                    now - recorder.saved_at >= 60 * save_minutes,
                    stop.signal_number or 0,
                ])  # fmt: skip
                if must_flush or must_save:
                    flush_metrics(state)
                    flushed_at = time.monotonic()
                if signal_number:
                    raise Interrupted(signal_number)
                if must_save:
                    recorder.save()
        except Interrupted:
            recorder.save()
            log.info("interrupted at epoch %d, step %d; the training state is saved; continue with: %s",
                     state.epoch, state.step, recorder.run.resume_command())  # fmt: skip
            recorder.plot()
            barrier()  # torchrun ends the other processes as soon as one has left
            raise
    recorder.plot()


def show(shown: Any, state: TrainingState) -> None:
    """Advance the bar by a step; mean loss and speed are those of the epoch as far as they were flushed."""
    shown.update()
    if state.steps:
        loss, rate = state.loss_sum / state.documents, state.tokens / state.train_seconds
        shown.set_postfix_str(f"epoch {state.epoch}, loss {loss:.3f}, {rate:,.0f} tokens/s", refresh=False)


def evaluate_dev(
    model: nn.Module, dev: EncodedTexts, num_classes: int, *, device: torch.device, stop: StopRequest
) -> Scores:
    """Scores on dev, to which each process contributes a shard. Raises Interrupted where one has received a signal."""
    own = shard(np.argsort(-dev.lengths, kind="stable"))
    logits = torch.zeros(len(dev), num_classes)
    with bar("evaluating", total=len(own)) as shown, contextlib.suppress(Interrupted):

        def after_batch(count: int) -> None:
            shown.update(count)
            stop.check()

        if len(own):
            logits[torch.from_numpy(own)] = compute_logits(model, dev.rows(own), device=device, after_batch=after_batch)
    (signal_number,) = maximum([stop.signal_number or 0])
    if signal_number:
        raise Interrupted(signal_number)
    # the other processes have zeros where this one has logits, so adding them up rounds nothing
    return summary(total(logits), np.asarray(dev.labels))
