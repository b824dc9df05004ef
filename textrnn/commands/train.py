"""`textrnn train`: from a config to a run's folder with the best model in it."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Literal

import torch

from textrnn.commands.data import load_data, warn_of_dead_keys
from textrnn.config import Config, ModelConfig, TrainConfig, build_config, changed_keys, read_yaml
from textrnn.data.build import other_files, with_absolute_paths
from textrnn.data.transform import Transform
from textrnn.errors import CheckpointError, ConfigError
from textrnn.run.checkpoint import save_model_parts
from textrnn.run.environment import compare_environment, describe_environment, load_environment, save_environment
from textrnn.run.folder import RunFolder
from textrnn.runtime.device import allow_tf32, has_bfloat16_units, training_device
from textrnn.runtime.distributed import broadcast_from_rank0, is_first, one_by_machine, world_size
from textrnn.runtime.files import sha256_of, write_text
from textrnn.runtime.progress import log, log_file
from textrnn.training.session import Session, is_complete

FEW_STEPS = 300
LARGE_PATH = 500_000_000  # bytes
MAY_CHANGE_ON_RESUME = ("train.epochs", "data.cache_dir")


def train(config: Config, run: RunFolder, *, resume: bool, force: bool, device_name: str) -> None:
    """Train as `config` says, into `run`. Raises TextRNNError, and Interrupted once the state is saved."""
    config = with_absolute_paths(config)
    with log_file(run.log) as begin_log:
        begin = broadcast_from_rank0(lambda: where_to_begin(config, run, resume=resume, force=force))
        if begin == "at the end":
            return
        device = training_device(device_name)
        allow_tf32(config.train.tf32)
        with one_by_machine():  # the first one tokenizes, the others find the corpus in the cache
            splits, tokenizer = load_data(config)
        warn_of_dead_keys(config)
        environment = describe_environment(device)
        log.info("device: %s%s", environment["device"], f", {world_size()} processes" if world_size() > 1 else "")
        warn_of_precision(config.train, device)
        warn_of_size(config.model, len(splits.labels))
        for line in splits.statistics:
            log.info(line)
        if len(splits.train) < config.train.batch_size:
            log.warning(
                "%d training texts are fewer than train.batch_size %d: a step an epoch",
                len(splits.train), config.train.batch_size,
            )  # fmt: skip
        session = Session(config, run, splits, device)
        digests = splits.digests | {key: sha256_of(path) for key, path in other_files(config).items()}
        steps = session.steps_per_epoch * config.train.epochs
        if steps < FEW_STEPS:
            log.info(
                "note: %d training steps are few; a smaller train.batch_size or more train.epochs give more", steps
            )
        with run.held() if is_first() else nullcontext():
            if is_first() and begin == "at the state":
                run.clear_leftovers()
                for difference in compare_environment(load_environment(run.environment), environment, digests):
                    log.warning("the weights may not come out the same to the last bit: %s", difference)
            elif is_first():
                run.create(config.to_yaml())
                save_environment(run.environment, environment, digests)
                transform = Transform(tokenizer, splits.vocab, config.data.max_length)
                save_model_parts(run.model, config, transform, splits.labels, session.embedding_dim)
            if begin == "at the state":
                session.load()
                if is_first():
                    write_text(run.config, config.to_yaml())  # it may have got more epochs
            if is_first():
                begin_log()
            if begin == "at the beginning":
                session.fit_linear_path()
            session.go_on()


def where_to_begin(
    config: Config, run: RunFolder, *, resume: bool, force: bool
) -> Literal["at the beginning", "at the state", "at the end"]:
    """What the run's folder and the options say. Raises CheckpointError, ConfigError where they do not go together."""
    if not (resume and run.path.is_dir() and not run.is_empty()):
        run.check_free(force=force)
        if resume:
            log.info("%s: there is no run yet: starting one", run.path)
        return "at the beginning"
    check_same_config(config, run)
    if is_complete(run, config.train):
        log.info("%s: the run is complete; nothing to do", run.path)
        return "at the end"
    if run.state.exists():
        return "at the state"
    log.info("nothing was saved yet: starting from the beginning")
    return "at the beginning"


def warn_of_size(settings: ModelConfig, classes: int) -> None:
    size = 4 * settings.linear_buckets * classes
    if settings.linear_ngrams is not None and size > LARGE_PATH:
        log.warning(
            "model.linear_buckets %d for each of %d classes take %.1f GB in memory and in each file of weights: set "
            "fewer, or model.linear_ngrams: null", settings.linear_buckets, classes, size / 1e9,
        )  # fmt: skip


def warn_of_precision(settings: TrainConfig, device: torch.device) -> None:
    if settings.precision == "bfloat16" and not has_bfloat16_units(device):
        log.warning("train.precision: this processor has no bfloat16 units; float32 is faster here")
    elif settings.tf32 and device.type == "cpu":
        log.warning("train.tf32: true has no effect, since a CPU has no TF32 units")


def check_same_config(config: Config, run: RunFolder) -> None:
    """Raises CheckpointError, or ConfigError that names the keys in which a resumed run's config differs."""
    if not run.config.is_file():
        raise CheckpointError(f"{run.path}: not a run (no config.yaml in it): nothing to resume")
    before = build_config(read_yaml(run.config), origin=str(run.config))
    changed = [key for key in changed_keys(before, config) if key not in MAY_CHANGE_ON_RESUME]
    if config.train.epochs < before.train.epochs:
        changed.append("train.epochs (it may only be made larger)")
    if changed:
        raise ConfigError(
            f"{run.config}: --resume goes on with the run's own config, which differs from the one given in: "
            f"{', '.join(changed)}; give the same values, or start a new run with --run-dir or --force"
        )
