"""What the tests of bad inputs share: a table's row, its files, and what stands in the current folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cli

GOOD = "food\tsoup and bread\nsport\ta late goal\n" * 4
CACHE = Path(".textrnn_cache")


def case(id: str, files: dict[str, Any], arguments: str, *messages: str) -> Any:
    """files: name -> content, None for an empty folder. messages: all that is to be said, a line each."""
    return pytest.param(files, arguments.split(" "), messages, id=id)


def option(id: str, value: str, message: str) -> Any:
    """A good file read with a bad option."""
    return case(id, {"t.tsv": GOOD}, f"--data t.tsv --set {value}", message)


def put(files: dict[str, Any]) -> None:
    for name, content in files.items():
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            path.mkdir()
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())


def snapshot() -> dict[str, bytes | None]:
    """Every file and folder here; of the cache only what is half-made."""
    paths = [path for path in Path().rglob("*") if CACHE not in path.parents or path.name.startswith(".")]
    return {str(path): path.read_bytes() if path.is_file() else None for path in paths if path != CACHE}


def check_refused(
    cli: Cli, command: str, files: dict[str, Any], arguments: list[str], messages: tuple[str, ...]
) -> None:
    """The command says `messages` and no more, exits with 1, and leaves everything as it was."""
    put(files)
    before = snapshot()
    result = cli(command, *arguments)
    said = result.err.replace(f"{Path.cwd()}/", "")  # train makes paths absolute first
    lines = [line for line in said.splitlines() if not line.startswith("device: ")]
    assert (result.code, result.out, lines) == (1, "", [f"error: {message}" for message in messages])
    assert snapshot() == before
