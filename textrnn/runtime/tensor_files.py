"""Safetensors files, opened and described without torch, whose import takes a second."""

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
def opened(path: Path, framework: str) -> Iterator[Any]:
    """framework: of the tensors that are read, "pt" or "numpy". The library takes only names in UTF-8, so others are
    opened by their descriptor. Raises OSError and UNREADABLE."""
    with open(path, "rb") as stream:
        name = path if os.fsencode(path).decode(errors="replace") == str(path) else f"/dev/fd/{stream.fileno()}"
        with safe_open(name, framework=framework) as file:
            yield file


def read_header(path: Path) -> tuple[dict[str, tuple[int, ...]], dict[str, str]]:
    """The shape of each tensor, and the metadata. Raises OSError and UNREADABLE."""
    with opened(path, "numpy") as file:
        shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118 - not a dict
        return shapes, file.metadata() or {}
