"""The networks that a run trains, and their texts, from config and splits. Lower modules take plain arguments."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np
import torch

from textrnn.config import Config, TrainConfig
from textrnn.corpus.splits import Splits
from textrnn.models.build import build_network
from textrnn.models.network import Network
from textrnn.runtime.device import training_precision
from textrnn.texts.ngrams import frequent_ngrams
from textrnn.texts.rows import rows_where
from textrnn.texts.targets import class_weights_of, weights_by_class
from textrnn.texts.transform import EncodedTexts
from textrnn.training.decision import Scores
from textrnn.training.fit import FitSettings, fit
from textrnn.training.objectives import adversarial, cross_entropy, plain
from textrnn.training.optim import LazyAdamW, build_optimizer, learning_rate_at
from textrnn.training.state import Evaluation, Step, TrainingState

_BETWEEN_SEEDS = 1_000_003


class Part(NamedTuple):
    """One network's texts. held_out_rows (n,) int64: the positions of its held-out texts among those of all networks.
    smallest: the number of texts of the run's smallest part, which decides batch size and epochs of all. class_weights
    (classes,): None for 1 each."""

    seed: int
    train: EncodedTexts
    held_out: EncodedTexts | None
    held_out_rows: torch.Tensor
    smallest: int
    class_weights: np.ndarray | None = None


def plan(splits: Splits, config: TrainConfig) -> list[Part]:
    """One network for all of train, evaluated on dev; or one per fold, trained on the others and evaluated on it."""
    held_out, seed, whole = splits.held_out, config.seed, splits.train
    if splits.folds is None or held_out is None or held_out.folds is None:
        all_rows = torch.arange(0 if held_out is None else len(held_out.texts))
        return [Part(seed, whole, splits.dev, all_rows, len(whole), class_weights(config, splits, whole))]
    smallest = len(splits.train) - int(np.bincount(splits.folds).max())
    parts = []
    for fold in range(int(splits.folds.max()) + 1):
        rows = np.flatnonzero(held_out.folds == fold)
        train = splits.train.rows(rows_where(splits.folds != fold))
        fold_seed = (seed + _BETWEEN_SEEDS * fold) % 2**63
        weights = class_weights(config, splits, train)
        parts.append(Part(fold_seed, train, held_out.texts.rows(rows), torch.from_numpy(rows), smallest, weights))
    return parts


def class_weights(config: TrainConfig, splits: Splits, texts: EncodedTexts) -> np.ndarray | None:
    """(classes,): the weight of each class in a training on these texts of the splits; None for 1 each."""
    assert texts.targets is not None
    setting = class_weights_of(config.class_weights, splits.labels)
    return weights_by_class(setting, texts.targets, len(splits.labels))


def packed(splits: Splits) -> Splits:
    """The splits of a cross-fitted run with copies of its texts in memory, to be sent to another process."""
    assert splits.held_out is not None
    train = splits.train.packed()
    return replace(splits, train=train, held_out=splits.held_out._replace(texts=train.rows(splits.held_out.rows)))


class NetworkBuilder:
    """Builds the networks of a run, which differ only in their random weights. N-grams are counted once."""

    def __init__(self, config: Config, splits: Splits, pretrained: np.ndarray | None) -> None:
        self.config, self.pretrained = config.model, pretrained
        self.sizes = {"vocab_size": len(splits.vocab), "num_classes": len(splits.labels)}
        self.ngram_keys = frequent_ngrams(
            splits.train, longest=self.config.ngrams, vocab_size=len(splits.vocab), at_most=self.config.max_ngrams
        )

    def build(self, seed: int, device: torch.device) -> Network:
        torch.manual_seed(seed)
        network = build_network(self.config, **self.sizes, pretrained=self.pretrained, ngram_keys=self.ngram_keys)
        return network.to(device)


# Number of training texts below which batch size and epochs apply. Few texts need small batches, or there are too few
# steps; with more texts, fewer epochs and larger batches bound the time that cross-fitting takes.
_SIZES = [(1500, 16, 6), (3000, 32, 7), (7400, 32, 4), (math.inf, 64, 4)]


def with_precision(config: Config, device: torch.device) -> Config:
    """The config with the number format that `train.precision: auto` means for its network, if it has one, on this
    device."""
    if not config.model.has_network:
        return config
    cell = None if config.model.architecture == "tdnn" else config.model.cell
    hidden_size = config.model.hidden_size
    precision = training_precision(config.train.precision, device, cell=cell, hidden_size=hidden_size)
    return config.replaced(train={"precision": precision})


def build_settings(config: TrainConfig, part: Part) -> FitSettings:
    """Values that are `auto` in the config depend on the number of training texts. Without adversarial training, a step
    costs half as much, and `auto` means twice as many epochs."""
    batch_size, epochs = next(sizes for most, *sizes in _SIZES if part.smallest < most)
    if config.adversarial_norm is None:
        epochs *= 2
    batch_size = batch_size if config.batch_size == "auto" else config.batch_size
    epochs = epochs if config.epochs == "auto" else config.epochs
    steps = math.ceil(math.ceil(len(part.train) / batch_size) / config.accumulate)
    learning_rate = partial(
        learning_rate_at, total_steps=epochs * steps, peak=config.learning_rate, schedule=config.schedule,
        warmup=config.warmup,
    )  # fmt: skip
    return FitSettings(
        batch_size, epochs, steps, learning_rate, config.accumulate, part.seed, config.grad_clip_norm,
        config.precision, config.monitor, config.patience,
    )  # fmt: skip


def build_fit(
    config: TrainConfig, network: Network, part: Part, state: TrainingState,
    evaluate: Callable[[], Scores] | None = None,
) -> tuple[FitSettings, LazyAdamW, Iterator[Step | Evaluation]]:  # fmt: skip
    """The settings, the optimizer and the `fit` generator, not yet started: load a saved state into network, optimizer
    and `state` before iterating. network: on its device. Weights of texts are divided by their mean, so that the size
    of a step does not depend on their unit."""
    settings = build_settings(config, part)
    optimizer = build_optimizer(
        network, learning_rate=config.learning_rate, weight_decay=config.weight_decay,
        embedding_lr_multiplier=config.embedding_lr_multiplier,
    )  # fmt: skip
    weights, texts = None, part.train
    if part.class_weights is not None:
        weights = torch.from_numpy(part.class_weights).float().to(next(network.parameters()).device)
    if texts.targets is not None and texts.targets.weights is not None:
        own = texts.targets.weights / texts.targets.weights.mean(dtype=np.float64)
        texts = replace(texts, targets=replace(texts.targets, weights=own.astype(np.float32)))
    loss = cross_entropy(class_weights=weights, label_smoothing=config.label_smoothing)
    if config.adversarial_norm is None:
        objective = plain(loss)
    else:
        objective = adversarial(loss, norm=config.adversarial_norm, dim=network.embedding.table.embedding_dim)
    return settings, optimizer, fit(network, texts, objective, optimizer, state, settings, evaluate)
