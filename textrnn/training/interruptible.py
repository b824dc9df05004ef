"""Training that records itself and can be stopped by a signal at any step."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import torch

from textrnn.config import Config
from textrnn.inference import compute_logits
from textrnn.models.network import Network
from textrnn.run.folder import RunFolder
from textrnn.runtime.distributed import barrier, maximum, shard, total
from textrnn.runtime.progress import bar, log
from textrnn.runtime.signals import Interrupted, StopRequest
from textrnn.texts.transform import EncodedTexts
from textrnn.training.best import BestNetworks
from textrnn.training.build import build_class_weights, build_fit, build_sizes, total_steps
from textrnn.training.decision import Scores, judge
from textrnn.training.events import Evaluation, Step
from textrnn.training.plan import Part
from textrnn.training.recorder import Recorder
from textrnn.training.state import TrainingState, flush_metrics

FLUSH_SECONDS = 0.25  # between waits for the device
BAR_FORMAT = "{l_bar}{bar}| {remaining} left{postfix}"  # without steps, so that all fits in 80 columns


def train_part(
    config: Config, run: RunFolder, network: Network, part: Part, fold: int | None, margins: np.ndarray | None,
    best: BestNetworks, num_classes: int, *, device: torch.device, stop: StopRequest,
) -> TrainingState:  # fmt: skip
    """Train a network that is on `device`, from its saved state where it has one. fold, margins: as for Recorder and
    evaluate_held_out. Raises TextRNNError, and Interrupted once the state is saved."""
    settings, state = config.train, TrainingState()
    evaluate = None
    if part.held_out is not None:
        evaluate = partial(
            evaluate_held_out, network, part.held_out, margins, num_classes, mix=best.mix, device=device, stop=stop
        )
    sizes = build_sizes(settings, part.smallest)
    optimizer, events = build_fit(
        settings, network, part.train, state, sizes=sizes, seed=part.seed, device=device, evaluate=evaluate,
        class_weights=build_class_weights(settings, part.train, num_classes),
    )  # fmt: skip
    recorder = Recorder(run, network, optimizer, state, best, epochs=sizes.epochs, fold=fold)
    if recorder.file.exists():
        recorder.load(
            steps_per_epoch=sizes.steps_per_epoch(len(part.train), settings.accumulate), patience=settings.patience
        )
    else:
        recorder.save()  # so that wherever there are weights of a best model, there is a state
    steps = total_steps(settings, sizes, len(part.train))
    train_and_record(events, recorder, stop, total_steps=steps, save_minutes=settings.save_minutes)
    return state


def train_and_record(
    events: Iterator[Step | Evaluation], recorder: Recorder, stop: StopRequest, *, total_steps: int, save_minutes: float
) -> None:
    """Run `events`, as `fit` yields them, to the end. On a signal the state is saved, and Interrupted raised."""
    state = recorder.state
    flushed_at = recorder.saved_at = time.monotonic()
    name = "training" if recorder.fold is None else f"fold {recorder.fold}"
    with bar(name, total=total_steps, initial=state.step, bar_format=BAR_FORMAT) as shown:
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
            log.info("interrupted at %sepoch %d, step %d; the training state is saved; continue with: %s",
                     "" if recorder.fold is None else f"fold {recorder.fold}, ", state.epoch, state.step,
                     recorder.run.resume_command())  # fmt: skip
            barrier()  # torchrun ends the other processes as soon as one has left
            raise


def show(shown: Any, state: TrainingState) -> None:
    """Advance the bar by a step; mean loss and speed are those of the epoch as far as they were flushed."""
    shown.update()
    if state.steps:
        loss, rate = state.loss_sum / state.documents, state.tokens / state.train_seconds
        shown.set_postfix_str(f"epoch {state.epoch}, loss {loss:.3f}, {rate:,.0f} tokens/s", refresh=False)


def evaluate_held_out(
    network: Network, texts: EncodedTexts, margins: np.ndarray | None, num_classes: int, *, mix: bool,
    device: torch.device, stop: StopRequest,
) -> Scores:  # fmt: skip
    """Scores on held-out texts. margins (n, classes): of the linear model, None without one. mix: whether it decides,
    too. Raises Interrupted where a process has received a signal."""
    logits = held_out_logits(network, texts, num_classes, device=device, stop=stop)
    return judge(logits, None if margins is None else torch.from_numpy(margins), np.asarray(texts.labels), mix=mix)


def held_out_logits(
    network: Network, texts: EncodedTexts, num_classes: int, *, device: torch.device, stop: StopRequest
) -> torch.Tensor:
    """(n, num_classes), to which each process contributes a shard. Raises Interrupted."""
    own = shard(np.argsort(-texts.lengths, kind="stable"))
    logits = torch.zeros(len(texts), num_classes)
    with bar("evaluating", total=len(own)) as shown, contextlib.suppress(Interrupted):

        def after_batch(count: int) -> None:
            shown.update(count)
            stop.check()

        if len(own):
            of_own = compute_logits(network, texts.rows(own), device=device, after_batch=after_batch)
            logits[torch.from_numpy(own)] = of_own
    (signal_number,) = maximum([stop.signal_number or 0])
    if signal_number:
        raise Interrupted(signal_number)
    # the other processes have zeros where this one has logits, so adding them up rounds nothing
    return total(logits)
