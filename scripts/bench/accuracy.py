"""`python -m scripts.bench.accuracy [TASK]...`: how right the recipes are beside linear models, into docs/accuracy.md.

Everything that can be chosen is chosen on dev. Each reading of a test set is recorded in docs/accuracy.jsonl, and a
second one by the same recipe and seed is refused without --again.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import os
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from scripts.bench import judging
from scripts.bench.corpora import ROOT, WORK, Missing, write_texts
from scripts.bench.linear import C, fasttext_labels, svc_labels
from scripts.bench.machine import describe
from scripts.bench.rivals.corpus import Labelled, read_texts
from scripts.bench.tables import Table, markdown, number, percent
from scripts.bench.tasks import TASKS, Task, config_of, prepare, splits
from scripts.bench.timing import environment, run_program, textrnn
from textrnn.config import Config, DataConfig

RECORD, PAGE = ROOT / "docs" / "accuracy.jsonl", ROOT / "docs" / "accuracy.md"
LINEAR = "TF-IDF + LinearSVC"
PREFACE = """\
# Accuracy

Written by `make accuracy`, which trains each row and records every reading of a test set in `accuracy.jsonl`; a row
that has been read is not read again. Whatever can be chosen was chosen on dev, the corpus's own or a part of train:
the keys of a recipe (`experiments.md`), C of the linear SVC, fastText's learning rate and epochs. With these each of
them trains once more on train and dev together, a recipe for all of its epochs. The defaults are what one gets who
writes file names and nothing else: they train on train and keep the epoch that is best on dev. The recipes of MR and
20 Newsgroups were chosen on other parts of train than the one the linear models choose by: 30 %, and the last fifth by
number. No text from outside the files, no pretrained vectors. 95 %: bootstrap over the test texts. p: McNemar's exact
test of accuracy against the linear SVC on the same texts, + where more of them are right, - where fewer. Reading: how
often the test set has been read by this program and seed, with earlier recipes or defaults too, whose lines are in the
record; p knows of one only."""


class Program(NamedTuple):
    """recipe: whatever, beside the seed, decides what comes out. labels: trains, and labels the test texts."""

    name: str
    seed: int
    recipe: str
    labels: Callable[[], list[str]]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m scripts.bench.accuracy", description=__doc__)
    names = [task.recipe for task in TASKS]
    parser.add_argument("tasks", nargs="*", choices=[*names, []], metavar="TASK", help=", ".join(names))
    parser.add_argument("--again", action="store_true", help="read test sets again")
    options = parser.parse_args()
    os.environ.update(environment())
    try:
        os.chdir(prepare(WORK / "accuracy"))
    except Missing as reason:
        raise SystemExit(f"error: {reason}") from None
    for task in TASKS:
        if not options.tasks or task.recipe in options.tasks:
            parts = splits(config_of(task))
            judge(task, parts["test"].labels, programs(task, parts), again=options.again)
    PAGE.write_text(page(readings()), encoding="utf-8")


def programs(task: Task, parts: dict[str, Labelled]) -> list[Program]:
    """The linear SVC, which the others are compared with, comes first."""
    file, config = ROOT / "configs" / f"{task.recipe}.yaml", config_of(task)
    files = write_plain(Path("plain") / task.recipe, parts)
    defaults = ["--data", files["train"], *setting("data.dev", files["dev"]), *setting("data.test", files["test"])]
    found = [Program(LINEAR, 0, repr(C), partial(svc_labels, parts, task.unit))]
    if importlib.util.find_spec("fasttext") is None:
        print("fastText is left out: it is not installed (pip install -e '.[bench]')")
    else:
        found.append(Program("fastText", 0, "2", partial(fasttext_labels, parts, task.unit)))
    found.append(
        Program("textrnn, defaults", 1, Config().to_yaml(), partial(our_labels, f"{task.recipe}-defaults", defaults))
    )
    for seed in range(1, task.seeds + 1):
        words = ["--config", file, *setting("train.seed", seed), *on_train_and_dev(config.data)]
        labels = partial(our_labels, f"{task.recipe}-{seed}", words)
        found.append(Program(f"textrnn, {file.name}", seed, config.to_yaml() + "and on dev", labels))
    return found


def judge(task: Task, truth: list[str], programs: list[Program], *, again: bool) -> None:
    """Read the test set once by each program that has not read it yet."""
    names = sorted(set(truth))
    (true,) = judging.coded(names, truth)
    same = {line["recipe"]: line["same_as"] for line in lines() if "same_as" in line}
    done = {
        (reading["task"], reading["program"], reading["seed"], same.get(reading["recipe"], reading["recipe"]))
        for reading in readings()
    }
    linear: np.ndarray | None = None
    for program in programs:
        recipe = digest(program.recipe)
        what = f"{task.name}: {program.name}, seed {program.seed}"
        kept = Path("labels") / f"{task.recipe} {program.name} {program.seed} {recipe}.txt"
        begin = time.perf_counter()
        if (task.name, program.name, program.seed, same.get(recipe, recipe)) in done and not again:
            print(f"{what}: has read the test set; --again reads it once more", flush=True)
            found = None
            if program.name == LINEAR:  # what the others are compared with
                (found,) = judging.coded(names, read_texts(kept) if kept.exists() else program.labels())
        else:
            (found,) = judging.coded(names, program.labels())
            seconds = time.perf_counter() - begin
            kept.parent.mkdir(exist_ok=True)
            write_texts(kept, [names[label] for label in found])
            record = {
                "task": task.name, "program": program.name, "seed": program.seed,
                "recipe": recipe, "seconds": round(seconds, 1), "machine": describe(), "commit": commit(),
                **measured(task, true, found, linear, len(names)),
            }  # fmt: skip
            with RECORD.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(record, ensure_ascii=False) + "\n")
            print(
                f"{what}: accuracy {record['accuracy']:.4f}, macro-F1 {record['macro_f1']:.4f}, {seconds:.0f} s",
                flush=True,
            )
        if program.name == LINEAR:
            linear = found


def digest(recipe: str) -> str:
    """What stands for a recipe in the record."""
    return hashlib.sha256(recipe.encode()).hexdigest()[:12]


def measured(
    task: Task, true: np.ndarray, found: np.ndarray, linear: np.ndarray | None, classes: int
) -> dict[str, float | list[float] | None]:
    """right_more: texts that are right beyond those of the linear model."""
    return {
        "accuracy": judging.accuracy(true, found),
        "macro_f1": judging.macro_f1(true, found, classes),
        "interval": list(judging.interval(true, found, task.measure, classes)),
        "p": None if linear is None else judging.better_by_chance(true, found, linear),
        "right_more": None if linear is None else int((found == true).sum() - (linear == true).sum()),
    }


def setting(key: str, value: object) -> list[object]:
    return ["--set", f"{key}={value}"]


def on_train_and_dev(data: DataConfig) -> list[object]:
    """What makes a recipe train on dev too."""
    if data.dev is None:
        return setting("data.dev_fraction", 0)
    files = [name for part in (data.train, data.dev) for name in ([part] if isinstance(part, str) else part or [])]
    return [
        *setting("data.train", f"[{', '.join(files)}]"), *setting("data.dev", "null"), *setting("data.dev_fraction", 0)
    ]  # fmt: skip


def our_labels(name: str, words: list[object]) -> list[str]:
    run = Path("runs") / name
    run_program(textrnn("train", *words, "--run-dir", run, "--force"))
    run_program(textrnn("eval", run))
    header, *rows = read_texts(run / "eval" / "test" / "predictions.tsv")
    column = header.split("\t").index("predicted")
    return [row.split("\t")[column] for row in rows]


def write_plain(folder: Path, parts: dict[str, Labelled]) -> dict[str, Path]:
    """`label<TAB>text` files of each part."""
    folder.mkdir(parents=True, exist_ok=True)
    return {
        name: write_texts((folder / f"{name}.tsv").absolute(), list(map("\t".join, zip(*part, strict=True))))
        for name, part in parts.items()
    }


def readings() -> list[dict[str, Any]]:
    return [line for line in lines() if "same_as" not in line]


def lines() -> list[dict[str, Any]]:
    """Readings, and for recipes that changed in nothing but their name, as a config does that gets a new key with the
    value it had in effect, the one they are the same as."""
    return [json.loads(line) for line in RECORD.read_text(encoding="utf-8").splitlines()] if RECORD.exists() else []


def commit() -> str:
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def page(found: list[dict[str, Any]]) -> str:
    """The last reading of each task, program and seed."""
    places = [(reading["task"], reading["program"], reading["seed"]) for reading in found]
    last, times = dict(zip(places, found, strict=True)), Counter(places)
    sections = [PREFACE]
    for task in TASKS:
        rows = [reading for (name, _, _), reading in last.items() if name == task.name]
        table = Table(
            f"{task.name} (judged by {task.measure})",
            [
                "program", "seed", "reading", "accuracy", "macro-F1", f"95 % of {task.measure}", "p",
                "training and test, s",
            ],
        )  # fmt: skip
        for row in rows:
            low, high = row["interval"]
            chance = "" if row["p"] is None else f"{'+' if row['right_more'] > 0 else '-'} {row['p']:.2g}"
            reading = times[task.name, row["program"], row["seed"]]
            table.add(
                row["program"], str(row["seed"]), str(reading), percent(row["accuracy"]), percent(row["macro_f1"]),
                f"{100 * low:.1f} to {100 * high:.1f}", chance, number(row["seconds"]),
            )  # fmt: skip
        if rows:
            sections += [
                markdown(table),
                f"`make accuracy ONLY={task.recipe}`: {rows[-1]['machine']}.",
            ]
    return "\n\n".join(sections) + "\n"


if __name__ == "__main__":
    main()
