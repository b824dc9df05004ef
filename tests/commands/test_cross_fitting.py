"""Small corpora without dev: one network for each fold, judged on it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from safetensors.torch import load_file

from tests.conftest import Cli, copy_template, make_rows, sets, train_in, write_tsv
from tests.stops import at_file, at_step, die

SIZES = ["model.embedding_dim=4", "model.hidden_size=4", "train.batch_size=8", "train.epochs=2", "vocab.min_count=1"]
TRAIN = ["train", "--data", "train.tsv", *sets(*SIZES), "--run-dir"]
FILES = ["model/model.safetensors", "model/linear.safetensors", "model/decision.json", "resume/held_out.safetensors"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `train.tsv` and a finished run of it, `run`."""
    folder = tmp_path_factory.mktemp("finished")
    write_tsv(folder / "train.tsv", make_rows(60))
    train_in(folder, *TRAIN[1:], "run")
    return folder


@pytest.fixture
def run(finished: Path, workplace: Path) -> Path:
    """That run, in the current folder."""
    copy_template(finished, workplace, "run")
    return Path("run")


def history_of(run: Path) -> list[dict]:
    path = run / "history.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def without_times(history: list[dict]) -> list[dict]:
    return [line | {"seconds": 0, "tokens_per_second": 0} for line in history]


def test_each_fold_is_recorded_and_the_last_line_sums_up(run: Path) -> None:
    history = history_of(run)
    assert [line.get("fold") for line in history] == [1, 1, 2, 2, 3, 3, 4, 4, None]
    assert history[-1]["step"] == sum(line["step"] for line in history[1:-1:2])
    assert all(line["dev_linear_accuracy"] is not None for line in history)
    assert len({name.split(".")[1] for name in load_file("run/model/model.safetensors")}) == 4
    assert "plus a linear model (mixed in)" in (run / "train.log").read_text()


def test_without_a_test_file_eval_reports_what_was_said_of_held_out_texts(cli: Cli, run: Path) -> None:
    metrics = json.loads(cli("eval", "run", "--json").out)
    assert metrics["n"] == 60
    last = history_of(Path("run"))[-1]
    assert metrics["accuracy"] == pytest.approx(last["dev_accuracy"])
    assert metrics["loss"] == pytest.approx(last["dev_loss"], rel=1e-5)
    assert metrics["parts"]["linear"]["accuracy"] == pytest.approx(last["dev_linear_accuracy"])
    assert len(Path("run/eval/dev/predictions.tsv").read_text().splitlines()) == 61


@pytest.mark.parametrize("at_the_third_fold", [True, False], ids=["at an evaluation", "before the first step"])
def test_an_interrupted_run_ends_with_the_same_files(cli: Cli, run: Path, at_the_third_fold: bool) -> None:
    def has_two_folds() -> bool:
        return len(history_of(Path("cut"))) == 4

    # the first evaluation of a fold is its best one
    stop = at_file("model.safetensors", die, when=has_two_folds, after=True) if at_the_third_fold else at_step(1, die)
    with stop:
        assert cli(*TRAIN, "cut").code == 130
    if at_the_third_fold:  # a model that answers is there at any time after the first evaluation
        Path("texts.txt").write_text("soup\n")
        assert cli("predict", "cut", "texts.txt").code == 0
        evaluated = cli("eval", "cut")
        assert evaluated.code == 1 and "continue it with: textrnn train --resume --run-dir cut" in evaluated.err
        assert "warning" not in evaluated.err  # nothing was evaluated
    result = cli(*TRAIN, "cut", "--resume")
    assert result.code == 0, result.err
    assert "linear model: " not in result.err  # it is not fitted again
    assert all(Path("cut", name).read_bytes() == (run / name).read_bytes() for name in FILES)
    assert without_times(history_of(Path("cut"))) == without_times(history_of(run))
    assert "the run is already complete" in cli(*TRAIN, "cut", "--resume").err


def test_a_fold_that_ran_out_of_patience_stays_as_it_is(cli: Cli, train_file: Path) -> None:
    # so low a learning rate changes no label, and the accuracy stays what it is
    options = sets(
        "train.patience=1", "train.epochs=6", "train.learning_rate=1e-7", "train.monitor=dev_accuracy", "train.folds=3"
    )
    assert cli(*TRAIN, "whole", *options).code == 0
    epochs = [max(line["epoch"] for line in history_of(Path("whole")) if line.get("fold") == fold) for fold in (1, 2)]
    assert max(epochs) < 6, "these folds must stop early for the test to tell anything"
    with at_step(1, die, network=3):
        assert cli(*TRAIN, "cut", *options).code == 130
    assert cli("train", "--resume", "--run-dir", "cut").code == 0
    assert all(Path("cut", name).read_bytes() == Path("whole", name).read_bytes() for name in FILES)
    assert without_times(history_of(Path("cut"))) == without_times(history_of(Path("whole")))
    assert "the run is already complete" in cli("train", "--resume", "--run-dir", "cut").err


def test_a_model_of_another_run_is_refused(cli: Cli, run: Path) -> None:
    Path("run/resume/held_out.safetensors").unlink()  # as if stopped after the last epoch
    for options in (["train.folds=5"], ["model.hidden_size=5"]):
        assert cli(*TRAIN, "other", "--force", *sets("train.epochs=1", *options)).code == 0
        Path("run/model/model.safetensors").write_bytes(Path("other/model/model.safetensors").read_bytes())
        result = cli("train", "--resume", "--run-dir", "run")
        assert result.code == 1 and "run/model/model.safetensors: damaged, or of another run" in result.err


@pytest.mark.parametrize("is_stopped", [False, True])
def test_more_epochs_go_on_in_each_fold_even_after_a_stop(cli: Cli, run: Path, is_stopped: bool) -> None:
    longer = [*TRAIN, "run", "--resume", *sets("train.epochs=3")]
    if is_stopped:
        with at_step(1, die):
            assert cli(*longer).code == 130
        longer = ["train", "--resume", "--run-dir", "run"]  # as the message of an interrupted run advises
    result = cli(*longer)
    assert result.code == 0, result.err
    lines = [(line.get("fold"), line["epoch"]) for line in history_of(Path("run"))]
    assert sorted(lines[:-1]) == [(fold, epoch) for fold in (1, 2, 3, 4) for epoch in (1, 2, 3)]
    assert lines[-1] == (None, 3)


ODD = {
    "one text of a class": [*make_rows(30), ("rare", "a lonely text")],
    "two classes of five texts": make_rows(10, labels=("food", "sport")),
    "all texts equal": [(label, "the same") for label, _ in make_rows(30)],
    "no n-gram in common": [(label, f"w{number}a w{number}b") for number, (label, _) in enumerate(make_rows(30))],
    "four texts": make_rows(4, labels=("food", "sport")),
    "three texts": make_rows(3),
    "empty texts": [("food", ""), ("sport", "")] * 10,
}


@pytest.mark.parametrize("rows", ODD.values(), ids=ODD)
def test_odd_corpora_are_trained_and_judged(cli: Cli, workplace: Path, rows: list[tuple[str, str]]) -> None:
    write_tsv(workplace / "train.tsv", rows)
    result = cli(*TRAIN, "run", *(sets("data.empty_texts=keep") if not rows[0][1] else []))
    assert result.code == 0, result.err
    write_tsv(workplace / "test.tsv", rows)
    result = cli("eval", "run", "test.tsv", "--json")
    assert result.code == 0, result.err
    assert json.loads(result.out)["n"] == len(rows)


def test_with_very_many_classes_there_is_no_linear_model_and_a_line_says_so(cli: Cli, workplace: Path) -> None:
    write_tsv(workplace / "train.tsv", [(f"class{number % 201}", f"word{number % 201}") for number in range(603)])
    result = cli(*TRAIN, "run", *sets("train.epochs=1", "train.folds=1"))
    assert result.code == 0, result.err
    assert "no linear model: 201 classes are more than 200" in result.err
    assert json.loads(Path("run/model/decision.json").read_text())["linear"] is False
    assert all(line["dev_linear_accuracy"] is None for line in history_of(Path("run")))


@pytest.mark.parametrize("is_recorded", [True, False])
def test_fewer_folds_and_more_epochs_are_one_message(is_recorded: bool, cli: Cli, run: Path) -> None:
    config = run / "config.yaml"
    config.write_text(re.sub(r"folds: \d+", "folds: 2", config.read_text()).replace("  epochs: 2", "  epochs: 3"))
    if not is_recorded:  # environment.json was damaged
        file = run / "environment.json"
        content = json.loads(file.read_text())
        file.write_text(json.dumps({key: value for key, value in content.items() if key != "config"}))
    result = cli("train", "--resume", "--run-dir", run)
    assert result.code == 1
    assert "a resumed run keeps its config, but the one given differs in: train.folds" in result.err.splitlines()[-1]
