"""A resumed run gives the bytes of the uninterrupted one, whatever stopped it."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from tests.conftest import Cli, copy_template, make_rows, train_in, write_tsv
from tests.stops import at_file, at_step, die, in_evaluation, send

# Dropout everywhere, two kinds of batches, several steps an epoch: whatever is not restored shows in the weights.
OPTIONS = [
    "--data", "train.tsv", "--set", "model.embedding_dim=8", "--set", "model.hidden_size=8", "--set",
    "model.num_layers=2", "--set", "train.batch_size=8", "--set", "train.epochs=4", "--set", "train.patience=null",
    "--set", "vocab.min_count=1", "--set", "train.learning_rate=0.01", "--set", "model.ngrams=2",
    "--set", "model.rare_dim=3", "--set", "model.ngram_dim=2", "--set", "model.max_ngrams=64",
    "--set", "train.folds=1", "--run-dir",
]  # fmt: skip


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run `whole`, trained once."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    write_tsv(folder / "train.tsv", make_rows(150))
    train_in(folder, *OPTIONS, "whole")
    return folder


@pytest.fixture
def whole(uninterrupted: Path, workplace: Path) -> Path:
    """The weights of an uninterrupted run."""
    copy_template(uninterrupted, workplace, "whole")
    return Path("whole/model/model.safetensors")


def history_of(run: Path) -> list[str]:
    path = run / "history.jsonl"
    return path.read_text().splitlines() if path.exists() else []


def same_run(one: Path, other: Path) -> bool:
    def history(run: Path) -> list[dict]:
        lines = map(json.loads, history_of(run))
        timed = ("seconds", "tokens_per_second")
        return [{key: value for key, value in line.items() if key not in timed} for line in lines]

    weights = "model/model.safetensors"
    return history(one) == history(other) and (one / weights).read_bytes() == (other / weights).read_bytes()


def test_a_signal_inside_an_evaluation_saves_the_state_and_resume_repeats_it(cli: Cli, whole: Path) -> None:
    with in_evaluation(send(signal.SIGTERM), when=lambda: len(history_of(Path("cut"))) == 1):
        assert cli("train", *OPTIONS, "cut").code == 143
    assert len(history_of(Path("cut"))) == 1
    assert cli("train", *OPTIONS, "cut", "--resume").code == 0
    assert same_run(Path("whole"), Path("cut"))


@pytest.mark.parametrize("after", [False, True], ids=["before its weights are there", "before it is in the history"])
def test_a_run_killed_while_it_records_its_best_evaluation_repeats_it(cli: Cli, whole: Path, after: bool) -> None:
    history = list(map(json.loads, history_of(Path("whole"))))
    best_epoch = min(history, key=lambda line: line["dev_loss"])["epoch"]
    with at_file("model.safetensors", die, when=lambda: len(history_of(Path("cut"))) + 1 == best_epoch, after=after):
        assert cli("train", *OPTIONS, "cut").code == 130
    assert cli("train", *OPTIONS, "cut", "--resume").code == 0
    assert same_run(Path("whole"), Path("cut"))


def test_a_run_killed_between_history_and_state_has_no_line_twice(cli: Cli, whole: Path) -> None:
    options = [*OPTIONS, "cut", "--set", "train.save_minutes=1e-9"]  # the last state is just before the evaluation
    with at_file("state.safetensors", die, when=lambda: len(history_of(Path("cut"))) == 2):
        assert cli("train", *options).code == 130
    assert len(history_of(Path("cut"))) == 2
    assert cli("train", *options, "--resume").code == 0
    assert same_run(Path("whole"), Path("cut"))


@pytest.mark.parametrize(  # 17 steps an epoch: 17 comes between an epoch and its evaluation
    ("step", "number", "code"),
    [(1, signal.SIGTERM, 143), (7, signal.SIGINT, 130), (17, signal.SIGINT, 130), (40, signal.SIGTERM, 143)],
)
def test_a_signal_saves_the_state_and_resume_goes_on_from_it(
    cli: Cli, whole: Path, number: signal.Signals, code: int, step: int
) -> None:
    with at_step(step, send(number)):
        stopped = cli("train", *OPTIONS, "cut")
    assert stopped.code == code
    assert "--resume" in stopped.err
    assert "Traceback" not in stopped.err
    assert stopped.out == ""

    resumed = cli("train", *OPTIONS, "cut", "--resume")
    assert resumed.code == 0, resumed.err
    assert resumed.out == "cut\n"
    assert same_run(whole.parents[1], Path("cut"))


def test_a_run_knows_its_own_config_on_resume(cli: Cli, whole: Path) -> None:
    assert "complete" in cli("train", "--resume", "--run-dir", "whole").err


def test_a_complete_run_says_so_and_is_left_alone(cli: Cli, whole: Path) -> None:
    before = whole.read_bytes()
    result = cli("train", *OPTIONS, "whole", "--resume")
    assert (result.code, result.out) == (0, "whole\n")
    assert "complete" in result.err
    assert whole.read_bytes() == before


def test_more_epochs_go_on_from_the_last_state(cli: Cli, whole: Path) -> None:
    result = cli("train", *OPTIONS, "whole", "--resume", "--set", "train.epochs=6")
    assert result.code == 0, result.err
    epochs = [json.loads(line)["epoch"] for line in history_of(Path("whole"))]
    assert epochs == [1, 2, 3, 4, 5, 6]
    assert "epochs: 6" in Path("whole/config.yaml").read_text()


def test_fewer_epochs_and_other_changes_are_refused_by_name(cli: Cli, whole: Path) -> None:
    result = cli("train", *OPTIONS, "whole", "--resume", "--set", "train.epochs=3", "--set", "model.cell=lstm")
    assert result.code == 1
    assert "train.epochs" in result.err
    assert "model.cell" in result.err


def cut_by(stop: AbstractContextManager[None], cli: Cli) -> None:
    """A run `cut` that is killed where `stop` says."""
    with stop:
        assert cli("train", *OPTIONS, "cut").code == 130


def test_where_nothing_was_saved_resume_starts_from_the_beginning(cli: Cli, whole: Path) -> None:
    cut_by(at_file("linear.safetensors", die), cli)
    assert not Path("cut/resume/state.safetensors").exists()
    result = cli("train", *OPTIONS, "cut", "--resume")
    assert result.code == 0, result.err
    assert "from the beginning" in result.err
    assert same_run(Path("whole"), Path("cut"))


def test_a_linear_model_that_was_fitted_is_not_fitted_again(cli: Cli, whole: Path) -> None:
    cut_by(at_step(1, die), cli)
    result = cli("train", *OPTIONS, "cut", "--resume")
    assert result.code == 0, result.err
    assert "linear model: " not in result.err
    assert same_run(Path("whole"), Path("cut"))


def test_resume_without_a_run_begins_one(cli: Cli, whole: Path) -> None:
    result = cli("train", *OPTIONS, "new", "--resume")
    assert result.code == 0, result.err
    assert same_run(Path("whole"), Path("new"))


def test_a_run_killed_at_its_first_file_begins_again(cli: Cli, whole: Path) -> None:
    Path("killed").mkdir()
    Path("killed/.config.yaml.123.tmp").write_text("data:")
    result = cli("train", *OPTIONS, "killed", "--resume")
    assert result.code == 0, result.err
    assert not Path("killed/.config.yaml.123.tmp").exists()
    assert same_run(Path("whole"), Path("killed"))


def test_history_recorded_after_the_state_is_cut_back(cli: Cli, whole: Path) -> None:
    with Path("whole/history.jsonl").open("a") as stream:
        stream.write('{"epoch": 5, "step": 85}\n{"epoch": 6, "st')
    assert cli("train", *OPTIONS, "whole", "--resume", "--set", "train.epochs=5").code == 0
    epochs = [json.loads(line)["epoch"] for line in history_of(Path("whole"))]
    assert epochs == [1, 2, 3, 4, 5]


def test_another_thread_count_is_a_warning(cli: Cli, whole: Path) -> None:
    path = Path("whole/environment.json")
    environment = json.loads(path.read_text())
    path.write_text(json.dumps({**environment, "threads": environment["threads"] + 1}))
    result = cli("train", *OPTIONS, "whole", "--resume", "--set", "train.epochs=5")
    assert result.code == 0
    assert "warning: " in result.err
    assert "threads was" in result.err


def test_a_state_of_another_version_is_refused(cli: Cli, whole: Path) -> None:
    path = "whole/resume/state.safetensors"
    save_file(load_file(path), path, {"progress": '{"unheard_of": 1}'})
    result = cli("train", "--resume", "--run-dir", "whole")
    assert result.code == 1
    assert result.err.startswith("error: whole/resume/state.safetensors: saved by another version")


@pytest.mark.parametrize("name", ["vocab.txt", "labels.txt", "config.yaml"])
def test_resuming_mends_the_files_beside_the_weights(cli: Cli, whole: Path, name: str) -> None:
    path = Path("whole/model", name)
    good = path.read_bytes()
    path.unlink()
    path.symlink_to("/dev/null")
    assert cli("train", "--resume", "--run-dir", "whole", "--set", "train.epochs=5").code == 0
    assert path.read_bytes() == good


def test_a_damaged_history_does_not_stop_resuming(cli: Cli, whole: Path) -> None:
    Path("whole/history.jsonl").write_bytes(b'\xff\n[]\n{"epoch": 1}\n')
    result = cli("train", "--resume", "--run-dir", "whole", "--set", "train.epochs=5")
    assert result.code == 0, result.err
    assert "Traceback" not in result.err


# two threads, so that layers are shared out to them
SHARED = {**os.environ, "OMP_NUM_THREADS": "2"}


def command(run: str, *more: str) -> list[str]:
    # saved after every step, so that a kill also falls between and inside savings
    often = ["--set", "train.save_minutes=0.00001"]
    return [sys.executable, "-m", "textrnn", "train", *OPTIONS, run, *often, *more]


def kill_and_resume(rng: random.Random, seconds: float, run: str) -> int:
    """Kill -9 a run at random moments until it gets through; returns how often it was killed."""
    kills = 0
    while True:
        process = subprocess.Popen(command(run, "--resume"), stderr=subprocess.PIPE, env=SHARED)
        try:
            delay = rng.uniform(0.0, 1.1 * seconds) if kills < 4 else None
            _, error = process.communicate(timeout=delay)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            kills += 1
            continue
        assert process.returncode == 0, error.decode()
        return kills


def killed_runs(count: int, seed: int, measure: Callable[[], float] = time.monotonic) -> None:
    begin = measure()
    subprocess.run(command("reference"), check=True, capture_output=True, env=SHARED)
    assert json.loads(Path("reference/environment.json").read_text())["cores_shared"] == 2
    seconds = measure() - begin
    rng = random.Random(seed)
    kills = 0
    for number in range(count):
        kills += kill_and_resume(rng, seconds, f"killed-{number}")
        assert same_run(Path("reference"), Path(f"killed-{number}")), f"run {number} came out otherwise"
    assert kills > 0


@pytest.mark.slow
def test_a_run_killed_four_times_comes_out_byte_for_byte(workplace: Path) -> None:
    write_tsv(workplace / "train.tsv", make_rows(150))
    killed_runs(1, seed=3)


@pytest.mark.slow
def test_twenty_killed_runs_come_out_byte_for_byte(workplace: Path) -> None:
    write_tsv(workplace / "train.tsv", make_rows(150))
    killed_runs(20, seed=4)


def change_by_hand(path: str, **values: object) -> None:
    lines = Path(path).read_text().splitlines()
    for key, value in values.items():
        (at,) = (at for at, line in enumerate(lines) if line.startswith(f"  {key}: "))
        lines[at] = f"  {key}: {value}"
    Path(path).write_text("\n".join(lines))


@pytest.mark.parametrize("epochs", [2, 3])
@pytest.mark.parametrize(("section", "key", "value"), [("train", "seed", 5), ("model", "hidden_size", 9)])
def test_a_config_that_was_changed_by_hand_is_told_of_a_complete_run_too(
    section: str, key: str, value: int, epochs: int, cli: Cli, trained: Path
) -> None:
    change_by_hand("runs/train/config.yaml", **{key: value, "epochs": epochs})
    result = cli("train", "--resume", "--run-dir", "runs/train")
    assert (result.code, result.out) == (1, "")
    assert result.err == (
        f"error: runs/train/config.yaml: a resumed run keeps its config, but the one given differs in: "
        f"{section}.{key}; give the same values, or start a new run with --run-dir or --force\n"
    )


def test_data_that_was_moved_may_be_changed_by_hand(cli: Cli, trained: Path) -> None:
    Path("train.tsv").rename("moved.tsv")
    change_by_hand("runs/train/config.yaml", train=Path("moved.tsv").absolute(), epochs=3)
    assert cli("train", "--resume", "--run-dir", "runs/train").code == 0
