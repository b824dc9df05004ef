"""How a run begins: anew, where it stopped, or not at all since it is complete."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Literal

from textrnn.config import Config, TrainConfig, build_config, changed_keys, read_yaml
from textrnn.errors import CheckpointError, ConfigError, short
from textrnn.run.environment import compare_environment, load_environment
from textrnn.run.folder import MODEL_CONFIG, RunFolder
from textrnn.run.model_config import FORMAT_VERSION, saved_version
from textrnn.runtime.progress import log
from textrnn.training.build import build_sizes, total_steps
from textrnn.training.fit import out_of_patience
from textrnn.training.optim import learning_rate_at
from textrnn.training.plan import Part
from textrnn.training.recorder import saved_progress
from textrnn.training.state import TrainingState

MAY_CHANGE_ON_RESUME = ("train.epochs", "data.cache_dir")
Start = Literal["new", "resume", "complete"]


def where_to_start(config: Config, run: RunFolder, *, resume: bool, force: bool) -> Start:
    """What the run's folder and the options say. Raises CheckpointError, ConfigError where they contradict."""
    if not (resume and run.path.is_dir() and not run.is_empty()):
        run.check_free(force=force)
        if resume:
            log.info("%s: no run here yet; starting a new one", run.path)
        return "new"
    before = check_same_config(config, run)
    networks = saved_progress(run)
    if not networks:
        if run.is_trained():
            raise CheckpointError(
                f"{run.state}: the training state is missing, so the run cannot go on; its model is untouched; put the "
                f"state back, use the model as it is, or start over with: {run.restart_command()}"
            )
        run.check_own()
        log.info("%s: nothing was saved yet; starting from the beginning", run.path)
        return "new"
    epochs = config.train.epochs
    # its own config may have more epochs already than were trained, where it was killed before its first save with them
    nothing_left = epochs == before.train.epochs == "auto" or all(
        out_of_patience(each, config.train.patience) or (epochs != "auto" and each.epoch > epochs) for each in networks
    )
    if nothing_left and has_ended(run, networks):
        early = "" if epochs == before.train.epochs else "; it stopped early, so more train.epochs change nothing"
        log.info("%s: the run is complete%s; nothing to do; evaluate it with: %s", run.path, early, run.eval_command())
        return "complete"
    if any(each.best_epoch for each in networks) and not run.weights.exists():
        raise CheckpointError(
            f"{run.weights}: the best model so far is missing; start over with: {run.restart_command()}"
        )
    return "resume"


def has_ended(run: RunFolder, networks: Sequence[TrainingState]) -> bool:
    """Whether all networks of a run are trained, given their progress, and have judged the held-out texts."""
    return all(each.finished for each in networks) and run.held_out.exists()


def check_same_config(config: Config, run: RunFolder) -> Config:
    """The run's own config. Raises CheckpointError, or ConfigError that names the keys in which the one given differs
    from it, or from that with which the run began: config.yaml may have been changed by hand."""
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
    saved = load_environment(run.environment)
    changed = [key for key in changed_keys(before, config) if key not in MAY_CHANGE_ON_RESUME]
    with contextlib.suppress(ConfigError):  # damaged, or of another version
        begun = build_config(saved["config"], origin=str(run.environment)) if saved.get("config") else before
        compared = (*MAY_CHANGE_ON_RESUME, *saved.get("data_sha256", ()), "data.test")  # files, by their content
        changed += [key for key in changed_keys(begun, config) if key not in (*compared, *changed)]
    were, are = before.train.epochs, config.train.epochs
    if isinstance(were, int) and isinstance(are, int) and are < were:
        changed.append(_GROW)
    if changed:
        raise _differs(run, changed)
    return before


_GROW = "train.epochs (which may only grow)"


def _differs(run: RunFolder, changed: list[str]) -> ConfigError:
    return ConfigError(
        f"{run.config}: a resumed run keeps its config, but the one given differs in: {', '.join(changed)}; give "
        f"the same values, or start a new run with --run-dir or --force"
    )


def warn_of_differences(run: RunFolder, environment: dict[str, str | int], digests: dict[str, str]) -> None:
    """Warn of what changes how sums are rounded. Raises CheckpointError where the data has changed."""
    for difference in compare_environment(
        load_environment(run.environment), environment, digests, run.restart_command()
    ):
        log.warning("the weights may differ in the last bits from those of an uninterrupted run: %s", difference)


def warn_of_more_epochs(settings: TrainConfig, run: RunFolder, parts: Sequence[Part]) -> None:
    """Warn where train.epochs was made larger, and the learning rate rises since its schedule spans all epochs. Raises
    ConfigError where there are fewer epochs or folds than before."""
    networks = saved_progress(run)
    if len(networks) > len(parts):
        raise _differs(run, ["train.folds"])
    step, part = networks[-1].step, parts[len(networks) - 1]
    before = build_config(read_yaml(run.config), origin=str(run.config)).train
    old, new = (build_sizes(each, part.smallest) for each in (before, settings))
    were, are = old.epochs, new.epochs
    if are < were:
        raise _differs(run, [_GROW])
    was, becomes = (
        learning_rate_at(
            at, total_steps=total_steps(each, sizes, len(part.train)), peak=each.learning_rate, schedule=each.schedule,
            warmup=each.warmup,
        )
        for each, sizes, at in ((before, old, step), (settings, new, step + 1))
    )  # fmt: skip
    if are > were and step and becomes > was:
        log.warning(
            "train.epochs was %d and is now %d: the schedule (train.schedule: %s) spans all epochs, so the learning "
            "rate, last %.2g, rises to %.2g again", were, are, settings.schedule, was, becomes,
        )  # fmt: skip
