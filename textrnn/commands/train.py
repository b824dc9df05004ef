"""`textrnn train`: trains the networks of a config and writes the best model into a run's folder. A run starts from the
beginning, or resumes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import torch

from textrnn.commands.data import RawTexts, input_files, pretrained_vectors, read_data, warn_of_faults
from textrnn.commands.describe import describe_model, describe_training, title_of
from textrnn.commands.output import check_run_dir
from textrnn.commands.unlabelled import unlabelled_files
from textrnn.config import Config, build_config, changed_keys, read_yaml
from textrnn.corpus.build import build_sources, content_digests, with_absolute_paths
from textrnn.errors import CheckpointError, ConfigError, short
from textrnn.run.folder import MODEL_CONFIG, RunFolder
from textrnn.run.model import save_description
from textrnn.run.model_config import FORMAT_VERSION, saved_version
from textrnn.run.records import compare_environment, describe_environment, load_environment
from textrnn.runtime.device import allow_tf32, training_device
from textrnn.runtime.distributed import broadcast_from_rank0, is_first, local_leader_first, world_size
from textrnn.runtime.files import write_text
from textrnn.runtime.progress import log, log_file
from textrnn.runtime.signals import StopRequest, interrupt_advice
from textrnn.runtime.terminal import visible
from textrnn.texts.transform import Transform
from textrnn.training.linear import check_linear, rows_to_read
from textrnn.training.networks import Training
from textrnn.training.one_network import Listener
from textrnn.training.plan import NetworkBuilder, Part, build_settings, plan, with_precision
from textrnn.training.recorder import Recorder, StateSaver, has_ended, saved_progress
from textrnn.training.side_by_side import training_workers
from textrnn.training.state import TrainingState
from textrnn.training.time_limit import TimeLimit

STOPPING = "stopping after this step, then saving the training state; Ctrl-C again stops at once, without saving"
MAY_CHANGE_ON_RESUME = ("train.epochs", "data.cache_dir", "train.tensorboard")
FEWER_EPOCHS = "train.epochs (which may only grow)"


class Start(NamedTuple):
    """begun: the progress of each network that has been begun, by its number, from 0. before: the run's own config;
    None for a new run."""

    begun: dict[int, TrainingState]
    before: Config | None


NEW = Start({}, None)


def train(config: Config, run: RunFolder, *, resume: bool, force: bool, device_name: str, begin: float) -> None:
    """Train a model by `config` into `run`. begin: time.monotonic() when the command began. Raises TextRNNError, and
    Interrupted once the state is saved."""
    config = with_absolute_paths(config)
    has_network = config.model.has_network
    listener = event_writers(run) if config.train.tensorboard and has_network and is_first() else None
    path, command = visible(str(run.path)), visible(run.resume_command())
    with log_file(run.log) as begin_log, interrupt_advice(f"training had not started, so {path} is unchanged"):
        start = broadcast_from_rank0(lambda: find_start(config, run, resume=resume, force=force))
        if start is None:
            return
        sources, is_new = build_sources(config), start.before is None
        if is_new:
            check_run_dir(run, input_files(config, sources, None))
        device = training_device(device_name)
        chosen = config if start.before is None else keep_precision(config, start.before)
        config = broadcast_from_rank0(lambda: with_precision(chosen, device))
        allow_tf32(config.train.tf32)
        with local_leader_first():  # the first process tokenizes, the others find the corpus in the cache
            data = read_data(config, sources)
        splits = data.splits
        check_linear(config, splits)
        raw = RawTexts(data, rows_to_read(config, splits))
        unlabelled = unlabelled_files(config, splits, sources["train"])
        if is_first():
            warn_of_faults(config, data, raw if is_new else None)
            if is_new and unlabelled is not None:
                unlabelled()  # so that faults of its files end the command before there is a run
        parts = plan(splits, config.train) if has_network else []
        environment = describe_environment(device)
        describe_training(config, splits, parts, device, environment)
        if has_network:
            builder = NetworkBuilder(config, splits, pretrained_vectors(config, splits))
            network = builder.build(parts[0].seed, device)
            describe_model(config, network, splits, parts)
        else:
            log.info("model: a linear model without a network")
        digests = content_digests(config, splits)
        if unlabelled is not None:
            digests["data.unlabelled"] = unlabelled.digest()
        recorder = Recorder(
            run, splits.held_out, mix=config.model.linear == "mix", title=title_of(config, splits),
            monitor=config.train.monitor,
        )  # fmt: skip
        saver = StateSaver(run, config.train.save_minutes)
        stop = StopRequest(grace_seconds=3.0 if world_size() > 1 else 0.0, notice=STOPPING if is_first() else "")
        lock = run.locked() if is_first() else contextlib.nullcontext()
        with lock, interrupt_advice(f"continue with: {command}"):
            if is_first():
                # a linear model is fitted as a whole
                may_replace = force or (resume and not (has_network and run.is_trained()))
                texts = {name: len(part) for name, part in splits.parts.items()}
                open_run(start, config, run, parts, texts, environment, digests, force=may_replace)
                # also for a resumed run, whose files may have been damaged
                transform = Transform(data.tokenizer, splits.vocab, config.data.max_length)
                dim = network.embedding.table.embedding_dim if has_network else None
                save_description(run.model, transform, splits.labels, config, dim, splits.format, splits.class_shares)
                begin_log()
            cores = torch.get_num_threads() if device.type == "cpu" and world_size() == 1 else 1
            with training_workers(config, parts, cores) as workers:
                margins = broadcast_from_rank0(lambda: recorder.fit_linear(config, splits, raw, unlabelled))
                raw.texts.clear()
                if not is_new:
                    recorder.load_best(network, len(parts), start.begun)
                if listener is not None:
                    log.info("watch the training with: tensorboard --logdir %s", run.tensorboard)
                used = max((state.run_seconds for state in start.begun.values()), default=0.0)
                training = Training(
                    config, splits, parts, margins, recorder, device, stop, saver, listener, workers,
                    TimeLimit.of(config.train.minutes, begin, used), start.begun.keys(),
                )  # fmt: skip
                if has_network:
                    with stop:
                        training.run(builder, network)
                else:
                    training.finish_without_network()


def event_writers(run: RunFolder) -> Callable[[int | None], Listener]:
    """A function: fold -> the writer of TensorBoard's files for its network. Raises ConfigError if tensorboardX is
    missing."""
    try:
        from textrnn.training.tensorboard import EventWriter
    except ImportError as error:
        raise ConfigError(
            f"train.tensorboard: expected the package tensorboardX, but it cannot be imported ({error}); install it "
            f"with: pip install tensorboardX"
        ) from None
    return partial(EventWriter.of_fold, run)


def find_start(config: Config, run: RunFolder, *, resume: bool, force: bool) -> Start | None:
    """The state to start from; None if the run is complete. Raises CheckpointError or ConfigError if the run's folder
    and the options contradict each other."""
    if not resume or not run.path.is_dir() or run.is_empty():
        run.check_free(force=force)
        if resume:
            log.info("%s: no run here yet; starting a new one", run.path)
        return NEW
    before = check_same_config(config, run)
    has_network, begun = config.model.has_network, saved_progress(run)
    if not has_network and run.held_out.exists():
        log.info("%s: the run is already complete; evaluate it with: %s", run.path, run.eval_command())
        return None
    if not begun:
        state = run.state if has_network else run.linear_margins
        if run.is_trained() and not state.exists():
            raise CheckpointError(
                f"{state}: the training state is missing, so the run cannot be resumed; its model is untouched; "
                f"put the state back, use the model as it is, or start over with: {run.restart_command()}"
            )
        run.check_own()
        log.info("%s: nothing was saved yet; starting from the beginning", run.path)
        return NEW
    epochs = config.train.epochs
    # its own config may have more epochs than were trained: it may have been killed before its first save with them
    nothing_left = epochs == before.train.epochs == "auto" or all(
        state.out_of_patience(config.train.patience) or state.out_of_time or (epochs != "auto" and state.epoch > epochs)
        for state in begun.values()
    )
    if nothing_left and has_ended(run, begun.values()):
        early = "" if epochs == before.train.epochs else ": it stopped early, so more epochs change nothing"
        log.info("%s: the run is already complete%s; evaluate it with: %s", run.path, early, run.eval_command())
        return None
    if any(state.best_epoch for state in begun.values()) and not run.weights.exists():
        raise CheckpointError(
            f"{run.weights}: the best model so far is missing; start over with: {run.restart_command()}"
        )
    return Start(begun, before)


def check_same_config(config: Config, run: RunFolder) -> Config:
    """The run's own config. Raises CheckpointError, or ConfigError with the keys in which `config` differs from it or
    from the config with which the run began: config.yaml may have been changed by hand."""
    if not run.config.is_file():
        raise CheckpointError(f"{run.path}: not a run (no config.yaml in it): nothing to resume")
    before = build_config(read_yaml(run.config), origin=str(run.config))
    path = run.model / MODEL_CONFIG
    version = saved_version(path)
    if version not in (None, FORMAT_VERSION):
        raise CheckpointError(
            f"{path}: saved in version {short(version)} of the format, but this textrnn saves version "
            f"{FORMAT_VERSION}; resume with the textrnn that began the run, or start over with: {run.restart_command()}"
        )
    config = keep_precision(config, before)
    saved, changed = load_environment(run.environment), changed_keys(before, config)
    with contextlib.suppress(ConfigError):  # damaged, or of another version
        if saved.get("config"):
            begun = build_config(saved["config"], origin=str(run.environment))
            compared = (*saved["data_sha256"], "data.test", *changed)  # files, by their content
            changed += [key for key in changed_keys(begun, config) if key not in compared]
    changed = [key for key in changed if key not in MAY_CHANGE_ON_RESUME]
    old, new = before.train.epochs, config.train.epochs
    if isinstance(old, int) and isinstance(new, int) and new < old:
        changed.append(FEWER_EPOCHS)
    check_unchanged(run, changed)
    return before


def keep_precision(config: Config, before: Config) -> Config:
    """The config of a resumed run, in which `train.precision: auto` means what it meant when the run began."""
    asked = config.train.precision
    return config.replaced(train={"precision": before.train.precision if asked == "auto" else asked})


def check_unchanged(run: RunFolder, changed: Sequence[str]) -> None:
    """Raises ConfigError that names the keys that have changed."""
    if changed:
        raise ConfigError(
            f"{run.config}: a resumed run keeps its config, but the one given differs in: {', '.join(changed)}; give "
            f"the same values, or start a new run with --run-dir or --force"
        )


def open_run(
    start: Start, config: Config, run: RunFolder, parts: Sequence[Part], texts: dict[str, int],
    environment: dict[str, str | int], digests: dict[str, str], *, force: bool,
) -> None:  # fmt: skip
    """Prepare the folder, which is locked, for training. texts: split -> their number. force: a run in it may be
    replaced. Raises CheckpointError if data has changed, and ConfigError if there are fewer epochs or folds than
    before."""
    if start.before is None:
        run.check_free(force=force)  # again: another process may have trained it before the folder was locked
        if run.evaluations.exists():
            log.info("replacing an existing run, including %s", run.evaluations)
        planned = {"networks": len(parts)}
        if parts:
            settings = build_settings(config.train, parts[0])
            planned |= {"epochs": settings.epochs, "batch_size": settings.batch_size}
        run.create(config, environment, digests, {"texts": texts} | planned)
        return
    run.clear_leftovers()
    saved = load_environment(run.environment)
    for difference in compare_environment(saved, environment, digests, run.restart_command()):
        log.warning("the weights may differ in the last bits from those of an uninterrupted run: %s", difference)
    last = max(start.begun)
    check_unchanged(run, ["train.folds"] if last >= len(parts) else [])
    part, step = parts[last], start.begun[last].step
    old, new = build_settings(start.before.train, part), build_settings(config.train, part)
    check_unchanged(run, [FEWER_EPOCHS] if new.epochs < old.epochs else [])
    was, becomes = old.learning_rate(step), new.learning_rate(step + 1)
    if new.epochs > old.epochs and step and becomes > was:
        log.warning(
            "train.epochs was %d and is now %d: the schedule (train.schedule: %s) spans all epochs, so the learning "
            "rate, last %.2g, rises to %.2g again", old.epochs, new.epochs, config.train.schedule, was, becomes,
        )  # fmt: skip
    write_text(run.config, config.to_yaml())  # epochs may have been added
