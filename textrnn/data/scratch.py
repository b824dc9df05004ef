"""Arrays that may be too large for memory."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

from textrnn.errors import TextRNNError


def scratch_array(size: int, dtype: DTypeLike, folder: Path | None) -> np.ndarray:
    """(size,) zeros, mapped from a nameless file in `folder`, or, where that is None, in memory.

    Raises: TextRNNError where the disk is full.
    """
    if folder is None:
        return np.zeros(size, dtype)
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            if hasattr(os, "posix_fallocate"):  # or else a full disk would kill the process when the array is written
                os.posix_fallocate(file.fileno(), 0, size * np.dtype(dtype).itemsize)
            return np.asarray(np.memmap(file, dtype, mode="r+", shape=(size,)))
    except OSError as error:
        raise unwritable(folder, error) from error


def unwritable(folder: Path, error: Exception) -> TextRNNError:
    """For a cache folder that cannot be written; error: an OSError, or another that names the reason."""
    reason = getattr(error, "strerror", None) or error
    return TextRNNError(f"{folder}: cannot write the cache: {reason}; free some space, or set data.cache_dir")
