"""`python -m scripts.accuracy [TASK]...`: accuracy of the recipes and of linear models, written to docs/accuracy.md.

Everything that can be chosen is chosen on dev. Each reading of a test set is recorded in docs/accuracy.jsonl, and a
second one by the same recipe and seed is refused without --again.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import time
from pathlib import Path
from typing import Any

from scripts.accuracy import record
from scripts.accuracy.page import results, small_results
from scripts.accuracy.programs import Program, programs, small_programs
from scripts.accuracy.scores import calibration_error, scores
from scripts.accuracy.tasks import SMALL, TASKS, Parts, Task, config_of, prepare, splits
from scripts.bench.corpora import ROOT, WORK, Missing, write_texts
from scripts.bench.report import describe, put
from scripts.bench.rivals.corpus import read_texts
from scripts.bench.timing import environment


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m scripts.accuracy", description=__doc__)
    names = ["small", *(task.recipe for task in TASKS)]
    parser.add_argument("tasks", nargs="*", choices=[*names, []], metavar="TASK", help=", ".join(names))
    parser.add_argument("--again", action="store_true", help="read test sets again")
    parser.add_argument("--seed", type=int, action="append", help="of small tasks: this one alone; may be repeated")
    options = parser.parse_args()
    os.environ.update(environment())
    try:
        os.chdir(prepare(WORK / "accuracy"))
    except Missing as reason:
        raise SystemExit(f"error: {reason}") from None
    if not options.tasks or "small" in options.tasks:
        evaluate_small(again=options.again, seeds=options.seed)
    for task in TASKS:
        if not options.tasks or task.recipe in options.tasks:
            evaluate(task, splits(config_of(task)), programs(task), again=options.again)
            put(ROOT / "docs" / "accuracy.md", "results", results(record.readings()))


def evaluate(task: Task, parts: Parts, programs: list[Program], *, again: bool) -> None:
    """Each program reads the test set unless it has done so; the others are compared with the first one."""
    linear: list[str] | None = None
    for program in programs:
        name, seed, recipe, labels = program
        what = f"{task.name}: {name}, seed {seed}"
        if record.has_read(task.name, name, seed, recipe) and not again:
            print(f"{what}: has read the test set; --again reads it once more", flush=True)
            continue
        if program is not programs[0] and linear is None:
            kept = labels_file(task, programs[0])
            linear = read_texts(kept) if kept.exists() else programs[0].labels(parts)
            write_texts(kept, linear)
        begin = time.perf_counter()
        found = labels(parts)
        seconds = time.perf_counter() - begin
        write_texts(labels_file(task, program), found)
        keep_reading(task.name, name, seed, recipe, seconds, scores(parts["test"].labels, found, linear, task.measure))
        if program is programs[0]:
            linear = found


def evaluate_small(*, again: bool, seeds: list[int] | None = None) -> None:
    """As `evaluate`, on the twelve small tasks, seed after seed; what has been read is kept, so that it can be stopped
    and continued. seeds: those to read, or all."""
    runs = [(task, *each) for task in SMALL for each in small_programs(task)]
    for task, name, seed, recipe, predict in sorted(runs, key=lambda run: run[2]):
        if (seeds and seed not in seeds) or (record.has_read(task.in_record, name, seed, recipe) and not again):
            continue
        folds = task.folds()
        begin = time.perf_counter()
        parts = [predict(train, test.texts) for train, test in folds]
        seconds = time.perf_counter() - begin
        found = [label for part in parts for label in part.labels]
        probabilities = [each for part in parts for each in part.probabilities or []]
        truth = [label for _, test in folds for label in test.labels]
        error = {"calibration_error": calibration_error(truth, found, probabilities) if probabilities else None}
        keep_reading(task.in_record, name, seed, recipe, seconds, scores(truth, found, None, "accuracy") | error)
        put(ROOT / "docs" / "accuracy.md", "small", small_results(record.readings()))


def keep_reading(task: str, program: str, seed: int, recipe: str, seconds: float, found: dict[str, Any]) -> None:
    record.add({
        "task": task, "program": program, "seed": seed, "recipe": record.digest(recipe),
        "seconds": round(seconds, 1), "machine": describe(), "commit": commit(), **found,
    })  # fmt: skip
    print(
        f"{task}: {program}, seed {seed}: accuracy {found['accuracy']:.4f}, macro-F1 {found['macro_f1']:.4f}, "
        f"{seconds:.0f} s", flush=True,
    )  # fmt: skip


def labels_file(task: Task, program: Program) -> Path:
    """Where a program's labels of the test texts are kept, one a line."""
    Path("labels").mkdir(exist_ok=True)
    return Path("labels") / f"{task.recipe} {program.name} {program.seed} {record.digest(program.recipe)}.txt"


def commit() -> str:
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    main()
