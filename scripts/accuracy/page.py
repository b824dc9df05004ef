"""docs/explanation/accuracy.md: the last evaluation of each task, program and seed."""

from __future__ import annotations

from collections import Counter
from statistics import fmean
from typing import Any

from scripts.accuracy.programs import DEFAULTS, PLAIN, TUNED
from scripts.accuracy.record import newest
from scripts.accuracy.tasks import SEEDS, SMALL, TASKS, Task
from scripts.bench.report import number, percent, table


def results(evaluations: list[dict[str, Any]]) -> list[str]:
    """A table for each task that has evaluations, and the command that makes it."""
    places = [(evaluation["task"], evaluation["program"], evaluation["seed"]) for evaluation in evaluations]
    last, times = dict(zip(places, evaluations, strict=True)), Counter(places)
    paragraphs = []
    for task in TASKS:
        rows = [(times[place], evaluation) for place, evaluation in last.items() if place[0] == task.name]
        if rows:
            paragraphs.append(task_table(task, rows))
            paragraphs.append(f"`make accuracy ONLY={task.recipe}`: {rows[-1][1]['machine']}.")
    return paragraphs


def small_results(evaluations: list[dict[str, Any]]) -> list[str]:
    """One table of all small tasks: the tuned linear model, the mean, difference and range of the defaults, and the
    mean of `plain`. Evaluations with earlier recipes than a program's last one are left out."""
    last = newest(evaluations, {task.in_record for task in SMALL})
    rows, differences = [], []
    for task in SMALL:
        lines, plain_lines = (
            [last[task.in_record, program, seed] for seed in SEEDS if (task.in_record, program, seed) in last]
            for program in (DEFAULTS, PLAIN)
        )
        if (task.in_record, TUNED, 0) not in last or not lines:
            continue
        linear = last[task.in_record, TUNED, 0]["accuracy"]
        ours, errors = [line["accuracy"] for line in lines], [line.get("calibration_error") for line in lines]
        plain = [line["accuracy"] for line in plain_lines]
        differences.append(100 * (fmean(ours) - linear))
        rows.append([
            task.name, percent(linear), percent(fmean(ours)), f"{differences[-1]:+.1f}",
            f"{100 * min(ours):.1f} to {100 * max(ours):.1f}", str(len(ours)), percent(fmean(plain)) if plain else "",
            "" if None in errors else f"{fmean(errors):.3f}",
        ])  # fmt: skip
    if differences:
        errors = [float(row[-1]) for row in rows if row[-1]]
        mean_error = f"{fmean(errors):.3f}" if errors else ""
        rows.append(["mean", "", "", f"{fmean(differences):+.1f}", "", "", "", mean_error])
    header = ["task", "linear model", "textrnn, defaults", "difference", "range", "seeds", "textrnn, plain"]
    note = "`make accuracy ONLY=small`: accuracy on the test texts; the linear model is the better of LinearSVC and "
    note += "logistic regression on TF-IDF, with C, by cross-validation on the training texts. `plain`: mean of the "
    note += "same seeds. Calibration error: of the defaults' probabilities, expected, in 15 bins. Tasks not yet "
    note += "evaluated with today's defaults are left out."
    return [table("Twelve small tasks", [*header, "calibration error"], rows), note]


def task_table(task: Task, evaluations: list[tuple[int, dict[str, Any]]]) -> str:
    """evaluations: (number of evaluations, the last one) for each program and seed."""
    rows = []
    for count, evaluation in evaluations:
        low, high = evaluation["interval"]
        sign = "" if evaluation["p"] is None else "+ " if evaluation["right_more"] > 0 else "- "
        rows.append([
            evaluation["program"], str(evaluation["seed"]), str(count), percent(evaluation["accuracy"]),
            percent(evaluation["macro_f1"]), f"{100 * low:.1f} to {100 * high:.1f}",
            sign and f"{sign}{evaluation['p']:.2g}", number(evaluation["seconds"]),
        ])  # fmt: skip
    header = ["program", "seed", "evaluation", "accuracy", "macro-F1", f"95 % of {task.measure}", "p"]
    return table(f"{task.name} (by {task.measure})", [*header, "training and test, s"], rows)
