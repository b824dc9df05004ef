"""Processes with signals at any time, little memory, small files, few descriptors, and streams that are closed or full.

Each case is seeded by its number: they take real time, so Hypothesis could not repeat them.
"""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
import time
from contextlib import suppress
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from tests.attacks import command
from tests.attacks.command import OPTIONS, SECONDS, Ended, check, check_no_process, files
from tests.conftest import COMMAND, make_rows, write_tsv

ROOT = Path(__file__).parents[2]
LARGE_ROWS = 300_000
COMMANDS = [
    ["vocab", *OPTIONS, "--output", "vocab.tsv"], ["predict", "run", "texts.txt", "--output", "out.tsv"],
    ["train", *OPTIONS, "--run-dir", "new"], ["eval", "run"], ["predict", "run", "texts.txt"],
    ["eval", "run", "--json"], ["train", "--resume", "--run-dir", "run", "--set", "train.epochs=2"],
]  # fmt: skip
SPOILED = [("closed", list(map(int, numbers))) for numbers in ("0", "1", "2", "01", "12", "012")]
SPOILED += [("full", [1]), ("full", [2])]

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("here")]


def start(words: list[str], **options: Any) -> subprocess.Popen[bytes]:
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([*COMMAND, *words], start_new_session=True, env=environment, **streams | options)


def ended(process: subprocess.Popen[bytes], words: list[str]) -> Ended:
    try:
        out, err = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        pytest.fail(f"{words} did not end within {SECONDS} s: {process.communicate()[1]!r}")
    check_no_process(process.pid)
    return Ended(words, process.returncode, out or b"", (err or b"").decode("utf-8", "replace"))


@pytest.mark.parametrize("number", range(12))
def test_signals_end_a_command_cleanly_at_any_time(number: int, templates: Path) -> None:
    """No traceback, no worker left, nothing half-written; after a second signal likewise."""
    rng = random.Random(number)
    words = _long_command(rng, templates)
    pauses = [rng.uniform(0, 3), *rng.choice([[], [rng.uniform(0, 0.05)], [rng.uniform(0, 1)]])]
    before = files()
    start_seconds = _start_seconds()
    process = start(words)
    for pause in pauses:
        time.sleep(pause)
        with suppress(ProcessLookupError):
            rng.choice([os.kill, os.killpg])(process.pid, rng.choice([signal.SIGINT, signal.SIGTERM]))
    done = ended(process, words)
    is_python = done.code in (-2, -15) or "init_import_site" in done.err
    if pauses[0] < start_seconds and is_python and f"{ROOT}/textrnn" not in done.err:
        return  # the signal came before the program
    check(done, before, codes=(0, 130, 143))
    if words[0] == "train" and done.code and Path(words[-1], "model/model.safetensors").exists():
        assert command.run("predict", words[-1], "texts.txt").code == 0, "predict fails after the signal"


def _start_seconds() -> float:
    """How long Python takes to start at the moment, generously."""
    begin = time.monotonic()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    return max(0.15, 3 * (time.monotonic() - begin))


def _long_command(rng: random.Random, templates: Path) -> list[str]:
    """One that takes seconds; `large.tsv` is tokenized in worker processes."""
    table, texts = templates / "large.tsv", templates / "large.txt"
    if not texts.exists():
        rows = random.Random(0).choices(make_rows(300), k=LARGE_ROWS)
        write_tsv(table, rows)
        texts.write_text("".join(f"{text}\n" for _, text in rows))
    train = ["train", *OPTIONS, "--set", "train.epochs=400"]
    return rng.choice([
        [*train, "--run-dir", "new"], [*train, "--force", "--run-dir", "run"], ["eval", "run", str(table)],
        ["vocab", "--data", str(table), "--output", "vocab.tsv"], ["predict", "run", str(texts), "--output", "out.tsv"],
    ])  # fmt: skip


@pytest.mark.parametrize("kind", ["files", "memory", "descriptors"])
@pytest.mark.parametrize("number", range(4))
def test_a_limit_of_the_system_is_one_message(kind: str, number: int) -> None:
    """The limit is below what a command needs, or just enough."""
    rng = random.Random(f"{kind} {number}")
    which, size = {
        "files": (resource.RLIMIT_FSIZE, rng.choice([0, 1, 100, rng.randrange(1000), rng.randrange(40_000)])),
        "memory": (resource.RLIMIT_AS, rng.randrange(1 << 30, 4 << 30)),
        "descriptors": (resource.RLIMIT_NOFILE, rng.randrange(8, 48)),
    }[kind]
    words, before = rng.choice(COMMANDS), files()
    check(ended(start(words, preexec_fn=lambda: resource.setrlimit(which, (size, size))), words), before)


@pytest.mark.parametrize(("words", "spoiled"), [*zip(2 * COMMANDS, cycle(SPOILED), strict=False)])
def test_closed_and_full_streams_do_no_harm(words: list[str], spoiled: tuple[str, list[int]]) -> None:
    state, numbers = spoiled

    def spoil() -> None:
        for number in numbers:
            if state == "full":
                os.dup2(os.open("/dev/full", os.O_WRONLY), number)
            else:
                os.close(number)

    before = files()
    _check_what_is_seen(ended(start(words, preexec_fn=spoil), words), before)


@pytest.mark.parametrize("words", COMMANDS)
@pytest.mark.parametrize("lines", [0, 1])
def test_a_pipe_may_be_closed_early(words: list[str], lines: int) -> None:
    """As by `| head -1`, with more texts than the pipe holds."""
    Path("texts.txt").write_text("a text of some words, one of many\n" * 20_000)
    before = files()
    process = start(words)
    assert process.stdout is not None
    for _ in range(lines):
        process.stdout.readline()
    process.stdout.close()
    process.stdout = None
    _check_what_is_seen(ended(process, words), before)


def _check_what_is_seen(done: Ended, before: dict[str, bytes | None]) -> None:
    """stdout went nowhere; if stderr did as well, an exit code is all that can be asked for."""
    done.arguments = [word for word in done.arguments if word != "--json"]
    if done.code in (1, 2) and not done.err:
        done.err = "error: Error: not seen\n"
    check(done, before)
