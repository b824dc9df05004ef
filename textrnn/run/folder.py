"""A run's folder: the paths of its files, and the conditions under which a new run may replace it."""

from __future__ import annotations

import difflib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

try:
    import fcntl
except ImportError:  # not a POSIX system
    fcntl = None  # type: ignore[assignment]

from textrnn.config import Config
from textrnn.errors import CheckpointError, TextRNNError, command
from textrnn.run.records import ENVIRONMENT, HISTORY, is_environment, read_history, save_environment
from textrnn.runtime.files import expand_user, make_folder, write_text
from textrnn.runtime.progress import log

MODEL_CONFIG, LABELS = "config.yaml", "labels.txt"  # in a model's folder
_LEFTOVERS = ".*.[0-9]*.tmp"  # files that a killed process had started to write


class RunFolder:
    """The paths of a run. Only `create` and `locked` create anything."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.config = self.path / "config.yaml"
        self.model = self.path / "model"
        self.weights = self.model / "model.safetensors"
        self.resume = self.path / "resume"
        self.state = self.resume / "state.safetensors"
        self.linear_margins = self.resume / "linear.safetensors"
        self.held_out = self.resume / "held_out.safetensors"
        self.train_hashes = self.path / "train_hashes.npy"
        self.history = self.path / HISTORY
        self.log = self.path / "train.log"
        self.environment = self.path / ENVIRONMENT
        self.curves = self.path / "plots" / "curves.png"
        self.evaluations = self.path / "eval"
        self.gradients = self.path / "gradients"
        self.tensorboard = self.path / "tensorboard"
        # what a new run in the same folder replaces
        self.own_folders = (
            self.model, self.resume, self.curves.parent, self.evaluations, self.gradients, self.tensorboard,
        )  # fmt: skip
        self.own_files = (self.history, self.train_hashes, self.log, self.environment)

    def state_file(self, fold: int | None) -> Path:
        """The training state of the only network, or of the network trained without this fold."""
        return self.state if fold is None else self.state.with_name(f"fold_{fold}.safetensors")

    def tensorboard_folder(self, fold: int | None) -> Path:
        """The TensorBoard files of a network, as for `state_file`; TensorBoard treats each folder as a run."""
        return self.tensorboard if fold is None else self.tensorboard / f"fold_{fold}"

    def states(self) -> dict[int | None, Path]:
        """The existing training states, by the fold left out; None for the only network. In ascending order."""
        if self.state.exists():
            return {None: self.state}
        numbers = (path.stem.removeprefix("fold_") for path in self.resume.glob("fold_*.safetensors"))
        return {fold: self.state_file(fold) for fold in sorted(int(number) for number in numbers if number.isdecimal())}

    def warn_of_unfinished(self) -> None:
        """Log a warning if training can be continued, which needs training states; a model's folder has none."""
        if self.states() and not self.held_out.exists():
            log.warning("training has not ended: continue it with: %s", self.resume_command())

    def is_empty(self) -> bool:
        """Whether the folder has no files except those of a process that was killed while writing its first ones."""
        return self.path.is_dir() and all(
            file.match(_LEFTOVERS) or (file == self.environment and is_environment(file))
            for file in self.path.iterdir()
        )

    def is_trained(self) -> bool:
        """Whether the folder has results of training: weights, or a record of an evaluation."""
        return self.weights.exists() or bool(read_history(self.history))

    def check_free(self, *, force: bool) -> None:
        """Raises CheckpointError if the folder has anything that a new run may not replace."""
        if not self.path.exists() or self.is_empty():
            return
        self.check_own()
        if not force:
            raise CheckpointError(
                f"{self.path}: the run exists; continue it with: {self.resume_command()}; or add --force to start "
                f"over, which deletes its eval/ folder as well; or give another --run-dir"
            )

    def resume_command(self) -> str:
        return command("train", "--resume", "--run-dir", self.path)

    def restart_command(self) -> str:
        return command("train", "--force", "--run-dir", self.path)

    def eval_command(self) -> str:
        return command("eval", self.path)

    def check_own(self) -> None:
        """Raises CheckpointError if the folder is not a run or has links in it, because a new run would remove files
        that are not its own. environment.json marks a run, as the first file that `create` writes."""
        if not is_environment(self.environment):
            raise CheckpointError(
                f"{self.path}: exists and is not a run (it has no environment.json that textrnn wrote); nothing in it "
                f"was changed; give another --run-dir, or remove it"
            )
        for path in (*self.own_folders, self.weights, *self.states().values(), self.config, *self.own_files):
            if path.is_symlink():
                raise CheckpointError(
                    f"{path}: a symbolic link: a new run replaces only what is in its own folder; remove the link, or "
                    f"give another --run-dir"
                )

    def replaces(self, path: Path | str) -> bool:
        """Whether `create` removes what is at a path."""
        real = Path(os.path.realpath(path))
        return any(real.is_relative_to(os.path.realpath(own)) for own in (*self.own_folders, *self.own_files))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Create the folder and lock it inside the block. Raises CheckpointError if another process has locked it."""
        make_folder(self.path)
        if fcntl is None:
            yield
            return
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise CheckpointError(
                    f"{self.path}: another process is training this run; wait, stop it, or give another --run-dir"
                ) from None
            yield
        finally:
            os.close(descriptor)

    def clear_leftovers(self) -> None:
        """Remove unfinished files of a killed process. Only the holder of the lock may call this."""
        for folder in (self.path, self.model, self.resume, self.curves.parent):
            for file in folder.glob(_LEFTOVERS):
                file.unlink(missing_ok=True)

    def create(
        self, config: Config, environment: dict[str, str | int], digests: dict[str, str], planned: dict[str, Any]
    ) -> None:
        """Remove an older run's files, keep all others, and write environment and config. planned: see
        `save_environment`. Raises TextRNNError if a file cannot be removed."""
        self.clear_leftovers()
        try:
            # first, so that a killed process leaves no state beside another run's description
            for file in (*self.states().values(), self.weights, self.history, self.train_hashes):
                file.unlink(missing_ok=True)
            # from here on, the folder is recognized as a run
            save_environment(self.environment, environment, digests, config.model_dump(), planned)
            for folder in self.own_folders:
                if folder.exists():
                    shutil.rmtree(folder)
            self.log.unlink(missing_ok=True)
        except OSError as error:
            raise TextRNNError(f"{error.filename}: cannot be removed: {error.strerror}") from None
        write_text(self.config, config.to_yaml())


def is_model(folder: Path) -> bool:
    """Whether a folder is a model."""
    return (folder / MODEL_CONFIG).is_file() and (folder / LABELS).is_file()


def model_folder(run: Path | str) -> Path:
    """The model folder of RUN, or RUN itself if it is one. Raises CheckpointError if it is neither."""
    run = Path(expand_user(str(run)))
    if (run / "model" / MODEL_CONFIG).is_file():
        return run / "model"
    if is_model(run):
        return run
    if not run.exists():
        raise CheckpointError(f"{run}: no such folder; a run's folder or its model/ was expected{similar_run(run)}")
    raise CheckpointError(f"{run}: not a run: neither model/{MODEL_CONFIG} nor {MODEL_CONFIG} with {LABELS} is in it")


def similar_run(path: Path) -> str:
    """`; did you mean runs/sample?` if a run or model beside a path or in `runs` has a similar name; else empty."""
    folders: dict[str, Path] = {}
    for parent in (Path("runs"), path.parent):
        with suppress(OSError):
            folders |= {folder.name: folder for folder in parent.iterdir() if is_run(folder) or is_model(folder)}
    match = difflib.get_close_matches(path.name, folders, n=1)
    return f"; did you mean {folders[match[0]]}?" if match else ""


def is_run(folder: Path) -> bool:
    """Whether a folder is a run."""
    return is_environment(RunFolder(folder).environment)


def enclosing_run(path: Path) -> Path | None:
    """The folder of the run or model that a path (with links resolved) is or lies in, or None. The `eval` and
    `gradients` of a run contain results, not parts of the run."""
    path = Path(os.path.realpath(path))
    for folder in (path, *path.parents):
        if is_model(folder):
            return folder
        run = RunFolder(folder)
        if is_environment(run.environment):
            is_result = any(path.is_relative_to(results) for results in (run.evaluations, run.gradients))
            return None if is_result else folder
    return None
