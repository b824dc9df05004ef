"""Each test set is read once by a recipe and seed, and the record says so."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from scripts.bench import accuracy
from scripts.bench.accuracy import LINEAR, Program, digest, judge, on_train_and_dev, page, readings
from scripts.bench.tasks import TASKS
from textrnn.config import DataConfig, load_config, parse_override

TRUTH = ["a", "b"] * 10


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The programs that have read the test set, in this order."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(accuracy, "RECORD", tmp_path / "accuracy.jsonl")
    return []


def programs(read: list[str], recipe: str = "one") -> list[Program]:
    def labels(name: str, wrong: int) -> list[str]:
        read.append(name)
        return ["b"] * wrong + TRUTH[wrong:]

    ours = Program("ours", 1, recipe, lambda: labels("ours", 2))
    return [Program(LINEAR, 0, "1", lambda: labels("linear", 20)), ours]


def test_a_test_set_is_read_once_by_a_recipe_and_seed(read: list[str]) -> None:
    judge(TASKS[0], TRUTH, programs(read), again=False)
    judge(TASKS[0], TRUTH, programs(read), again=False)
    assert read == ["linear", "ours"]
    judge(TASKS[0], TRUTH, programs(read, "another"), again=False)
    assert read == ["linear", "ours", "ours"]
    judge(TASKS[0], TRUTH, programs(read), again=True)
    assert read == ["linear", "ours", "ours", "linear", "ours"]
    assert len(readings()) == 5


def test_a_reading_is_compared_with_the_linear_model_s(read: list[str]) -> None:
    judge(TASKS[0], TRUTH, programs(read), again=False)
    linear, ours = readings()
    assert (linear["accuracy"], linear["p"]) == (0.5, None)
    assert (ours["accuracy"], ours["right_more"]) == (0.95, 9)
    assert ours["p"] == pytest.approx(2 / 2**9)
    judge(TASKS[0], TRUTH, programs(read, "another"), again=False)
    assert readings()[-1]["p"] == ours["p"]  # its labels were kept


def test_a_recipe_of_a_new_name_has_read_what_the_old_one_has(read: list[str]) -> None:
    judge(TASKS[0], TRUTH, programs(read), again=False)
    with accuracy.RECORD.open("a") as stream:
        stream.write(json.dumps({"recipe": digest("renamed"), "same_as": digest("one")}) + "\n")
    judge(TASKS[0], TRUTH, programs(read, "renamed"), again=False)
    assert read == ["linear", "ours"]
    assert len(readings()) == 2


def test_the_linear_model_trains_again_where_its_labels_are_lost(read: list[str]) -> None:
    judge(TASKS[0], TRUTH, programs(read), again=False)
    shutil.rmtree("labels")
    judge(TASKS[0], TRUTH, programs(read, "another"), again=False)
    assert read == ["linear", "ours", "linear", "ours"]
    assert readings()[-1]["p"] == readings()[1]["p"]
    assert len(readings()) == 3


def test_the_page_shows_the_last_reading(read: list[str]) -> None:
    record = {
        "task": "MR", "program": "ours", "seed": 1, "recipe": "x", "seconds": 5.0,
        "machine": "here", "accuracy": 0.5, "macro_f1": 0.25, "interval": [0.4, 0.6], "p": 0.03, "right_more": -2,
    }  # fmt: skip
    lines = [json.dumps(record), json.dumps({**record, "accuracy": 0.75})]
    accuracy.RECORD.write_text("\n".join(lines) + "\n")
    assert "| ours | 1 | 2 | 75.0 % | 25.0 % | 40.0 to 60.0 | - 0.03 | 5.00 |" in page(readings())
    assert "50.0 %" not in page(readings())


@pytest.mark.parametrize(("dev", "train"), [(None, "a.tsv"), ("b.tsv", ["a.tsv", "b.tsv"])])
def test_a_recipe_trains_on_dev_too(dev: str | None, train: str | list[str]) -> None:
    words = [str(word) for word in on_train_and_dev(DataConfig(train="a.tsv", dev=dev))]
    assert set(words[::2]) == {"--set"}
    given = [("data.train", "a.tsv"), ("data.dev", dev), *map(parse_override, words[1::2])]
    data = load_config(None, given).data
    assert (data.train, data.dev, data.dev_fraction) == (train, None, 0)
