"""Where a run begins: anew, where it stopped, or nowhere since it is complete."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import NamedTuple

from textrnn.config import Config, build_config, changed_keys, read_yaml
from textrnn.errors import CheckpointError, ConfigError, short
from textrnn.run.environment import compare_environment, load_environment
from textrnn.run.folder import MODEL_CONFIG, RunFolder
from textrnn.run.model_config import FORMAT_VERSION, saved_version
from textrnn.runtime.files import write_text
from textrnn.runtime.progress import log
from textrnn.training.plan import Part, build_settings
from textrnn.training.recorder import saved_progress
from textrnn.training.state import TrainingState

MAY_CHANGE_ON_RESUME = ("train.epochs", "data.cache_dir")
FEWER_EPOCHS = "train.epochs (which may only grow)"


class Start(NamedTuple):
    """begun: the progress of each network that has been begun. before: the run's own config; None for a new run."""

    begun: list[TrainingState]
    before: Config | None


NEW = Start([], None)


def where_to_start(config: Config, run: RunFolder, *, resume: bool, force: bool) -> Start | None:
    """None if the run is complete. Raises CheckpointError or ConfigError where the run's folder and the options
    contradict each other."""
    if not resume or not run.path.is_dir() or run.is_empty():
        run.check_free(force=force)
        if resume:
            log.info("%s: no run here yet; starting a new one", run.path)
        return NEW
    before = check_same_config(config, run)
    begun = saved_progress(run)
    if not begun:
        if run.is_trained():
            raise CheckpointError(
                f"{run.state}: the training state is missing, so the run cannot go on; its model is untouched; put the "
                f"state back, use the model as it is, or start over with: {run.restart_command()}"
            )
        run.check_own()
        log.info("%s: nothing was saved yet; starting from the beginning", run.path)
        return NEW
    epochs = config.train.epochs
    # its own config may have more epochs than were trained: it may have been killed before its first save with them
    nothing_left = epochs == before.train.epochs == "auto" or all(
        state.out_of_patience(config.train.patience) or (epochs != "auto" and state.epoch > epochs) for state in begun
    )
    if nothing_left and has_ended(run, begun):
        early = "" if epochs == before.train.epochs else "; it stopped early, so more train.epochs change nothing"
        log.info("%s: the run is complete%s; nothing to do; evaluate it with: %s", run.path, early, run.eval_command())
        return None
    if any(state.best_epoch for state in begun) and not run.weights.exists():
        raise CheckpointError(
            f"{run.weights}: the best model so far is missing; start over with: {run.restart_command()}"
        )
    return Start(begun, before)


def has_ended(run: RunFolder, begun: Sequence[TrainingState]) -> bool:
    """Whether all networks of a run are trained and have judged the held-out texts. begun: their progress."""
    return all(state.finished for state in begun) and run.held_out.exists()


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
    saved, changed = load_environment(run.environment), changed_keys(before, config)
    with contextlib.suppress(ConfigError):  # damaged, or of another version
        if saved.get("config"):
            begun = build_config(saved["config"], origin=str(run.environment))
            compared = (*saved["data_sha256"], "data.test", *changed)  # files, by their content
            changed += [key for key in changed_keys(begun, config) if key not in compared]
    changed = [key for key in changed if key not in MAY_CHANGE_ON_RESUME]
    were, are = before.train.epochs, config.train.epochs
    if isinstance(were, int) and isinstance(are, int) and are < were:
        changed.append(FEWER_EPOCHS)
    check_unchanged(run, changed)
    return before


def check_unchanged(run: RunFolder, changed: Sequence[str]) -> None:
    """Raises ConfigError that names the keys that have changed."""
    if changed:
        raise ConfigError(
            f"{run.config}: a resumed run keeps its config, but the one given differs in: {', '.join(changed)}; give "
            f"the same values, or start a new run with --run-dir or --force"
        )


def open_run(
    start: Start, config: Config, run: RunFolder, parts: Sequence[Part], environment: dict[str, str | int],
    digests: dict[str, str], *, force: bool,
) -> None:  # fmt: skip
    """Prepare the folder, which is locked, for training. force: a run in it may be replaced. Raises CheckpointError if
    data has changed, and ConfigError if there are fewer epochs or folds than before."""
    if start.before is None:
        run.check_free(force=force)  # again: another process may have trained it before the folder was locked
        if run.evaluations.exists():
            log.info("starting over in place of an older run: %s goes, too", run.evaluations)
        run.create(config, environment, digests)
        return
    run.clear_leftovers()
    saved = load_environment(run.environment)
    for difference in compare_environment(saved, environment, digests, run.restart_command()):
        log.warning("the weights may differ in the last bits from those of an uninterrupted run: %s", difference)
    check_unchanged(run, ["train.folds"] if len(start.begun) > len(parts) else [])
    part, step = parts[len(start.begun) - 1], start.begun[-1].step
    old, new = build_settings(start.before.train, part), build_settings(config.train, part)
    check_unchanged(run, [FEWER_EPOCHS] if new.epochs < old.epochs else [])
    was, becomes = old.learning_rate(step), new.learning_rate(step + 1)
    if new.epochs > old.epochs and step and becomes > was:
        log.warning(
            "train.epochs was %d and is now %d: the schedule (train.schedule: %s) spans all epochs, so the learning "
            "rate, last %.2g, rises to %.2g again", old.epochs, new.epochs, config.train.schedule, was, becomes,
        )  # fmt: skip
    write_text(run.config, config.to_yaml())  # epochs may have been added
