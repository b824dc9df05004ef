"""`torchrun -m textrnn train`: two processes on the CPU, started, stopped and resumed as a user would."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.commands.test_tensorboard import history as history_of
from tests.commands.test_tensorboard import series
from tests.conftest import PLAIN, Cli, make_rows, sets, write_tsv
from tests.stops import at_step, send

# 135 texts to train and 15 for dev: the last batch of an epoch is short, the last step has one batch of two.
SIZES = [
    "model.embedding_dim=8", "model.hidden_size=8", *PLAIN, "model.linear=mix", "model.dropout=0",
    "model.embedding_dropout=0", "train.batch_size=8", "train.accumulate=2", "train.epochs=20", "train.patience=null",
    "vocab.min_count=1", "model.rare_dim=3",
]  # fmt: skip
OPTIONS = ["--data", "train.tsv", *sets(*SIZES), "--run-dir"]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "textrnn"]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shared")


@pytest.fixture
def whole(shared: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The uninterrupted run of one process, made once; `train.tsv` is in the current folder."""
    monkeypatch.chdir(shared)
    if not Path("whole").exists():
        write_tsv(Path("train.tsv"), make_rows(150))
        assert cli("train", *OPTIONS, "whole").code == 0
    return Path("whole")


def check_same_run(one: Path, other: Path) -> None:
    """Fail unless two runs came out the same up to rounding."""
    histories = ((run / "history.jsonl").read_text().splitlines() for run in (one, other))
    for record, expected in zip(*(map(json.loads, history) for history in histories), strict=True):
        for key in ("epoch", "step", "dev_accuracy", "learning_rate"):
            assert record[key] == expected[key]
        assert record["train_loss"] == pytest.approx(expected["train_loss"], abs=1e-4)
    weights, others = (load_file(run / "model" / "model.safetensors") for run in (one, other))
    for name, tensor in weights.items():
        torch.testing.assert_close(tensor, others[name], rtol=0, atol=1e-4)


@pytest.mark.slow  # ten seconds
def test_two_processes_stop_at_the_same_step_when_time_is_up(workplace: Path, cli: Cli) -> None:
    write_tsv(Path("train.tsv"), make_rows(150))
    options = sets("train.folds=3", "train.epochs=1000000", "train.patience=null")
    result = subprocess.run(
        [*TORCHRUN, "train", *OPTIONS, "two", *options, "--minutes", "0.1"], capture_output=True, text=True, timeout=90
    )
    assert result.returncode == 0, result.stderr
    assert "train.minutes 0.1: 2 networks of 3 left out, fold 1: " in result.stderr
    assert history_of("two", 1) and not history_of("two", 2)
    assert cli("eval", "two").code == 0


@pytest.mark.slow  # ten seconds
def test_two_processes_stop_on_on_a_signal_and_one_goes_on(whole: Path, cli: Cli) -> None:
    options = [*OPTIONS, "two", "--tensorboard"]
    process = subprocess.Popen([*TORCHRUN, "train", *options], stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    deadline = time.monotonic() + 120
    while not (Path("two/history.jsonl").exists() or time.monotonic() > deadline):
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    out, err = (stream.decode() for stream in process.communicate(timeout=60))
    assert process.returncode != 0
    assert out == ""
    assert (
        err.count("the training state is saved; continue with: textrnn train --resume") == err.count("device: cpu") == 1
    ), err
    assert json.loads(Path("two/environment.json").read_text())["processes"] == 2
    assert 0 < len(Path("two/history.jsonl").read_text().splitlines()) < 20

    assert len(list(Path("two/tensorboard").iterdir())) == 1

    resumed = cli("train", *options, "--resume")
    assert (resumed.code, resumed.out) == (0, "two\n")
    assert "in the last bits from those of an uninterrupted run: processes was 2, is 1" in resumed.err
    check_same_run(Path("two"), whole)
    lines, found = history_of("two"), series(Path("two/tensorboard"))
    assert [step for step, _ in found["step/loss"]] == list(range(1, lines[-1]["step"] + 1))
    assert found["epoch/train_loss"] == [(line["step"], pytest.approx(line["train_loss"])) for line in lines]


@pytest.mark.slow
def test_one_process_stops_and_two_go_on(whole: Path, cli: Cli) -> None:
    with at_step(31, send(signal.SIGTERM)):
        assert cli("train", *OPTIONS, "one").code == 143
    done = subprocess.run(
        [*TORCHRUN, "train", *OPTIONS, "one", "--resume"], capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stdout) == (0, "one\n"), done.stderr
    assert done.stderr.count("resuming one at epoch 4 of 20, after step 31 of ") == 1
    assert done.stderr.count("processes was 1, is 2") == done.stderr.count("epoch 20/20") == 1
    check_same_run(Path("one"), whole)


@pytest.mark.slow  # ten seconds
def test_a_bad_row_is_one_message_and_no_run(workplace: Path) -> None:
    (workplace / "bad.tsv").write_text("food\tsoup\nsport\n")
    done = subprocess.run([*TORCHRUN, "train", "--data", "bad.tsv"], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (1, "")
    messages = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(messages) == 1 and "bad.tsv:2: expected 2 fields" in messages[0], done.stderr
    assert not Path("runs").exists()
