"""Folds trained in processes of their own: the files of folds in turn, whatever stopped the run or one of them."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.commands.test_cross_fitting import FILES, TRAIN, history_of, without_times
from tests.conftest import Cli, copy_template, make_rows, sets, train_in, write_tsv
from tests.stops import at_file, send
from textrnn.training import side_by_side

ROOT = Path(__file__).parents[2]
COMMAND = """
from textrnn.training import side_by_side
side_by_side.LEAST_SECONDS = 0
from textrnn.__main__ import main
main()
"""


@pytest.fixture(scope="module")
def in_turn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `train.tsv` and a run of it, `turn`, whose folds were trained in turn."""
    folder = tmp_path_factory.mktemp("in_turn")
    write_tsv(folder / "train.tsv", make_rows(60))
    train_in(folder, *TRAIN[1:], "turn")
    return folder


@pytest.fixture
def workers(in_turn: Path, workplace: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[subprocess.Popen]]:
    """The processes that the test's commands start, up to two at a time; `turn` is in the current folder."""
    copy_template(in_turn, workplace, "turn")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr(side_by_side, "LEAST_SECONDS", 0)
    torch.set_num_threads(2)
    started: list[subprocess.Popen] = []

    class Recorded(subprocess.Popen):
        def __init__(self, *arguments: object, **options: object) -> None:
            super().__init__(*arguments, **options)  # type: ignore[call-overload]
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Recorded)
    yield started
    assert all(process.poll() is not None for process in started), "a process is left"


def lines_of(run: str) -> int:
    return len(history_of(Path(run)))


def check_same(run: str) -> None:
    for name in FILES:
        assert Path(run, name).read_bytes() == Path("turn", name).read_bytes(), name
    assert without_times(history_of(Path(run))) == without_times(history_of(Path("turn")))


def resumes(cli: Cli) -> None:
    """The stopped run `side` comes out as the other, also if its folds are now trained in turn."""
    assert not list(Path("side").rglob(".*.tmp"))
    torch.set_num_threads(1)
    resumed = cli(*TRAIN, "side", "--resume")
    assert resumed.code == 0, resumed.err
    check_same("side")


def test_folds_side_by_side_give_the_files_of_folds_in_turn(cli: Cli, workers: list[subprocess.Popen]) -> None:
    result = cli(*TRAIN, "side", "--tensorboard")
    assert (result.code, result.out) == (0, "side\n"), result.err
    assert len(workers) == 2
    check_same("side")
    assert sorted(path.name for path in Path("side/tensorboard").iterdir()) == [f"fold_{fold}" for fold in range(1, 5)]
    assert all(result.err.count(f"fold {fold}, epoch 2/2: ") == 1 for fold in range(1, 5))


def test_a_short_run_and_one_core_need_no_processes(
    cli: Cli, workers: list[subprocess.Popen], monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.set_num_threads(1)
    assert cli(*TRAIN, "one_core").code == 0
    torch.set_num_threads(2)
    monkeypatch.setattr(side_by_side, "LEAST_SECONDS", 10)
    assert cli(*TRAIN, "short").code == 0
    assert not workers
    assert Path("one_core", FILES[0]).read_bytes() == Path("short", FILES[0]).read_bytes()
    assert torch.get_num_threads() == 2


@pytest.mark.slow  # six seconds
def test_processes_without_time_for_another_network_leave_it_out(cli: Cli, workers: list[subprocess.Popen]) -> None:
    result = cli(*TRAIN, "side", "--minutes", 1e-9)
    assert result.code == 0, result.err
    assert [(line.get("fold"), line["step"]) for line in history_of(Path("side"))] == [(1, 1), (2, 1), (None, 2)]
    assert "2 networks of 4 left out, fold 1: " in result.err


@pytest.mark.parametrize("lines", [pytest.param(0, marks=pytest.mark.slow), 3])
def test_a_killed_process_is_one_message_and_the_run_goes_on_from_there(
    lines: int, cli: Cli, workers: list[subprocess.Popen]
) -> None:
    with at_file("model.safetensors", lambda: workers[1].kill(), when=lambda: lines_of("side") >= lines, after=True):
        killed = cli(*TRAIN, "side", *sets("train.save_minutes=1e-9"))
    assert (killed.code, killed.out) == (1, "")
    (message,) = [line for line in killed.err.splitlines() if line.startswith("error: ")]
    assert "killed, perhaps because memory ran out" in message
    assert "continue with: textrnn train --resume --run-dir side" in message
    assert killed.err.splitlines()[-1] == message
    resumes(cli)


@pytest.mark.slow  # eight seconds each
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_each_state_and_resume_goes_on_from_them(
    number: signal.Signals, code: int, cli: Cli, workers: list[subprocess.Popen]
) -> None:
    once = iter([True])
    with at_file("model.safetensors", send(number), when=lambda: lines_of("side") >= 2 and next(once, False)):
        stopped = cli(*TRAIN, "side")
    assert (stopped.code, stopped.out) == (code, "")
    assert stopped.err.count("continue with: textrnn train --resume --run-dir side") == 1
    assert lines_of("side") < 9
    resumes(cli)


@pytest.mark.slow  # four seconds
def test_an_error_in_one_process_ends_all_with_the_message_of_one(cli: Cli, workers: list[subprocess.Popen]) -> None:
    options = sets("train.learning_rate=1e30", "train.grad_clip_norm=null")
    result = cli(*TRAIN, "side", *options)
    assert (result.code, result.out) == (1, "")
    (message,) = [line for line in result.err.splitlines() if "error" in line.lower()]
    assert message.startswith("error: training stopped: ") and "not finite at epoch 1" in message
    torch.set_num_threads(1)
    assert "not finite at epoch 1" in cli(*TRAIN, "other", *options).err


@pytest.mark.slow  # five seconds
def test_a_full_disk_is_one_message(cli: Cli, workers: list[subprocess.Popen]) -> None:
    """A limit stands for it, which the processes inherit: too small for a state after the first step."""
    size = Path("turn/resume/fold_2.safetensors").stat().st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3 * size // 4, before[1]))
    try:
        result = cli(*TRAIN, "full", *sets("model.linear=none"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (result.code, result.out) == (1, "")
    (message,) = [line for line in result.err.splitlines() if "error" in line.lower()]
    assert "full/resume/fold_" in message and "cannot be written: File too large" in message


def start(*options: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, *TRAIN, "side", *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True, env={**os.environ, "OMP_NUM_THREADS": "2"},
    )  # fmt: skip


def session(leader: int) -> list[int]:
    """The running processes of a session."""
    running = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, number = path.read_text().rpartition(")")[2].split()[:4]
        except OSError:
            continue
        if int(number) == leader and state != "Z":
            running.append(int(path.parent.name))
    return running


def wait_until_trained(process: subprocess.Popen, lines: int) -> None:
    deadline = time.monotonic() + 60
    while lines_of("side") < lines and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)


@pytest.mark.slow  # twenty seconds
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=["the main process", "Ctrl-C"])
def test_no_process_outlives_the_main_one(number: signal.Signals, cli: Cli, workers: list[subprocess.Popen]) -> None:
    process = start()
    wait_until_trained(process, 2)
    if number == signal.SIGKILL:
        process.kill()
    else:
        os.killpg(process.pid, number)
    error = process.communicate(timeout=60)[1].decode()
    assert process.returncode == (-9 if number == signal.SIGKILL else 130), error
    assert "Traceback" not in error
    deadline = time.monotonic() + 10
    while (left := session(process.pid)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not left
    for path in Path("side").rglob(".*.tmp"):
        assert number == signal.SIGKILL, path
        path.unlink()  # of the main process
    resumes(cli)


@pytest.mark.slow
def test_twenty_kills_of_any_process_come_out_byte_for_byte(cli: Cli, workers: list[subprocess.Popen]) -> None:
    import random

    rng, kills = random.Random(7), 0
    while kills < 20:
        process = start("--resume", *sets("train.save_minutes=1e-9"))
        time.sleep(rng.uniform(2, 8))
        if process.poll() is None and (running := session(process.pid)):
            os.kill(rng.choice(running), signal.SIGKILL)
            kills += 1
        error = process.communicate(timeout=60)[1].decode()
        assert "Traceback" not in error
        if process.returncode == 0:
            check_same("side")
            subprocess.run(["rm", "-r", "side"], check=True)
    if Path("side").exists():
        assert cli(*TRAIN, "side", "--resume").code == 0
        check_same("side")
