"""Processes with little memory, small files, few descriptors, closed or full streams."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.attacks.case import Case, Ended
from tests.attacks.check import check, files
from tests.attacks.small import OPTIONS

SECONDS = 60.0
COMMANDS = [
    ["vocab", *OPTIONS, "--output", "vocab.tsv"],
    ["predict", "run", "texts.txt", "--output", "out.tsv"],
    ["train", *OPTIONS, "--run-dir", "new"],
    ["eval", "run"],
    ["train", "--resume", "--run-dir", "run", "--set", "train.epochs=2"],
    ["predict", "run", "texts.txt"],
    ["eval", "run", "--json"],
]


def attack(case: Case) -> None:
    rng = case.rng
    case.copy("train.tsv", "test.tsv", "texts.txt", "run")
    words = list(rng.choice(COMMANDS))
    kind = rng.choice(["files", "files", "files", "memory", "memory", "descriptors", "full", "closed", "pipe"])
    before = files()
    if kind in ("files", "memory", "descriptors"):
        process = case.start(*words, preexec_fn=_limit(case, kind))
        ended = case.ended(process, words, SECONDS)
    elif kind == "full":
        ended = _full(case, words)
    elif kind == "closed":
        ended = _closed(case, words)
    else:
        ended = _cut_pipe(case, words)
    check(case, ended, before)


def _limit(case: Case, kind: str) -> Callable[[], None]:
    """A limit below what a command needs, or just enough."""
    rng = case.rng
    which, size = {
        "files": (resource.RLIMIT_FSIZE, rng.choice([0, 1, 100, rng.randrange(1000), rng.randrange(40_000)])),
        "memory": (resource.RLIMIT_AS, rng.randrange(1 << 30, 4 << 30)),
        "descriptors": (resource.RLIMIT_NOFILE, rng.randrange(8, 48)),
    }[kind]
    case.note(f"limit of {kind}: {size}")
    return lambda: resource.setrlimit(which, (size, size))


def _full(case: Case, words: list[str]) -> Ended:
    """A device without room for a byte as stdout, or as stderr."""
    name = case.rng.choice(["stdout", "stdout", "stderr"])
    case.note(f"{name} is /dev/full")
    streams: dict[str, Any] = {name: os.open("/dev/full", os.O_WRONLY)}
    try:
        process = case.start(*words, **streams)
    finally:
        os.close(streams[name])
    return _without_stderr(case.ended(process, words, SECONDS), name == "stderr")


def _closed(case: Case, words: list[str]) -> Ended:
    numbers = case.rng.choice([[0], [1], [2], [0, 1], [1, 2], [0, 1, 2]])
    case.note(f"descriptors closed: {numbers}")

    def close() -> None:
        for number in numbers:
            os.close(number)

    process = case.start(*words, preexec_fn=close)
    ended = _without_stderr(case.ended(process, words, SECONDS), 2 in numbers)
    return _without_json(ended) if 1 in numbers else ended


def _without_json(ended: Ended) -> Ended:
    """What was printed went nowhere."""
    ended.arguments = [word for word in ended.arguments if word != "--json"]
    return ended


def _without_stderr(ended: Ended, is_lost: bool) -> Ended:
    """What the command says cannot be seen: an exit code is all that can be asked for."""
    if is_lost and not ended.err and ended.code in (1, 2):
        ended.err = "error: Error: not seen\n"
    return ended


def _cut_pipe(case: Case, words: list[str]) -> Ended:
    """As `| head -1`, with more texts than the pipe holds."""
    case.note("stdout is a pipe that is closed after a line, or at once")
    if words[0] == "predict":
        Path("texts.txt").write_text("a text of some words, one of many\n" * 20_000)
    process = case.start(*words, stderr=subprocess.PIPE)
    assert process.stdout is not None and process.stderr is not None
    if case.rng.random() < 0.7:
        process.stdout.readline()
    process.stdout.close()
    try:
        err = process.stderr.read()
        code = process.wait(SECONDS)
    finally:
        process.stderr.close()
        process.kill()
    ended = _without_json(Ended(words, code, b"", err.decode("utf-8", "replace")))
    if code not in (0, 1, 2):
        case.problems.append(f"exit {code}: {ended.err[-300:]!r}")
    return ended
