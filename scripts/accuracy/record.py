"""The record of every evaluation on a test set (docs/explanation/accuracy.jsonl), and the names of recipes in it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection
from typing import Any

import yaml

from scripts.bench.corpora import ROOT
from textrnn.config import Config

RECORD = ROOT / "docs" / "explanation" / "accuracy.jsonl"

# Changes of defaults, since recipes are known by the keys that they state. Each applies to the recipes for which its
# function is true: they become other recipes, and must be evaluated again. A new key whose default is what
# the program did before is no change. If a key is renamed, a `same_as` line of the record names the new recipe.
CHANGES: dict[str, Callable[[Config, set[str]], bool]] = {
    "vectors of n-grams have 32 numbers": lambda config, stated: (
        config.model.ngrams > 1 and "model.ngram_dim" not in stated
    ),
    "vectors of rare tokens have 32 numbers, those of n-grams 16; n-grams occur three times": lambda config, stated: (
        config.model.ngrams > 1
        or (config.model.rare_dim is not None and config.model.pretrained is None and "model.rare_dim" not in stated)
    ),
    "an LSTM of 64 units or more trains in bfloat16 where that is faster": lambda config, stated: (
        config.train.precision == "auto" and config.model.cell == "lstm" and config.model.hidden_size >= 64
    ),
    "the cell is an LSTM, of 64 units": lambda config, stated: (
        config.model.architecture != "tdnn" and ("model.cell" not in stated or "model.hidden_size" not in stated)
    ),
}


def recipe_of(stated: dict[str, Any]) -> str:
    """All that decides the result, besides the seed and the program: the keys that a config states, and the changes of
    defaults that apply to it."""
    config = Config.model_validate(stated)
    names = {f"{section}.{key}" for section, keys in stated.items() if isinstance(keys, dict) for key in keys}
    changes = [name for name, applies in CHANGES.items() if applies(config, names)]
    return yaml.safe_dump({"stated": stated, "changes": changes}, allow_unicode=True)  # keys in alphabetical order


def digest(recipe: str) -> str:
    """The name of a recipe in the record."""
    return hashlib.sha256(recipe.encode()).hexdigest()[:12]


def lines() -> list[dict[str, Any]]:
    """All lines: evaluations, and `same_as` lines."""
    return [json.loads(line) for line in RECORD.read_text(encoding="utf-8").splitlines()] if RECORD.exists() else []


def evaluations() -> list[dict[str, Any]]:
    """All evaluations; a renamed recipe has its new name."""
    renamed = new_names()
    return [line | {"recipe": renamed.get(line["recipe"], line["recipe"])} for line in lines() if "same_as" not in line]


def newest(evaluations: list[dict[str, Any]], tasks: Collection[str]) -> dict[tuple[str, str, int], dict[str, Any]]:
    """(task, program, seed) -> the last evaluation, of these tasks and by the recipe that the program has now."""
    lines = [line for line in evaluations if line["task"] in tasks]
    recipes = {line["program"]: line["recipe"] for line in lines}
    return {
        (line["task"], line["program"], line["seed"]): line
        for line in lines if line["recipe"] == recipes[line["program"]]
    }  # fmt: skip


def new_names() -> dict[str, str]:
    return {line["recipe"]: line["same_as"] for line in lines() if "same_as" in line}


def add(evaluation: dict[str, Any]) -> None:
    with RECORD.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(evaluation, ensure_ascii=False) + "\n")


def is_recorded(task: str, program: str, seed: int, recipe: str) -> bool:
    """Whether an evaluation of a program with this recipe (or one of its other names) and seed is recorded."""
    key = (task, program, seed, new_names().get(digest(recipe), digest(recipe)))
    return any((line["task"], line["program"], line["seed"], line["recipe"]) == key for line in evaluations())
