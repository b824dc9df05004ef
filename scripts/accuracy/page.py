"""docs/accuracy.md: the last reading of each task, program and seed."""

from __future__ import annotations

from collections import Counter
from typing import Any

from scripts.accuracy.programs import DEFAULTS
from scripts.accuracy.small import SMALL
from scripts.accuracy.small_programs import TUNED
from scripts.accuracy.tasks import TASKS, Task
from scripts.bench.report import number, percent, table


def results(readings: list[dict[str, Any]]) -> list[str]:
    """A table for each task that has readings, and the command that makes it."""
    places = [(reading["task"], reading["program"], reading["seed"]) for reading in readings]
    last, times = dict(zip(places, readings, strict=True)), Counter(places)
    found = []
    for task in TASKS:
        of_task = [(times[place], reading) for place, reading in last.items() if place[0] == task.name]
        if of_task:
            found.append(task_table(task, of_task))
            found.append(f"`make accuracy ONLY={task.recipe}`: {of_task[-1][1]['machine']}.")
    return found


def small_results(readings: list[dict[str, Any]]) -> list[str]:
    """One table of all small tasks: the tuned linear model, and the mean, difference and range of the defaults as they
    were at the last reading; readings of earlier defaults are left out."""
    names = {task.in_record for task in SMALL}
    recipes = [line["recipe"] for line in readings if line["task"] in names and line["program"] == DEFAULTS]
    rows = []
    for task in SMALL:
        last = {(line["program"], line["seed"]): line for line in readings if line["task"] == task.in_record}
        ours = [line for (name, _), line in last.items() if name == DEFAULTS and line["recipe"] == recipes[-1]]
        linear = last.get((TUNED, 0))
        if linear is None or not ours:
            continue
        found = [line["accuracy"] for line in ours]
        mean = sum(found) / len(found)
        rows.append([
            task.name, percent(linear["accuracy"]), percent(mean), f"{100 * (mean - linear['accuracy']):+.1f}",
            f"{100 * min(found):.1f} to {100 * max(found):.1f}", str(len(found)),
        ])  # fmt: skip
    header = ["task", "linear model", "textrnn, defaults", "difference", "range", "seeds"]
    note = "`make accuracy ONLY=small`: accuracy on the test texts; the linear model is the better of LinearSVC and "
    note += "logistic regression on TF-IDF, with C, by cross-validation on the training texts. Tasks not yet read with "
    note += "today's defaults are left out."
    return [table("Twelve small tasks", header, rows), note]


def task_table(task: Task, of_task: list[tuple[int, dict[str, Any]]]) -> str:
    """of_task: each reading with how often its program and seed have read the test set."""
    rows = []
    for count, reading in of_task:
        low, high = reading["interval"]
        sign = "" if reading["p"] is None else "+ " if reading["right_more"] > 0 else "- "
        rows.append([
            reading["program"], str(reading["seed"]), str(count), percent(reading["accuracy"]),
            percent(reading["macro_f1"]), f"{100 * low:.1f} to {100 * high:.1f}",
            sign and f"{sign}{reading['p']:.2g}", number(reading["seconds"]),
        ])  # fmt: skip
    header = ["program", "seed", "reading", "accuracy", "macro-F1", f"95 % of {task.measure}", "p"]
    return table(f"{task.name} (by {task.measure})", [*header, "training and test, s"], rows)
