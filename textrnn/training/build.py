"""Config -> what training needs; below this file there are only plain arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import torch
from torch import nn

from textrnn.config import TrainConfig
from textrnn.data.transform import EncodedTexts
from textrnn.models.build import network_of
from textrnn.training.events import Evaluation, Step
from textrnn.training.fit import Scores, fit
from textrnn.training.loop import steps_per_epoch
from textrnn.training.objectives import Objective, adversarial, balanced_weights, cross_entropy, plain
from textrnn.training.optim import LazyAdamW, build_optimizer, learning_rate_at
from textrnn.training.state import TrainingState


def total_steps(settings: TrainConfig, documents: int) -> int:
    return settings.epochs * steps_per_epoch(documents, settings.batch_size, settings.accumulate)


def build_class_weights(settings: TrainConfig, texts: EncodedTexts, num_classes: int) -> torch.Tensor | None:
    """(num_classes,) on the CPU, or None where all classes count the same."""
    if settings.class_weights == "none":
        return None
    return balanced_weights(np.asarray(texts.labels), num_classes)


def build_objective(settings: TrainConfig, *, embedding_dim: int, class_weights: torch.Tensor | None) -> Objective:
    loss = cross_entropy(class_weights=class_weights, label_smoothing=settings.label_smoothing)
    if settings.adversarial_norm is None:
        return plain(loss)
    return adversarial(loss, norm=settings.adversarial_norm, dim=embedding_dim)


def build_fit(
    settings: TrainConfig,
    model: nn.Module,
    texts: EncodedTexts,
    state: TrainingState,
    *,
    class_weights: torch.Tensor | None,
    device: torch.device,
    evaluate: Callable[[], Scores] | None,
) -> tuple[LazyAdamW, Iterator[Step | Evaluation]]:
    """The optimizer and the `fit` generator, not yet started: load a saved state into model, optimizer and `state`
    before iterating. The model is on `device`."""
    network = network_of(model)
    optimizer = build_optimizer(
        network, learning_rate=settings.learning_rate, weight_decay=settings.weight_decay,
        embedding_lr_multiplier=settings.embedding_lr_multiplier,
    )  # fmt: skip
    events = fit(
        network,
        texts,
        state,
        objective=build_objective(
            settings,
            embedding_dim=network.embedding.table.embedding_dim,
            class_weights=None if class_weights is None else class_weights.to(device),
        ),
        optimizer=optimizer,
        learning_rate=partial(
            learning_rate_at, total_steps=total_steps(settings, len(texts)), peak=settings.learning_rate,
            schedule=settings.schedule, warmup=settings.warmup,
        ),
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        accumulate=settings.accumulate,
        seed=settings.seed,
        grad_clip_norm=settings.grad_clip_norm,
        device=device,
        precision=settings.precision,
        evaluate=evaluate,
        monitor=settings.monitor,
        patience=settings.patience,
    )  # fmt: skip
    return optimizer, events
