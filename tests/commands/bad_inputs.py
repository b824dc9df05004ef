"""What the tests of bad inputs share: a table's row, its files, and what stands in the current folder."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cli

GOOD = "food\tsoup and bread\nsport\ta late goal\n" * 4
CACHE = Path(".textrnn_cache")


def case(id: str, files: dict[str, Any], arguments: str, *messages: str) -> Any:
    """files: name -> content, None for an empty folder. messages: a line each, see `check_errors`."""
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
    """The command exits with 1, reports `messages` and no more, and leaves everything as it was."""
    put(files)
    before = snapshot()
    result = cli(command, *arguments)
    assert (result.code, result.out) == (1, "")
    check_errors(result.err, *messages)
    assert snapshot() == before


def check_errors(stderr: str, *messages: str, log: tuple[str, ...] = ("device: ",)) -> None:
    """A line for each message, which begins with it; … stands for words that do not matter. Before them there may be
    lines that begin as `log` says."""
    printed = stderr.replace(f"{Path.cwd()}/", "")  # train makes paths absolute first
    lines = [line for line in printed.splitlines() if not line.startswith(log)]
    assert len(lines) == len(messages), printed
    for line, message in zip(lines, messages, strict=True):
        parts = ".*".join(map(re.escape, f"error: {message}".split("…")))
        assert re.match(parts, line), f"{line!r} is not {message!r}"
