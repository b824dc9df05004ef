"""Arrays that would take too much memory, kept in a file that is gone with the process."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

from textrnn.errors import TextRNNError

IN_MEMORY_BYTES = 1 << 20  # smaller arrays stay in memory


def scratch_array(size: int, dtype: DTypeLike, folder: Path) -> np.ndarray:
    """(size,) zeros: mapped from a nameless file in `folder` where they are many, so that they take no memory that
    could not be given back to the disk.

    Raises: TextRNNError where the disk has no room.
    """
    kind = np.dtype(dtype)
    if size * kind.itemsize <= IN_MEMORY_BYTES:
        return np.zeros(size, kind)
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            if hasattr(os, "posix_fallocate"):  # writing into the map of a file without room would kill the process
                os.posix_fallocate(file.fileno(), 0, size * kind.itemsize)
            return np.asarray(np.memmap(file, dtype=kind, mode="r+", shape=(size,)))
    except OSError as error:
        raise unwritable(folder, error) from error


def unwritable(folder: Path, error: OSError) -> TextRNNError:
    return TextRNNError(f"{folder}: cannot write the cache: {error.strerror}; free some space, or set data.cache_dir")
