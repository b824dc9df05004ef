"""`textrnn train`: from a config to a run's folder with the best model in it."""

from __future__ import annotations

import time
from contextlib import nullcontext
from functools import partial
from typing import Literal

import torch
from torch import nn

from textrnn.commands.data import load_data, warn_of_dead_keys
from textrnn.config import Config, ModelConfig, TrainConfig, build_config, changed_keys, read_yaml
from textrnn.data.build import other_files, with_absolute_paths
from textrnn.data.splits import Splits
from textrnn.data.transform import Transform
from textrnn.data.vectors import coverage, read_vectors
from textrnn.errors import CheckpointError, ConfigError
from textrnn.models.build import build_model
from textrnn.run.checkpoint import save_model_parts
from textrnn.run.environment import compare_environment, describe_environment, load_environment
from textrnn.run.folder import RunFolder
from textrnn.runtime.device import allow_tf32, has_bfloat16_units, training_device
from textrnn.runtime.distributed import broadcast_from_rank0, is_first, one_by_machine, world_size
from textrnn.runtime.files import sha256_of, write_text
from textrnn.runtime.progress import log, log_file
from textrnn.runtime.seeding import seed_weights
from textrnn.runtime.signals import StopRequest
from textrnn.training.build import build_class_weights, build_fit, total_steps
from textrnn.training.fit import out_of_patience
from textrnn.training.interruptible import evaluate_dev, train_and_record
from textrnn.training.linear import fit_linear_path
from textrnn.training.optim import learning_rate_at
from textrnn.training.recorder import Recorder, saved_progress
from textrnn.training.state import TrainingState

FEW_STEPS = 300
STOPPING = "stopping after this step, then saving the training state; Ctrl-C again stops at once, without saving"
LARGE_LINEAR_PATH = 500_000_000  # bytes
MAY_CHANGE_ON_RESUME = ("train.epochs", "data.cache_dir")


def train(config: Config, run: RunFolder, *, resume: bool, force: bool, device_name: str) -> None:
    """Train as `config` says, into `run`. Raises TextRNNError, and Interrupted once the state is saved."""
    config = with_absolute_paths(config)
    settings = config.train
    with log_file(run.log) as begin_log:
        start = broadcast_from_rank0(lambda: where_to_start(config, run, resume=resume, force=force))
        if start == "complete":
            return
        device = training_device(device_name)
        allow_tf32(settings.tf32)
        with one_by_machine():  # the first process tokenizes, the others find the corpus in the cache
            splits, tokenizer = load_data(config)
        environment = describe_environment(device)
        describe_training(config, splits, device, environment)

        model = new_model(config, splits).to(device)
        digests = splits.digests | {key: sha256_of(path) for key, path in other_files(config).items()}
        class_weights = build_class_weights(settings, splits.train, len(splits.labels))
        state = TrainingState()
        stop = StopRequest(
            grace_seconds=3.0 if world_size() > 1 else 0.0, notice=STOPPING if is_first() else "",
        )  # fmt: skip
        evaluate = None
        if splits.dev is not None:
            evaluate = partial(evaluate_dev, model, splits.dev, len(splits.labels), device=device, stop=stop)
        optimizer, events = build_fit(
            settings, model, splits.train, state, class_weights=class_weights, device=device, evaluate=evaluate
        )
        recorder = Recorder(run, model, optimizer, state, epochs=settings.epochs)

        with run.locked() if is_first() else nullcontext():
            if start == "resume":
                if is_first():
                    run.clear_leftovers()
                    warn_of_differences(run, environment, digests)
                recorder.load(steps_per_epoch=total_steps(settings, len(splits.train)) // settings.epochs)
                if is_first():
                    warn_of_more_epochs(settings, run, len(splits.train), state.step)
            if is_first():
                if start == "new":
                    # again: another process may have trained it before the folder was locked
                    run.check_free(force=force or (resume and not run.is_trained()))
                    if run.evaluations.exists():
                        log.info("starting over in place of an older run: %s goes, too", run.evaluations)
                    run.create(config.to_yaml(), environment, digests)
                else:
                    write_text(run.config, config.to_yaml())  # epochs may have been added
                # of a resumed run, too: the files may have been damaged since
                transform = Transform(tokenizer, splits.vocab, config.data.max_length)
                save_model_parts(run.model, model, transform, splits.labels, config, splits.format)
                begin_log()
            begin = time.perf_counter()
            if start == "new":
                if fit_linear_path(model, splits.train, seed=settings.seed, class_weights=class_weights, device=device):
                    log.info(
                        "linear path: fitted in %.1f s; dev scores are those of network and linear path together, "
                        "train loss is the network's alone", time.perf_counter() - begin,
                    )  # fmt: skip
                recorder.save()  # so that wherever there are weights of a best model, there is a state
            with stop:
                train_and_record(
                    events, recorder, stop, total_steps=total_steps(settings, len(splits.train)),
                    save_minutes=settings.save_minutes,
                )  # fmt: skip
        score = "" if state.best is None else f", {settings.monitor} {state.best:.4f}"
        log.info("best model: epoch %d%s; evaluate it with: %s", state.best_epoch, score, run.eval_command())


def new_model(config: Config, splits: Splits) -> nn.Module:
    """A newly initialized model; tokens with a pretrained vector start from it."""
    seed_weights(config.train.seed)
    vectors = None
    if config.model.pretrained is not None:
        vectors = read_vectors(config.model.pretrained, splits.vocab, dim=config.model.embedding_dim)
        log.info(coverage(vectors, splits.counts))
    return build_model(config.model, vocab_size=len(splits.vocab), num_classes=len(splits.labels), pretrained=vectors)


def where_to_start(
    config: Config, run: RunFolder, *, resume: bool, force: bool
) -> Literal["new", "resume", "complete"]:
    """What the run's folder and the options say. Raises CheckpointError, ConfigError where they contradict."""
    if not (resume and run.path.is_dir() and not run.is_empty()):
        run.check_free(force=force)
        if resume:
            log.info("%s: no run here yet; starting a new one", run.path)
        return "new"
    check_same_config(config, run)
    progress = saved_progress(run)
    if progress is None:
        if run.is_trained():
            raise CheckpointError(
                f"{run.state}: the training state is missing, so the run cannot go on; its model is untouched; put the "
                f"state back, use the model as it is, or start over with: {run.restart_command()}"
            )
        run.check_own()
        log.info("%s: nothing was saved yet; starting from the beginning", run.path)
        return "new"
    if progress.finished and (out_of_patience(progress, config.train.patience) or progress.epoch > config.train.epochs):
        log.info("%s: the run is complete; nothing to do; evaluate it with: %s", run.path, run.eval_command())
        return "complete"
    return "resume"


def check_same_config(config: Config, run: RunFolder) -> None:
    """Raises CheckpointError, or ConfigError that names the keys in which a resumed run's config differs."""
    if not run.config.is_file():
        raise CheckpointError(f"{run.path}: not a run (no config.yaml in it): nothing to resume")
    before = build_config(read_yaml(run.config), origin=str(run.config))
    changed = [key for key in changed_keys(before, config) if key not in MAY_CHANGE_ON_RESUME]
    if config.train.epochs < before.train.epochs:
        changed.append("train.epochs (which may only grow)")
    if changed:
        raise ConfigError(
            f"{run.config}: a resumed run keeps its config, but the one given differs in: {', '.join(changed)}; give "
            f"the same values, or start a new run with --run-dir or --force"
        )


def warn_of_differences(run: RunFolder, environment: dict[str, str | int], digests: dict[str, str]) -> None:
    """Warn of what changes how sums are rounded. Raises CheckpointError where the data has changed."""
    for difference in compare_environment(
        load_environment(run.environment), environment, digests, run.restart_command()
    ):
        log.warning("the weights may differ in the last bits from those of an uninterrupted run: %s", difference)


def warn_of_more_epochs(settings: TrainConfig, run: RunFolder, documents: int, step: int) -> None:
    """Warn where train.epochs was made larger, and the learning rate rises since its schedule spans all epochs."""
    before = build_config(read_yaml(run.config), origin=str(run.config)).train
    was, becomes = (
        learning_rate_at(
            at, total_steps=total_steps(each, documents), peak=each.learning_rate, schedule=each.schedule,
            warmup=each.warmup,
        )
        for each, at in ((before, step), (settings, step + 1))
    )  # fmt: skip
    if settings.epochs > before.epochs and step and becomes > was:
        log.warning(
            "train.epochs was %d and is now %d: the schedule (train.schedule: %s) spans all epochs, so the learning "
            "rate, last %.2g, rises to %.2g again", before.epochs, settings.epochs, settings.schedule, was, becomes,
        )  # fmt: skip


def describe_training(config: Config, splits: Splits, device: torch.device, environment: dict[str, str | int]) -> None:
    """Log what training will run on, and warn of settings that will disappoint."""
    warn_of_dead_keys(config)
    log.info("device: %s%s", environment["device"], f", {world_size()} processes" if world_size() > 1 else "")
    warn_of_precision(config.train, device)
    warn_of_size(config.model, len(splits.labels))
    for line in splits.statistics:
        log.info(line)
    warn_of_few_steps(config.train, len(splits.train))


def warn_of_few_steps(settings: TrainConfig, texts: int) -> None:
    steps, smaller = total_steps(settings, texts), 8 if texts > 8 else 1
    if texts < settings.batch_size:
        log.warning(
            "%d training texts are fewer than train.batch_size %d: one optimizer step per epoch, %d in all; --set "
            "train.batch_size=%d gives more", texts, settings.batch_size, steps, smaller,
        )  # fmt: skip
    elif steps < FEW_STEPS:
        remedy = f"--set train.batch_size={smaller} or more train.epochs give" if settings.batch_size > smaller else ""
        log.info("note: only %d optimizer steps in all; %s more", steps, remedy or "more train.epochs give")


def warn_of_size(settings: ModelConfig, classes: int) -> None:
    size = 4 * settings.linear_buckets * classes
    if settings.linear_ngrams is not None and size > LARGE_LINEAR_PATH:
        log.warning(
            "model.linear_buckets: %d for each of %d classes take %.1f GB in memory and in each file of weights; set "
            "fewer, or model.linear_ngrams: null", settings.linear_buckets, classes, size / 1e9,
        )  # fmt: skip


def warn_of_precision(settings: TrainConfig, device: torch.device) -> None:
    if settings.precision == "bfloat16" and not has_bfloat16_units(device):
        log.warning("train.precision: this processor has no bfloat16 units; float32 is faster here")
    elif settings.tf32 and device.type == "cpu":
        log.warning("train.tf32: true has no effect: a CPU has no TF32 units")
