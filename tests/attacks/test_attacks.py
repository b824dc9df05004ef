"""Whatever it is given, the program ends in time with an exit code it means, says why, and loses nothing.

Each case with a process of its own is seeded by its number: it takes real time, so Hypothesis could not repeat it.
"""

from __future__ import annotations

import gc
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import cycle, product
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.attacks.arguments import attack_arguments, attack_keys, attack_yaml
from tests.attacks.command import OPTIONS, SECONDS, Ended, check, check_no_process, files, run
from tests.attacks.data_files import attack_data, attack_stream
from tests.attacks.folders import attack_cache, attack_model, attack_state
from tests.attacks.hostile import Draw
from tests.conftest import COMMAND, make_rows, train_in, write_tsv
from tests.stops import send, stop_at_step

ROOT = Path(__file__).parents[2]
Attack = Callable[[Draw], None]
# attack -> cases in `make test` and in `make slow`
FAMILIES: dict[Attack, tuple[int, int]] = {
    attack_keys: (10, 40), attack_yaml: (10, 60), attack_arguments: (6, 40), attack_data: (12, 40),
    attack_stream: (4, 20), attack_model: (8, 30), attack_state: (4, 15), attack_cache: (3, 10),
}  # fmt: skip


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data and three tiny runs: `run` (TextRNN), `rcnn`, and `cut`, which a signal stopped in its second epoch."""
    folder = tmp_path_factory.mktemp("templates")
    rows = make_rows(60)
    write_tsv(folder / "train.tsv", rows)
    write_tsv(folder / "test.tsv", make_rows(24, seed=1))
    (folder / "texts.txt").write_text("".join(f"{text}\n" for _, text in rows[:24]))
    for file in folder.iterdir():
        os.utime(file, (1e9, 1e9))  # a digest is remembered only if the file is not quite new
    # in this process, so that forks have what these import
    train_in(folder, *OPTIONS, "--run-dir", "run")
    train_in(folder, *OPTIONS, "--run-dir", "rcnn", "--set", "model.architecture=rcnn")
    train_in(folder, "run", "--output", "eval", command="eval")
    train_in(folder, "run", "texts.txt", "--output", "out.tsv", command="predict")
    gc.freeze()  # so that forks share these objects
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        words = ["train", *OPTIONS, "--set", "train.epochs=2", "--run-dir", "cut"]
        stopped = run(*words, prepare=lambda: stop_at_step(6, send(signal.SIGTERM)))
    assert stopped.code == 143, stopped.err
    shutil.rmtree(folder / ".textrnn_cache")
    return folder


def copy_templates(templates: Path, folder: Path) -> None:
    """Data and runs, the runs as if they had been trained there."""
    shutil.copytree(templates, folder, ignore=shutil.ignore_patterns("large.*"))
    for config in folder.glob("*/config.yaml"):
        config.write_text(config.read_text().replace(str(templates), str(folder)))


@pytest.fixture
def here(templates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The current folder is a copy of the templates."""
    copy_templates(templates, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")


@pytest.mark.parametrize("attack", FAMILIES, ids=lambda attack: attack.__name__.removeprefix("attack_"))
@pytest.mark.parametrize("is_slow", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["few", "many"])
def test_a_command_under_attack_ends_as_it_should(
    attack: Attack, is_slow: bool, templates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    examples = max(1, int(FAMILIES[attack][is_slow] * float(os.environ.get("TEXTRNN_ATTACKS", "1"))))

    @settings(max_examples=examples, derandomize=True, deadline=None, database=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(st.data())
    def attack_once(data: st.DataObject) -> None:
        folder = Path(tempfile.mkdtemp(dir=tmp_path), "here")
        copy_templates(templates, folder)
        monkeypatch.chdir(folder)
        attack(data.draw)
        shutil.rmtree(folder.parent, ignore_errors=True)

    attack_once()


COMMANDS = [
    ["vocab", *OPTIONS, "--output", "vocab.tsv"], ["predict", "run", "texts.txt", "--output", "out.tsv"],
    ["train", *OPTIONS, "--run-dir", "new"], ["eval", "run"], ["predict", "run", "texts.txt"],
    ["eval", "run", "--json"], ["train", "--resume", "--run-dir", "run", "--set", "train.epochs=2"],
]  # fmt: skip
SPOILED = [*product(["closed"], ["0", "1", "2", "01", "12", "012"]), ("full", "1"), ("full", "2")]


def in_a_process(test: Callable[..., None]) -> Callable[..., None]:
    return pytest.mark.slow(pytest.mark.usefixtures("here")(test))


def start(words: list[str], prepare: Callable[[], None] | None = None) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*COMMAND, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, preexec_fn=prepare,
    )  # fmt: skip


def ended(process: subprocess.Popen[bytes], words: list[str]) -> Ended:
    try:
        out, err = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        pytest.fail(f"{words} did not end within {SECONDS} s: {process.communicate()[1]!r}")
    check_no_process(process.pid)
    return Ended(words, process.returncode, out or b"", (err or b"").decode("utf-8", "replace"))


@in_a_process
@pytest.mark.parametrize("number", range(12))
def test_signals_end_a_command_cleanly_at_any_time(number: int, templates: Path) -> None:
    """No traceback, no worker left, nothing half-written; after a second signal likewise."""
    rng = random.Random(number)
    words = _long_command(rng, templates)
    before = files()
    process = start(words)
    while process.poll() is None and not _has_begun(process.pid):
        time.sleep(0.01)
    for pause in [rng.uniform(0, 3), *rng.choice([[], [rng.uniform(0, 0.05)], [rng.uniform(0, 1)]])]:
        time.sleep(pause)
        with suppress(ProcessLookupError):
            rng.choice([os.kill, os.killpg])(process.pid, rng.choice([signal.SIGINT, signal.SIGTERM]))
    done = ended(process, words)
    check(done, before, codes=(0, 130, 143))
    if words[0] == "train" and done.code and Path(words[-1], "model/model.safetensors").exists():
        assert run("predict", words[-1], "texts.txt").code == 0, "predict fails after the signal"


def _has_begun(pid: int) -> bool:
    """Whether the program, rather than Python's own start, is running: it handles SIGTERM."""
    handled = re.search(r"SigCgt:\t(\w+)", Path(f"/proc/{pid}/status").read_text())
    return handled is not None and bool(int(handled[1], 16) >> (signal.SIGTERM - 1) & 1)


def _long_command(rng: random.Random, templates: Path) -> list[str]:
    """One that takes seconds; `large.tsv` is tokenized in worker processes."""
    table, texts = templates / "large.tsv", templates / "large.txt"
    if not texts.exists():
        rows = 1000 * make_rows(300)
        write_tsv(table, rows)
        texts.write_text("".join(f"{text}\n" for _, text in rows))
    train = ["train", *OPTIONS, "--set", "train.epochs=400"]
    return rng.choice([
        [*train, "--run-dir", "new"], [*train, "--force", "--run-dir", "run"], ["eval", "run", str(table)],
        ["vocab", "--data", str(table), "--output", "vocab.tsv"], ["predict", "run", str(texts), "--output", "out.tsv"],
    ])  # fmt: skip


@in_a_process
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
    check(ended(start(words, lambda: resource.setrlimit(which, (size, size))), words), before)


@in_a_process
@pytest.mark.parametrize(("words", "spoiled"), [*zip(2 * COMMANDS, cycle(SPOILED), strict=False)])
def test_closed_and_full_streams_do_no_harm(words: list[str], spoiled: tuple[str, str]) -> None:
    def spoil() -> None:
        for number in map(int, spoiled[1]):
            if spoiled[0] == "full":
                os.dup2(os.open("/dev/full", os.O_WRONLY), number)
            else:
                os.close(number)

    before = files()
    _check_what_is_seen(ended(start(words, spoil), words), before)


@in_a_process
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
        done.err = "error: not seen\n"
    check(done, before)
