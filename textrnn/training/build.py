"""Config -> what training needs; below this file there are only plain arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
import torch

from textrnn.config import TrainConfig
from textrnn.models.network import Network
from textrnn.texts.transform import EncodedTexts
from textrnn.training.decision import Scores
from textrnn.training.events import Evaluation, Step
from textrnn.training.fit import fit
from textrnn.training.loop import steps_per_epoch
from textrnn.training.objectives import Objective, adversarial, balanced_weights, cross_entropy, plain
from textrnn.training.optim import LazyAdamW, build_optimizer, learning_rate_at
from textrnn.training.state import TrainingState


class Sizes(NamedTuple):
    """How long a network is trained. batch_size: documents, over all processes."""

    batch_size: int
    epochs: int

    def steps_per_epoch(self, documents: int, accumulate: int) -> int:
        return steps_per_epoch(documents, self.batch_size, accumulate)


# Of a network trained on fewer than so many documents: batch size and epochs. Few documents need small batches, or
# there are too few steps; with more documents, fewer epochs and larger batches bound the time that cross-fitting takes.
_SIZES = [(1500, Sizes(16, 8)), (3000, Sizes(32, 7)), (7400, Sizes(32, 4))]
_LARGE = Sizes(64, 4)


def build_sizes(settings: TrainConfig, documents: int) -> Sizes:
    """The sizes in the config, or those that suit so many training documents. Without adversarial training, a step
    costs half as much: then there are twice as many epochs."""
    auto = next((sizes for most, sizes in _SIZES if documents < most), _LARGE)
    if settings.adversarial_norm is None:
        auto = auto._replace(epochs=2 * auto.epochs)
    return Sizes(
        auto.batch_size if settings.batch_size == "auto" else settings.batch_size,
        auto.epochs if settings.epochs == "auto" else settings.epochs,
    )


def total_steps(settings: TrainConfig, sizes: Sizes, documents: int) -> int:
    return sizes.epochs * sizes.steps_per_epoch(documents, settings.accumulate)


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
    network: Network,
    texts: EncodedTexts,
    state: TrainingState,
    *,
    sizes: Sizes,
    seed: int,
    class_weights: torch.Tensor | None,
    device: torch.device,
    evaluate: Callable[[], Scores] | None,
) -> tuple[LazyAdamW, Iterator[Step | Evaluation]]:
    """The optimizer and the `fit` generator, not yet started: load a saved state into network, optimizer and `state`
    before iterating. The network is on `device`."""
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
            learning_rate_at, total_steps=total_steps(settings, sizes, len(texts)), peak=settings.learning_rate,
            schedule=settings.schedule, warmup=settings.warmup,
        ),
        epochs=sizes.epochs,
        batch_size=sizes.batch_size,
        accumulate=settings.accumulate,
        seed=seed,
        grad_clip_norm=settings.grad_clip_norm,
        device=device,
        precision=settings.precision,
        evaluate=evaluate,
        monitor=settings.monitor,
        patience=settings.patience,
    )  # fmt: skip
    return optimizer, events
