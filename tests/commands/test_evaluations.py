"""Which folder an evaluation gets: the same data replaces its own, other data of the same name stands beside it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import TINY, TRAINED, Cli, make_rows, write_tsv
from tests.terminal import in_terminal


def folders(parent: Path) -> dict[str, int]:
    """Documents of each evaluation."""
    return {path.parent.name: json.loads(path.read_bytes())["n"] for path in parent.glob("*/metrics.json")}


@pytest.fixture
def two(trained: Path) -> None:
    """Two files of one name, of 9 and of 12 texts."""
    for name, count in (("a", 9), ("b", 12)):
        Path(name).mkdir()
        write_tsv(Path(name, "test.tsv"), make_rows(count, seed=count))


def test_files_of_one_name_stand_beside_each_other(cli: Cli, trained: Path, two: None) -> None:
    for _ in range(2):
        assert cli("eval", trained).code == 0
        assert "written to runs/train/eval/test-2\n" in cli("eval", trained, "a/test.tsv").err
        result = cli("eval", trained, Path("b/test.tsv").absolute())
        assert "written to runs/train/eval/test-3\n" in result.err
        assert "runs/train/eval/test holds an earlier evaluation, which is kept" in result.err
    assert folders(trained / "eval") == {"test": 24, "test-2": 9, "test-3": 12}
    assert "written to runs/train/eval/test\n" in cli("eval", trained, "test.tsv").err, "the run's own test file"
    assert folders(trained / "eval") == {"test": 24, "test-2": 9, "test-3": 12}


def test_splits_of_a_file_and_the_whole_file_are_different_data(cli: Cli, trained: Path) -> None:
    for arguments in (["--split", "train"], ["train.tsv"], ["--split", "dev"], ["--split", "train"]):
        assert cli("eval", trained, *arguments).code == 0
    assert folders(trained / "eval") == {"train": 54, "train-2": 60, "dev": 6}


def test_a_model_folder_likewise(cli: Cli, trained: Path, two: None) -> None:
    for name in ("a", "b", "a"):
        assert cli("eval", trained / "model", f"{name}/test.tsv").code == 0
    assert folders(Path("eval")) == {"test": 9, "test-2": 12}


def test_output_overwrites(cli: Cli, trained: Path, two: None) -> None:
    for name in ("a", "b"):
        assert cli("eval", trained, f"{name}/test.tsv", "--output", "out/here").code == 0
    assert folders(Path("out")) == {"here": 12}


@pytest.mark.parametrize("damage", [b"", b"[", b"[" * 100_000, b"3", b'{"data": 3}', None])
def test_an_evaluation_of_unknown_data_is_not_overwritten(cli: Cli, trained: Path, two: None, damage: bytes) -> None:
    assert cli("eval", trained, "a/test.tsv").code == 0
    file = trained / "eval/test/data.json"
    file.unlink() if damage is None else file.write_bytes(damage)
    assert cli("eval", trained, "b/test.tsv").code == 0
    assert folders(trained / "eval") == {"test": 9, "test-2": 12}


def test_an_unfinished_evaluation_is_replaced(cli: Cli, trained: Path, two: None) -> None:
    (trained / "eval/test").mkdir(parents=True)
    (trained / "eval/test/predictions.tsv").write_text("x")
    assert cli("eval", trained, "b/test.tsv").code == 0
    assert folders(trained / "eval") == {"test": 12}


def test_force_says_that_evaluations_go_with_the_run(cli: Cli, trained: Path) -> None:
    forced = ["train", *TRAINED, "--force"]
    assert "eval" not in cli(*forced).err.split("evaluate it with")[0]
    assert cli("eval", trained).code == 0
    assert "replacing an existing run, including runs/train/eval" in cli(*forced).err
    assert not (trained / "eval").exists()


def test_force_alone_takes_the_config_of_the_run(cli: Cli, trained: Path) -> None:
    """The command that messages give."""
    before = (trained / "model/model.safetensors").read_bytes()
    result = cli("train", "--force", "--run-dir", trained)
    assert (result.code, result.out) == (0, "runs/train\n")
    assert (trained / "model/model.safetensors").read_bytes() == before
    write_tsv(Path("other.tsv"), make_rows(90, seed=9))
    result = cli("train", "--force", "--run-dir", trained, "--data", "other.tsv", *TINY)
    assert "train: 81 texts" in result.err and "test:" not in result.err, "with --data the config is a new one"


def test_resuming_says_where_and_that_more_epochs_raise_the_learning_rate(cli: Cli, trained: Path) -> None:
    """By its data as by its folder, a run keeps its own config: what is not given is not the default."""
    for options in (["--data", "train.tsv"], ["--run-dir", trained]):
        result = cli("train", "--resume", *options)
        assert result.code == 0, result.err
        assert "the run is already complete; evaluate it with: textrnn eval runs/train" in result.err
    result = cli("train", "--resume", "--run-dir", trained, "--set", "train.epochs=4")
    assert "resuming runs/train at epoch 3 of 4, after step 8 of 16\n" in result.err
    assert "warning: train.epochs was 2 and is now 4: the schedule (train.schedule: linear) spans all " in result.err
    rates = [json.loads(line)["learning_rate"] for line in (trained / "history.jsonl").read_text().splitlines()]
    assert f"last {rates[1]:.2g}, rises to " in result.err and rates[2] > rates[1]


def test_a_constant_rate_does_not_rise(cli: Cli, trained: Path) -> None:
    constant = ["--set", "train.schedule=constant", "--set", "train.warmup=0", "--run-dir", "run"]
    assert cli("train", *TRAINED, *constant).code == 0
    result = cli("train", "--resume", "--run-dir", "run", "--set", "train.epochs=3")
    assert result.code == 0 and "learning rate" not in result.err


def test_resuming_a_run_that_is_not_there_names_it(cli: Cli, trained: Path) -> None:
    result = cli("train", "--resume", "--run-dir", "runs/trian")
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("error: runs/trian: no run is here (no config.yaml in it)")
    assert "start one with: textrnn train" in result.err


def test_no_bar_stands_between_rows_on_a_terminal(trained: Path, workplace: Path) -> None:
    Path("texts.txt").write_text("one\ntwo\n")
    code, shown = in_terminal("predict", trained, "texts.txt", columns=80)
    assert (code, "predicting" in shown, shown.count("\n")) == (0, False, 2)


def test_data_that_was_moved_replaces_its_evaluation(cli: Cli, trained: Path, two: None) -> None:
    assert cli("eval", trained, "a/test.tsv").code == 0
    for name in ("c", "d"):
        Path(name).mkdir()
    Path("c/test.tsv").write_bytes(Path("a/test.tsv").read_bytes())
    assert cli("eval", trained, "c/test.tsv").code == 0
    assert folders(trained / "eval") == {"test": 9, "test-2": 9}, "a copy is another file"
    Path("a/test.tsv").rename("d/test.tsv")
    assert cli("eval", trained, "d/test.tsv").code == 0
    assert folders(trained / "eval") == {"test": 9, "test-2": 9}, "it was moved"


def test_a_run_with_keys_that_are_gone_is_evaluated_and_not_resumed(cli: Cli, trained: Path, two: None) -> None:
    config = trained / "config.yaml"
    config.write_text(config.read_text().replace("model:\n", "model:\n  key_of_yesterday: 1\n"))
    result = cli("eval", trained, "a/test.tsv")
    assert result.code == 0, result.err
    result = cli("train", "--resume", "--run-dir", trained)
    assert result.code == 1 and "the run is of another version, or its config was changed by hand; " in result.err
