"""The description that `train` logs before it trains: device, data, model, and warnings about settings."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import torch

from textrnn.commands.data import warn_of_dead_keys
from textrnn.config import Config, TrainConfig
from textrnn.corpus.splits import Splits
from textrnn.corpus.statistics import describe_splits, statistics_lines
from textrnn.models.network import Network
from textrnn.reports.architecture import linear_phrase, model_name, network_line
from textrnn.runtime.device import has_bfloat16_units
from textrnn.runtime.distributed import world_size
from textrnn.runtime.progress import log
from textrnn.runtime.terminal import count_of, visible
from textrnn.training.linear import has_linear, reason_for_none
from textrnn.training.plan import Part, build_settings, class_weights

FEW_STEPS = 300
LINES_SHOWN = 60  # of the statistics, which have a line for each label
LABELS_SHOWN = 12  # with their weights


def describe_training(
    config: Config, splits: Splits, parts: list[Part], device: torch.device, environment: dict[str, str | int]
) -> None:
    """Log device and data, and warn of settings that make no sense here."""
    warn_of_dead_keys(config)
    log.info("device: %s%s", environment["device"], f", {world_size()} processes" if world_size() > 1 else "")
    if config.train.precision == "bfloat16" and not has_bfloat16_units(device):
        log.warning("train.precision: this processor has no bfloat16 units; float32 is faster here")
    elif config.train.tf32 and device.type == "cpu":
        log.warning("train.tf32: true has no effect: a CPU has no TF32 units")
    lines = statistics_lines(describe_splits(splits, config.data.max_length))
    for line in lines[:LINES_SHOWN]:
        log.info(line)
    if (more := len(lines) - LINES_SHOWN) > 0:
        log.info("and %s, which `textrnn vocab` lists", count_of(more, "more label"))
    by_class = class_weights(config.train, splits, splits.train)
    if by_class is not None:
        pairs = [f"{label} {weight:.3g}" for label, weight in zip(splits.labels, by_class, strict=True)]
        log.info("weights of the classes: %s%s", ", ".join(pairs[:LABELS_SHOWN]), ", ..." * (len(pairs) > LABELS_SHOWN))
    if parts:
        warn_of_few_steps(config.train, parts[0])


def describe_model(config: Config, network: Network, splits: Splits, parts: list[Part]) -> None:
    """Log a line about the model, and one about the length of training."""
    count, settings = len(parts), build_settings(config.train, parts[0])
    if has_linear(config, splits):
        linear = linear_phrase(config.model)
    else:
        reason = "" if config.model.linear == "none" else reason_for_none(len(splits.labels), len(splits.train))
        linear = f"no linear model: {reason}" if reason else "no linear model"
    log.info("model: %s; %s", network_line(config.model, network.parameter_count, count), linear)
    share = {2: "half", 3: "third", 4: "quarter", 5: "fifth"}.get(count, f"1/{count}")
    folds = f"; {count} networks, each evaluated on the {share} of the texts that it was not trained on" * (count > 1)
    precision = ", in bfloat16" * (settings.precision == "bfloat16")
    epochs = count_of(settings.epochs, "epoch")
    log.info("training: %s in batches of %d%s%s", epochs, settings.batch_size, precision, folds)


def title_of(config: Config, splits: Splits) -> str:
    """Model and training files, for the title of the curves."""
    assert config.data.train is not None
    paths = [config.data.train] if isinstance(config.data.train, str) else config.data.train
    return f"{model_name(config.model, has_linear=has_linear(config, splits))}, trained on {files_phrase(paths)}"


def files_phrase(paths: Sequence[str]) -> str:
    """A phrase such as "a.csv and 2 more"; bytes of a name that are not UTF-8 become `�`, which a font can draw."""
    first = visible(os.fsencode(Path(paths[0]).name or paths[0]).decode("utf-8", "replace"))
    return first if len(paths) == 1 else f"{first} and {len(paths) - 1} more"


def warn_of_few_steps(config: TrainConfig, part: Part) -> None:
    texts, settings = len(part.train), build_settings(config, part)
    steps, smaller, batch_size = settings.total_steps, 8 if texts > 8 else 1, settings.batch_size
    if texts < batch_size:
        log.warning(
            "train.batch_size %d exceeds the number of training texts, %d: one optimizer step per epoch, %d in total; "
            "for more, use --batch-size %d", batch_size, texts, steps, smaller,
        )  # fmt: skip
    elif steps < FEW_STEPS:
        remedy = f"use --batch-size {smaller} or " if batch_size > smaller else ""
        log.info(
            "note: only %s in total, which may be too few; for more, %sraise --epochs",
            count_of(steps, "optimizer step"),
            remedy,
        )
