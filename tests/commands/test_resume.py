"""A resumed run gives the bytes of the uninterrupted one, whatever stopped it."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.conftest import COMMAND, Cli, copy_template, make_rows, sets, train_in, write_tsv
from tests.stops import at_file, at_step, die, in_evaluation, send

# Dropout everywhere, two kinds of batches, several steps an epoch: whatever is not restored shows in the weights.
SIZES = sets(
    "model.embedding_dim=8", "model.hidden_size=8", "model.num_layers=2", "train.batch_size=8", "train.epochs=4",
    "train.patience=null", "vocab.min_count=1", "train.learning_rate=0.01", "model.ngrams=2", "model.rare_dim=3",
    "model.ngram_dim=2", "model.max_ngrams=64", "train.folds=1",
)  # fmt: skip
OPTIONS = ["--data", "train.tsv", *SIZES, "--run-dir"]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run `whole`, trained once."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    write_tsv(folder / "train.tsv", make_rows(70))
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


def resumes(cli: Cli, *options: str) -> str:
    """The log of resuming the run `cut`, which comes out as the uninterrupted one."""
    resumed = cli("train", *OPTIONS, "cut", "--resume", *options)
    assert (resumed.code, resumed.out) == (0, "cut\n"), resumed.err
    assert same_run(Path("whole"), Path("cut"))
    return resumed.err


def test_a_signal_inside_an_evaluation_saves_the_state_and_resume_repeats_it(cli: Cli, whole: Path) -> None:
    with in_evaluation(send(signal.SIGTERM), when=lambda: len(history_of(Path("cut"))) == 1):
        assert cli("train", *OPTIONS, "cut").code == 143
    assert len(history_of(Path("cut"))) == 1
    resumes(cli)


@pytest.mark.parametrize("after", [False, True], ids=["before its weights are there", "before it is in the history"])
def test_a_run_killed_while_it_records_its_best_evaluation_repeats_it(cli: Cli, whole: Path, after: bool) -> None:
    history = list(map(json.loads, history_of(Path("whole"))))
    best_epoch = min(history, key=lambda line: line["dev_loss"])["epoch"]
    with at_file("model.safetensors", die, when=lambda: len(history_of(Path("cut"))) + 1 == best_epoch, after=after):
        assert cli("train", *OPTIONS, "cut").code == 130
    resumes(cli)


def test_a_run_killed_between_history_and_state_has_no_line_twice(cli: Cli, whole: Path) -> None:
    often = sets("train.save_minutes=1e-9")  # the last state is just before the evaluation
    with at_file("state.safetensors", die, when=lambda: len(history_of(Path("cut"))) == 2):
        assert cli("train", *OPTIONS, "cut", *often).code == 130
    assert len(history_of(Path("cut"))) == 2
    resumes(cli, *often)


@pytest.mark.parametrize(  # 8 steps an epoch: 8 comes between an epoch and its evaluation
    ("step", "number", "code"),
    [(1, signal.SIGTERM, 143), (7, signal.SIGINT, 130), (8, signal.SIGINT, 130), (20, signal.SIGTERM, 143)],
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
    resumes(cli)


@pytest.mark.parametrize("options", [OPTIONS, ["--run-dir"]], ids=["with its config", "with none"])
def test_a_complete_run_is_reported_and_left_alone(cli: Cli, whole: Path, options: list[str]) -> None:
    before = whole.read_bytes()
    result = cli("train", *options, "whole", "--resume")
    assert (result.code, result.out) == (0, "whole\n")
    assert "complete" in result.err
    assert whole.read_bytes() == before


def test_more_epochs_go_on_from_the_last_state_and_later_history_is_cut(cli: Cli, whole: Path) -> None:
    with Path("whole/history.jsonl").open("a") as stream:
        stream.write('{"epoch": 5, "step": 40}\n{"epoch": 6, "st')
    result = cli("train", *OPTIONS, "whole", "--resume", "--set", "train.epochs=6")
    assert result.code == 0, result.err
    epochs = [json.loads(line)["epoch"] for line in history_of(Path("whole"))]
    assert epochs == [1, 2, 3, 4, 5, 6]
    assert "epochs: 6" in Path("whole/config.yaml").read_text()


def test_where_nothing_was_saved_resume_starts_from_the_beginning(cli: Cli, whole: Path) -> None:
    with at_file("linear.safetensors", die):
        assert cli("train", *OPTIONS, "cut").code == 130
    assert not Path("cut/resume/state.safetensors").exists()
    assert "from the beginning" in resumes(cli)


def test_a_linear_model_that_was_fitted_is_not_fitted_again(cli: Cli, whole: Path) -> None:
    with at_step(1, die):
        assert cli("train", *OPTIONS, "cut").code == 130
    assert "linear model: " not in resumes(cli)


def test_resume_without_a_run_begins_one_even_if_it_was_killed_at_its_first_file(cli: Cli, whole: Path) -> None:
    resumes(cli)
    shutil.rmtree("cut")
    Path("cut").mkdir()
    Path("cut/.config.yaml.123.tmp").write_text("data:")
    resumes(cli)
    assert not Path("cut/.config.yaml.123.tmp").exists()


def test_another_thread_count_is_a_warning(cli: Cli, whole: Path) -> None:
    path = Path("whole/environment.json")
    environment = json.loads(path.read_text())
    path.write_text(json.dumps({**environment, "threads": environment["threads"] + 1}))
    result = cli("train", *OPTIONS, "whole", "--resume", "--set", "train.epochs=5")
    assert result.code == 0
    assert "warning: " in result.err
    assert "threads was" in result.err


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
    return [*COMMAND, "train", *OPTIONS, run, *sets("train.save_minutes=0.00001"), *more]


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


@pytest.mark.slow
def test_twenty_killed_runs_come_out_byte_for_byte(workplace: Path) -> None:
    write_tsv(workplace / "train.tsv", make_rows(150))
    begin = time.monotonic()
    subprocess.run(command("reference"), check=True, capture_output=True, env=SHARED)
    assert json.loads(Path("reference/environment.json").read_text())["cores_shared"] == 2
    seconds, rng, kills = time.monotonic() - begin, random.Random(4), 0
    for number in range(20):
        kills += kill_and_resume(rng, seconds, f"killed-{number}")
        assert same_run(Path("reference"), Path(f"killed-{number}")), f"run {number} came out otherwise"
    assert kills > 0


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
