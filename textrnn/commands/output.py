"""Checks of outputs: a command must not overwrite its inputs, or files of a run or a model."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from textrnn.errors import TextRNNError, UsageError
from textrnn.reading.source import folder_entries
from textrnn.run.folder import RunFolder, enclosing_run

Input = str | Path | int  # a file, a folder of documents, or a descriptor


def check_output(option: str, output: Path, inputs: Iterable[Input], names: Iterable[str] = ()) -> None:
    """Raises UsageError if a file to write is an input, also through a link, lies in a folder of documents that is an
    input, or in the folder of a run or model; a run's `eval` and `gradients` may be written to.

    option: of the command, which names the output. names: the files to write, if the output is a folder.
    """
    files = [output / name for name in names] or [output]
    for path in (output, *files):
        if folder := enclosing_run(path):
            remedy = "name another place, such as one below the eval/ of a run"
            raise UsageError(f"{option} {output}: would write into {folder}, the folder of a run or model; {remedy}")
    outputs = {_identity(path) for path in (output, *files)} - {None}
    for given in inputs:
        documents: Iterable[Input] = [given]
        is_inside = False
        if isinstance(given, (str, Path)) and os.path.isdir(given):
            folder = Path(os.path.realpath(given))
            is_inside = any(Path(os.path.realpath(path)).is_relative_to(folder) for path in files)
            documents = (path for path, _ in folder_entries(str(given), follow_links=True))
        if is_inside or (outputs and any(_identity(path) in outputs for path in documents)):
            name = "stdin" if isinstance(given, int) else given
            raise UsageError(f"{option} {output}: would replace what is read from {name}; name another")


def check_run_dir(run: RunFolder, inputs: Iterable[str | Path]) -> None:
    """Raises UsageError if a new run would remove one of its inputs with the files of the run that it replaces."""
    for path in inputs:
        if run.replaces(path):
            raise UsageError(f"--run-dir {run.path}: would replace {path}, which is read; copy that, or name another")


def check_writable(output: Path) -> None:
    """Raises TextRNNError if the file cannot be written, before the work whose result it is to hold."""
    existed = output.exists()
    if existed and not output.is_file() and not output.is_dir():
        return  # a pipe, which is opened only once
    try:
        with output.open("ab"):
            pass
        if not existed:
            output.unlink()
    except OSError as error:
        raise TextRNNError(f"{output}: cannot be written: {error.strerror}") from None


def _identity(path: Input) -> tuple[int, int] | None:
    """Device and inode of a regular file, equal for all links to it; None for all else."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISREG(status.st_mode) else None
