"""What has read a test set is found in the record, whatever its keys are called today."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from scripts.accuracy.programs import DEFAULTS, programs
from scripts.accuracy.record import ADDED, RENAMED, has_read, readings, recorded_yaml
from scripts.accuracy.tasks import TASKS, Task
from textrnn.config import Config, known_keys

NOT_YET = pytest.mark.xfail(reason="n-grams and linear model changed; `make accuracy` is to read it anew", strict=True)
READ = {"mr"}  # with today's n-grams and linear model


@pytest.mark.parametrize(
    "task", [pytest.param(task, id=task.recipe, marks=[] if task.recipe in READ else NOT_YET) for task in TASKS]
)
def test_shipped_recipes_have_read_their_test_sets(task: Task) -> None:
    """Where this fails after a key was renamed, RENAMED lacks it; after another change, readings are out of date."""
    with_defaults = any((reading["task"], reading["program"]) == (task.name, DEFAULTS) for reading in readings())
    for name, seed, recipe, _ in programs(task):
        if name != "fastText" and (name != DEFAULTS or with_defaults):
            assert has_read(task.name, name, seed, recipe), (name, seed)


def test_another_recipe_has_not_read_them() -> None:
    assert not has_read("MR", DEFAULTS, 1, recorded_yaml(Config.model_validate({"train": {"epochs": 7}})))


def test_every_key_is_written_under_the_name_first_recorded() -> None:
    tree = yaml.safe_load(recorded_yaml(Config()))
    written = [f"{section}.{key}" for section, keys in tree.items() for key in keys]
    assert sorted(written) == sorted(RENAMED.get(key, key) for key in known_keys() if key not in ADDED)


def test_a_new_key_makes_another_recipe_only_where_it_changes_something() -> None:
    changed = recorded_yaml(Config.model_validate({"data": {"delimiter": ";"}}))
    assert yaml.safe_load(changed)["data"]["delimiter"] == ";"


def test_the_order_of_the_keys_in_the_config_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    def turned_round(config: Config) -> dict[str, Any]:
        return {
            section: keys if section == "preset" else dict(reversed(keys.items()))
            for section, keys in reversed(in_order(config).items())
        }

    before, in_order = recorded_yaml(Config()), Config.model_dump
    monkeypatch.setattr(Config, "model_dump", turned_round)
    assert list(Config().model_dump()) != list(in_order(Config()))
    assert recorded_yaml(Config()) == before
