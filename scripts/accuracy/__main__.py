"""`python -m scripts.accuracy [TASK]...`: accuracy of the recipes and of linear models.

Everything that can be chosen is chosen on dev. Each evaluation on a test set is recorded in
docs/explanation/accuracy.jsonl, and a second one by the same recipe and seed is refused without --again. The results
are written to docs/explanation/accuracy.md.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from scripts.accuracy import record
from scripts.accuracy.curve import draw
from scripts.accuracy.few import FEW, FewTask, few_accuracies, few_programs, few_results
from scripts.accuracy.page import results, small_results
from scripts.accuracy.programs import Program, programs, small_programs
from scripts.accuracy.scores import calibration_error, scores
from scripts.accuracy.tasks import SMALL, TASKS, Parts, SmallTask, Task, config_of, prepare, splits
from scripts.bench.corpora import ROOT, WORK, Missing, write_texts
from scripts.bench.report import describe, put
from scripts.bench.rivals.corpus import read_texts
from scripts.bench.timing import environment

PAGE = ROOT / "docs" / "explanation" / "accuracy.md"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m scripts.accuracy", description=__doc__)
    names = ["small", "few", *(task.recipe for task in TASKS)]
    parser.add_argument("tasks", nargs="*", choices=[*names, []], metavar="TASK", help=", ".join(names))
    parser.add_argument("--again", action="store_true", help="evaluate on the test sets again")
    parser.add_argument("--seed", type=int, action="append", help="of small tasks: this one alone; may be repeated")
    options = parser.parse_args()
    chosen = options.tasks or names
    os.environ.update(environment())
    try:
        os.chdir(prepare(WORK / "accuracy"))
    except Missing as reason:
        raise SystemExit(f"error: {reason}") from None
    if "small" in chosen:
        runs = [(task, program) for task in SMALL for program in small_programs(task)]
        runs.sort(key=lambda run: run[1].seed)
        evaluate_drawn(runs, "small", small_results, again=options.again, seeds=options.seed)
    if "few" in chosen:
        runs_of_few = [(task, program) for task in FEW for program in few_programs(task)]
        runs_of_few.sort(key=lambda run: (run[0].draw, run[0].labels))
        evaluate_drawn(runs_of_few, "few", few_results, again=options.again, seeds=None)
        draw(few_accuracies(record.evaluations()), ROOT / "docs" / "pictures" / "few-labels.png")
    for task in TASKS:
        if task.recipe in chosen:
            evaluate(task, splits(config_of(task)), programs(task), again=options.again)
            put(PAGE, "results", results(record.evaluations()))


def evaluate(task: Task, parts: Parts, programs: list[Program], *, again: bool) -> None:
    """Evaluate each program that is not recorded yet; all others are compared with the first one."""
    first, linear = programs[0], None
    for program in programs:
        if record.is_recorded(task.name, program.name, program.seed, program.recipe) and not again:
            print(
                f"{task.name}: {program.name}, seed {program.seed}: already evaluated; --again evaluates it once more",
                flush=True,
            )
            continue
        if program is not first and linear is None:
            kept = labels_file(task, first)
            linear = read_texts(kept) if kept.exists() else first.predict(parts).labels
            write_texts(kept, linear)
        begin = time.perf_counter()
        labels = program.predict(parts).labels
        seconds = time.perf_counter() - begin
        write_texts(labels_file(task, program), labels)
        record_evaluation(task.name, program, seconds, scores(parts["test"].labels, labels, linear, task.measure))
        if program is first:
            linear = labels


def evaluate_drawn(
    runs: Sequence[tuple[SmallTask | FewTask, Program]], place: str,
    results: Callable[[list[dict[str, Any]]], list[str]], *, again: bool, seeds: list[int] | None,
) -> None:  # fmt: skip
    """Like `evaluate`, on small or few data; evaluations are recorded at once, so that it can be stopped and continued.
    place: of the results in the page. seeds: the seeds to evaluate, or None for all."""
    for task, program in runs:
        is_known = record.is_recorded(task.in_record, program.name, program.seed, program.recipe)
        if (seeds and program.seed not in seeds) or (is_known and not again):
            continue
        folds = task.folds()
        begin = time.perf_counter()
        predictions = [program.predict({"train": train, "test": test}) for train, test in folds]
        seconds = time.perf_counter() - begin
        truth = [label for _, test in folds for label in test.labels]
        labels = [label for predicted in predictions for label in predicted.labels]
        probabilities = [number for predicted in predictions for number in predicted.probabilities or []]
        error = calibration_error(truth, labels, probabilities) if probabilities else None
        measures = scores(truth, labels, None, "accuracy") | {"calibration_error": error}
        record_evaluation(task.in_record, program, seconds, measures)
        put(PAGE, place, results(record.evaluations()))


def record_evaluation(task: str, program: Program, seconds: float, measures: dict[str, Any]) -> None:
    git = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    commit = subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()
    record.add({
        "task": task, "program": program.name, "seed": program.seed, "recipe": record.digest(program.recipe),
        "seconds": round(seconds, 1), "machine": describe(), "commit": commit, **measures,
    })  # fmt: skip
    print(
        f"{task}: {program.name}, seed {program.seed}: accuracy {measures['accuracy']:.4f}, "
        f"macro-F1 {measures['macro_f1']:.4f}, {seconds:.0f} s", flush=True,
    )  # fmt: skip


def labels_file(task: Task, program: Program) -> Path:
    """The file of a program's labels of the test texts, one a line."""
    Path("labels").mkdir(exist_ok=True)
    return Path("labels") / f"{task.recipe} {program.name} {program.seed} {record.digest(program.recipe)}.txt"


if __name__ == "__main__":
    main()
