"""A run's folder: where its files are, and when a new run may replace it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # not a POSIX system
    fcntl = None  # type: ignore[assignment]

from textrnn.errors import CheckpointError
from textrnn.runtime.files import make_folder, write_text


class RunFolder:
    """Paths of a run. Nothing is created before `create`."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.config = self.path / "config.yaml"
        self.model = self.path / "model"
        self.weights = self.model / "model.safetensors"
        self.state = self.path / "resume" / "state.safetensors"
        self.history = self.path / "history.jsonl"
        self.log = self.path / "train.log"
        self.environment = self.path / "environment.json"
        self.curves = self.path / "plots" / "curves.png"
        self.evaluations = self.path / "eval"

    def is_empty(self) -> bool:
        """Whether the folder is empty, apart from half-written files of a killed process."""
        return self.path.is_dir() and all(file.match(".*.tmp") for file in self.path.iterdir())

    def check_free(self, *, force: bool) -> None:
        """Raises CheckpointError where the folder holds something that a new run may not replace."""
        if not self.path.exists() or self.is_empty():
            return
        if not self.config.is_file():
            raise CheckpointError(
                f"{self.path}: exists and is not a run (no config.yaml in it); give another --run-dir, or remove it"
            )
        if not force:
            raise CheckpointError(
                f"{self.path}: the run exists; --resume continues it, --force starts over, --run-dir sets another "
                f"folder"
            )

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Create the folder and lock it inside the block. Raises CheckpointError where another process has it."""
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
        """Remove half-written files of a killed process; only for the holder of the lock."""
        for folder in (self.path, self.model, self.state.parent, self.curves.parent):
            for file in folder.glob(".*.tmp"):
                file.unlink(missing_ok=True)

    def create(self, config_yaml: str) -> None:
        """Remove an older run's files, leave all others, and write the config."""
        self.clear_leftovers()
        for path in (self.model, self.state.parent, self.curves.parent, self.evaluations):
            shutil.rmtree(path, ignore_errors=True)
        for path in (self.history, self.log, self.environment):
            path.unlink(missing_ok=True)
        write_text(self.config, config_yaml)
