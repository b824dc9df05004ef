"""What has read a test set is found in the record, whatever its keys are called today."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scripts.accuracy import record
from scripts.accuracy.programs import DEFAULTS, programs
from scripts.accuracy.record import has_read, readings, recipe_of
from scripts.accuracy.tasks import TASKS, Task
from textrnn.config import Config

NOT_YET = pytest.mark.xfail(
    reason="defaults changed since it was read; `make accuracy` is to read it anew", strict=True
)
READ = {"thucnews_accurate", "imdb", "online_shopping_category", "online_shopping_sentiment", "mr"}  # as it is today


@pytest.mark.parametrize(
    "task", [pytest.param(task, id=task.recipe, marks=[] if task.recipe in READ else NOT_YET) for task in TASKS]
)
def test_shipped_recipes_have_read_their_test_sets(task: Task) -> None:
    """Where this fails after a key was renamed, a `same_as` line is missing; after another change, readings are old."""
    with_defaults = any((reading["task"], reading["program"]) == (task.name, DEFAULTS) for reading in readings())
    for name, seed, recipe, _ in programs(task):
        if name != "fastText" and (name != DEFAULTS or with_defaults):
            assert has_read(task.name, name, seed, recipe), (name, seed)


def test_another_recipe_has_not_read_them() -> None:
    assert not has_read("MR", DEFAULTS, 1, recipe_of({"train": {"epochs": 7}}))


def test_a_recipe_is_known_by_the_keys_that_it_states() -> None:
    one = recipe_of({"model": {"cell": "gru", "ngrams": 1}, "train": {"epochs": 7}})

    assert recipe_of({"train": {"epochs": 7}, "model": {"ngrams": 1, "cell": "gru"}}) == one
    assert recipe_of({"train": {"epochs": 8}, "model": {"ngrams": 1, "cell": "gru"}}) != one
    assert recipe_of({"train": {"epochs": 7}, "model": {"ngrams": 1}}) != one


def test_a_change_of_a_default_makes_other_recipes_of_those_that_it_concerns(monkeypatch: pytest.MonkeyPatch) -> None:
    def concerns(config: Config, stated: set[str]) -> bool:
        return config.model.ngrams > 1 and "model.ngram_dim" not in stated

    concerned, others = {"model": {"ngrams": 2}}, [{"model": {"ngrams": 1}}, {"model": {"ngram_dim": 8}}]
    monkeypatch.setattr(record, "CHANGES", {"vectors of n-grams have 32 numbers": concerns})
    with_it = [recipe_of(each) for each in (concerned, *others)]
    monkeypatch.setattr(record, "CHANGES", {})
    without_it = [recipe_of(each) for each in (concerned, *others)]

    assert [one == other for one, other in zip(with_it, without_it, strict=True)] == [False, True, True]


@pytest.mark.parametrize(
    ("stated", "concerned"),
    [
        ({"model": {"ngrams": 1, "rare_dim": None}}, False),
        ({"preset": "plain"}, False),
        ({"model": {"ngrams": 1, "pretrained": "v.txt"}}, False),
        ({"model": {"ngrams": 1}}, True),
        ({"model": {"rare_dim": None}}, True),  # n-grams that occur twice have no vectors
        ({"preset": "plain", "model": {"ngrams": 2}}, True),
    ],
)
def test_narrow_vectors_and_rare_ngrams_concern_the_recipes_that_have_them(
    stated: dict[str, Any], concerned: bool
) -> None:
    *_, change = record.CHANGES.values()
    names = {f"model.{key}" for key in stated.get("model", {})}
    assert change(Config.model_validate(stated), names) is concerned


def test_readings_of_a_recipe_that_is_the_same_as_another_count_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "RECORD", tmp_path / "record.jsonl")
    record.add({"task": "MR", "program": DEFAULTS, "seed": 1, "recipe": record.digest("old")})
    assert not has_read("MR", DEFAULTS, 1, "new")

    record.add({"recipe": record.digest("old"), "same_as": record.digest("new"), "why": "a key was renamed"})

    assert has_read("MR", DEFAULTS, 1, "new")
    assert not has_read("MR", DEFAULTS, 2, "new")


def test_defaults_are_those_of_the_last_entry_of_changes() -> None:
    """Where this fails because a default has changed, add to CHANGES, unless nothing changes for recipes; then put the
    new digest here."""
    defaults = [Config.model_validate({"preset": preset}).model_dump() for preset in ("best", "plain")]
    assert (list(record.CHANGES)[-1], record.digest(json.dumps(defaults, sort_keys=True))) == (
        "vectors of rare tokens have 32 numbers, those of n-grams 16; n-grams occur three times",
        "896b82f9eac5",
    )
