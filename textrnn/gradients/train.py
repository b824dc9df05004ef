"""A training of a few steps, to look at: nothing is held out, kept or written."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch

from textrnn.config import TrainConfig
from textrnn.errors import TextRNNError
from textrnn.models.network import Network
from textrnn.texts.transform import EncodedTexts
from textrnn.training.plan import Part, build_fit, build_settings
from textrnn.training.state import Step, TrainingState, check_weights, flush_metrics


class Course(NamedTuple):
    """losses: per document. norms: of the whole gradient before clipping. Both of each step that was finite.
    diverged_at: the step at which a loss, gradient or weight was not, None where all were."""

    losses: list[float]
    norms: list[float]
    diverged_at: int | None


def train_briefly(
    settings: TrainConfig, network: Network, texts: EncodedTexts, *, steps: int, num_classes: int, seed: int,
    after_step: Callable[[], object],
) -> Course:  # fmt: skip
    """Take so many optimizer steps; the schedule of the learning rate spans the whole epochs that they begin."""
    part = Part(seed, texts, None, torch.arange(0), smallest=len(texts))
    wanted = steps * build_settings(settings, part).batch_size * settings.accumulate
    if len(texts) > wanted:  # an epoch of all texts would be longer than the training, and so would the schedule
        texts = texts.rows(np.sort(np.random.default_rng([seed, 0xB1EF]).permutation(len(texts))[:wanted]))
        part = part._replace(train=texts)
    epochs = math.ceil(steps / build_settings(settings, part).steps_per_epoch)
    state = TrainingState()
    _, _, events = build_fit(settings.model_copy(update={"epochs": epochs}), network, part, state, num_classes)
    losses: list[float] = []
    norms: list[float] = []
    try:
        for event in events:
            if not isinstance(event, Step):
                continue
            flush_metrics(state)
            losses.append(float(event.loss) / event.documents)
            norms.append(float(event.grad_norm))
            after_step()
            if event.number == steps:
                break
        check_weights(state, network)
    except TextRNNError:  # `fit` raises none but of numbers that are not finite, where nothing is evaluated
        return Course(losses, norms, state.step)
    return Course(losses, norms, None)
