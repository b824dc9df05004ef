"""Each test set is read once by a recipe and seed, and the record says so."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from scripts.accuracy import record
from scripts.accuracy.__main__ import evaluate
from scripts.accuracy.programs import LINEAR, Program
from scripts.accuracy.record import digest, readings
from scripts.accuracy.tasks import TASKS
from scripts.bench.rivals.corpus import Labelled

TRUTH = ["a", "b"] * 10
PARTS = {"test": Labelled(TRUTH, [""] * len(TRUTH))}


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The programs that have read the test set, in this order."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(record, "RECORD", tmp_path / "accuracy.jsonl")
    return []


def programs(read: list[str], recipe: str = "one") -> list[Program]:
    def labels(name: str, wrong: int) -> list[str]:
        read.append(name)
        return ["b"] * wrong + TRUTH[wrong:]

    ours = Program("ours", 1, recipe, lambda parts: labels("ours", 2))
    return [Program(LINEAR, 0, "1", lambda parts: labels("linear", 20)), ours]


def test_a_test_set_is_read_once_by_a_recipe_and_seed(read: list[str]) -> None:
    evaluate(TASKS[0], PARTS, programs(read), again=False)
    evaluate(TASKS[0], PARTS, programs(read), again=False)
    assert read == ["linear", "ours"]
    evaluate(TASKS[0], PARTS, programs(read, "another"), again=False)
    assert read == ["linear", "ours", "ours"]
    evaluate(TASKS[0], PARTS, programs(read), again=True)
    assert read == ["linear", "ours", "ours", "linear", "ours"]
    assert len(readings()) == 5


def test_a_reading_is_compared_with_the_linear_model_s(read: list[str]) -> None:
    evaluate(TASKS[0], PARTS, programs(read), again=False)
    linear, ours = readings()
    assert (linear["accuracy"], linear["p"]) == (0.5, None)
    assert (ours["accuracy"], ours["right_more"]) == (0.95, 9)
    assert ours["p"] == pytest.approx(2 / 2**9)
    evaluate(TASKS[0], PARTS, programs(read, "another"), again=False)
    assert readings()[-1]["p"] == ours["p"]  # its labels were kept


def test_a_recipe_of_a_new_name_has_read_what_the_old_one_has(read: list[str]) -> None:
    evaluate(TASKS[0], PARTS, programs(read), again=False)
    with record.RECORD.open("a") as stream:
        stream.write(json.dumps({"recipe": digest("renamed"), "same_as": digest("one")}) + "\n")
    evaluate(TASKS[0], PARTS, programs(read, "renamed"), again=False)
    assert read == ["linear", "ours"]
    assert len(readings()) == 2


def test_the_linear_model_trains_again_where_its_labels_are_lost(read: list[str]) -> None:
    evaluate(TASKS[0], PARTS, programs(read), again=False)
    shutil.rmtree("labels")
    evaluate(TASKS[0], PARTS, programs(read, "another"), again=False)
    assert read == ["linear", "ours", "linear", "ours"]
    assert readings()[-1]["p"] == readings()[1]["p"]
    assert len(readings()) == 3
