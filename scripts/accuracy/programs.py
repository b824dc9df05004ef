"""The programs that are compared on a task: a linear SVC, fastText, textrnn's defaults and the shipped recipe."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from scripts.accuracy.linear import C, fasttext_labels, svc_labels
from scripts.accuracy.record import recipe_of
from scripts.accuracy.tasks import Parts, Task, config_file, config_of
from scripts.bench.corpora import write_texts
from scripts.bench.rivals.corpus import read_texts
from scripts.bench.timing import run_program, textrnn
from textrnn.config import Config, read_yaml

LINEAR = "TF-IDF + LinearSVC"
DEFAULTS = "textrnn, defaults"


class Program(NamedTuple):
    """recipe: whatever decides the result, besides the seed. labels: trains, and labels the test texts."""

    name: str
    seed: int
    recipe: str
    labels: Callable[[Parts], list[str]]


def programs(task: Task) -> list[Program]:
    """The linear SVC, which the others are compared with, comes first."""
    config = config_of(task)
    found = [Program(LINEAR, 0, repr(C), partial(svc_labels, task.unit))]
    if importlib.util.find_spec("fasttext") is None:
        print("fastText is left out: it is not installed (pip install -e '.[bench]')")
    else:
        found.append(Program("fastText", 0, "2", partial(fasttext_labels, task.unit)))
    found.append(Program(DEFAULTS, 1, recipe_of({}), partial(labels_by_defaults, task)))
    recipe = recipe_of(read_yaml(config_file(task))) + "and on dev" + (" but for a tenth" if held_out(config) else "")
    for seed in range(1, task.seeds + 1):
        labels = partial(labels_by_recipe, task, config, seed)
        found.append(Program(f"textrnn, {task.recipe}.yaml", seed, recipe, labels))
    return found


def labels_by_defaults(task: Task, parts: Parts) -> list[str]:
    """The defaults are given nothing but the names of three `label<TAB>text` files."""
    folder = Path("plain", task.recipe).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        name: write_texts(folder / f"{name}.tsv", list(map("\t".join, zip(*part, strict=True))))
        for name, part in parts.items()
    }
    words = ["--data", files["train"], *setting("data.dev", files["dev"]), *setting("data.test", files["test"])]
    return our_labels(f"{task.recipe}-defaults", words)


def labels_by_recipe(task: Task, config: Config, seed: int, parts: Parts) -> list[str]:
    words = ["--config", config_file(task), *setting("train.seed", seed)]
    return our_labels(f"{task.recipe}-{seed}", [*words, *on_train_and_dev(config)])


class Predicted(NamedTuple):
    """labels (n,) of the test texts; probabilities (n,) of these labels, or None if the program gives none."""

    labels: list[str]
    probabilities: list[float] | None = None


def our_labels(name: str, words: list[object]) -> list[str]:
    return our_predictions(name, words).labels


def our_predictions(name: str, words: list[object]) -> Predicted:
    run = Path("runs") / name
    run_program(textrnn("train", *words, "--run-dir", run, "--force"))
    run_program(textrnn("eval", run))
    header, *rows = read_texts(run / "eval" / "test" / "predictions.tsv")
    label, probability = (header.split("\t").index(column) for column in ("predicted", "probability"))
    columns = [row.split("\t") for row in rows]
    return Predicted([row[label] for row in columns], [float(row[probability]) for row in columns])


def held_out(config: Config) -> float:
    """The share of train and dev from which a recipe learns how network and linear model decide."""
    return 0.1 if config.model.linear == "mix" else 0.0


def on_train_and_dev(config: Config) -> list[object]:
    """What makes a recipe train on dev too."""
    data, share = config.data, setting("data.dev_fraction", held_out(config))
    if data.dev is None:
        return share
    files = [name for part in (data.train, data.dev) for name in ([part] if isinstance(part, str) else part or [])]
    together = setting("data.train", f"[{', '.join(files)}]")
    return [*together, *setting("data.dev", "null"), *share]


def setting(key: str, value: object) -> list[object]:
    return ["--set", f"{key}={value}"]
