"""Signals at any time: a clean end, no traceback, no worker left, nothing half-written; after a second one, too."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.attacks.case import ROOT, Case, Ended, wait_until
from tests.attacks.check import check, files
from tests.attacks.small import OPTIONS
from tests.conftest import make_rows, write_tsv

BEFORE_PROGRAM = 0.15  # seconds that Python itself takes to start, at least
CLEAN = (0, 130, 143)
LARGE_BYTES = 9_000_000


def attack(case: Case) -> None:
    if not Path("/proc").is_dir():
        pytest.skip("the processes of a session are found in /proc")
    rng = case.rng
    case.copy("train.tsv", "test.tsv", "texts.txt", "run")
    words = _command(case)
    first, second = rng.uniform(0, 3), rng.choice([None, None, rng.uniform(0, 0.05), rng.uniform(0, 1)])
    numbers = [rng.choice([signal.SIGINT, signal.SIGTERM]) for _ in range(2)]
    to_group = rng.random() < 0.5
    case.note(
        f"{numbers[0].name} after {first:.2f} s"
        + ("" if second is None else f", {numbers[1].name} {second:.2f} s later")
    )
    before, start_seconds = files(), _start_seconds()
    process = case.start(*words)
    _send(process.pid, numbers[0], first, to_group)
    if second is not None:
        _send(process.pid, numbers[1], second, to_group)
    ended = case.ended(process, words)
    if first < start_seconds and _came_before_the_program(ended):
        return
    check(case, ended, before, codes=CLEAN)
    _check_nothing_left(case, process.pid)
    if words[0] == "train" and ended.code != 0:
        _check_resume(case, words)


def _start_seconds() -> float:
    """How long Python takes to start at the moment, generously."""
    begin = time.monotonic()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    return max(BEFORE_PROGRAM, 3 * (time.monotonic() - begin))


def _came_before_the_program(ended: Ended) -> bool:
    """Whether the signal ended Python while it started: silently, or with a traceback of its own files alone."""
    return (
        ended.code in (-2, -15)
        and not ended.out
        and "interrupted" not in ended.err
        and f"{ROOT}/textrnn" not in ended.err
    )


def _command(case: Case) -> list[str]:
    rng = case.rng
    kind = rng.choice(["train", "train", "vocab", "vocab", "predict", "eval"])
    if kind == "train":
        force = rng.choice([["--run-dir", "new"], ["--run-dir", "run", "--force"]])
        return ["train", *OPTIONS, "--set", "train.epochs=400", *force]
    large = _large_files(case.templates)
    if kind == "vocab":
        return ["vocab", "--data", large["large.tsv"], "--output", "vocab.tsv"]
    if kind == "predict":
        return ["predict", "run", large["large.txt"], "--output", "out.tsv"]
    return ["eval", "run", large["large.tsv"]]


def _large_files(folder: Path) -> dict[str, str]:
    """Files that take a command seconds, made once; `large.tsv` is tokenized in worker processes."""
    names = {name: str(folder / name) for name in ("large.tsv", "large.txt")}
    if not Path(names["large.txt"]).exists():
        rows = random.Random(0).choices(make_rows(300), k=LARGE_BYTES // 30)
        write_tsv(Path(names["large.tsv"]), rows)
        Path(names["large.txt"]).write_text("".join(f"{text}\n" for _, text in rows))
    return names


def _send(pid: int, number: int, seconds: float, to_group: bool) -> None:
    time.sleep(seconds)
    with contextlib.suppress(ProcessLookupError):
        (os.killpg if to_group else os.kill)(pid, number)


def _check_nothing_left(case: Case, session: int) -> None:
    """Workers notice within a second that their parent has ended."""
    if not wait_until(lambda: not _members(session), 4.0):
        case.problems.append(f"processes left: {_members(session)}")
        os.killpg(session, signal.SIGKILL)


def _members(session: int) -> list[int]:
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == session and fields[0] != "Z":
                found.append(int(folder.name))
    return found


def _check_resume(case: Case, words: list[str]) -> None:
    """What is there can be gone on with: the run's model predicts, where it has one."""
    run = words[words.index("--run-dir") + 1]
    if not Path(run, "model/model.safetensors").exists():
        return
    before = files()
    ended: Ended = case.run("predict", run, "texts.txt")
    check(case, ended, before)
    if ended.code:
        case.problems.append(f"after the signal, predict says {ended.err[-300:]!r}")
