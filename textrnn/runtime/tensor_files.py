"""Safetensors files, open_tensors and described without torch, whose import takes a second."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

# what safetensors and json raise for a damaged file
UNREADABLE = (
    SafetensorError, KeyError, TypeError, ValueError, AttributeError, RuntimeError, RecursionError, OverflowError,
)  # fmt: skip


@contextmanager
def open_tensors(path: Path, framework: str) -> Iterator[Any]:
    """The open safetensors file. framework: the type of its tensors, "pt" or "numpy". The library takes only UTF-8 file
    names, so other files are opened by their descriptor. Raises OSError and UNREADABLE."""
    with open(path, "rb") as stream:
        name = path if os.fsencode(path).decode(errors="replace") == str(path) else f"/dev/fd/{stream.fileno()}"
        with safe_open(name, framework=framework) as file:
            yield file


def read_header(path: Path) -> tuple[dict[str, tuple[int, ...]], dict[str, str]]:
    """The shape of each tensor, and the metadata. Raises OSError and UNREADABLE."""
    with open_tensors(path, "numpy") as file:
        shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118 - not a dict
        return shapes, file.metadata() or {}
