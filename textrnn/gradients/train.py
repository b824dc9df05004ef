"""A training of a few steps, to look at: nothing is held out, kept or written."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import islice
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
    diverged_at: the step at which a loss, gradient or weight was not; None if all were."""

    losses: list[float]
    norms: list[float]
    diverged_at: int | None


def train_briefly(
    settings: TrainConfig, network: Network, texts: EncodedTexts, *, steps: int, num_classes: int, seed: int,
    after_step: Callable[[], object],
) -> Course:  # fmt: skip
    """Take `steps` optimizer steps; the schedule of the learning rate spans the whole epochs that they begin."""
    part = Part(seed, texts, None, torch.arange(0), smallest=len(texts))
    needed = steps * build_settings(settings, part).batch_size * settings.accumulate
    if len(texts) > needed:  # an epoch of all texts would be longer than the training, and so would the schedule
        texts = texts.rows(np.sort(np.random.default_rng([seed, 0xB1EF]).permutation(len(texts))[:needed]))
        part = part._replace(train=texts)
    epochs = math.ceil(steps / build_settings(settings, part).steps_per_epoch)
    state, losses, norms = TrainingState(), list[float](), list[float]()
    _, _, events = build_fit(settings.model_copy(update={"epochs": epochs}), network, part, state, num_classes)
    try:
        for step in islice((event for event in events if isinstance(event, Step)), steps):
            flush_metrics(state)
            losses.append(float(step.loss) / step.documents)
            norms.append(float(step.grad_norm))
            after_step()
        check_weights(state, network)
    except TextRNNError:  # without an evaluation, `fit` raises it only for numbers that are not finite
        return Course(losses, norms, state.step)
    return Course(losses, norms, None)
