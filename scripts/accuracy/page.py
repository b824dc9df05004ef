"""docs/explanation/accuracy.md: the last reading of each task, program and seed."""

from __future__ import annotations

from collections import Counter
from statistics import fmean
from typing import Any

from scripts.accuracy.programs import DEFAULTS, PLAIN, TUNED
from scripts.accuracy.tasks import SEEDS, SMALL, TASKS, Task
from scripts.bench.report import number, percent, table


def results(readings: list[dict[str, Any]]) -> list[str]:
    """A table for each task that has readings, and the command that makes it."""
    places = [(reading["task"], reading["program"], reading["seed"]) for reading in readings]
    last, times = dict(zip(places, readings, strict=True)), Counter(places)
    paragraphs = []
    for task in TASKS:
        of_task = [(times[place], reading) for place, reading in last.items() if place[0] == task.name]
        if of_task:
            paragraphs.append(task_table(task, of_task))
            paragraphs.append(f"`make accuracy ONLY={task.recipe}`: {of_task[-1][1]['machine']}.")
    return paragraphs


def small_results(readings: list[dict[str, Any]]) -> list[str]:
    """One table of all small tasks: the tuned linear model, the mean, difference and range of the defaults, and the
    mean of `plain`. Readings with earlier recipes than a program's last one are left out."""
    names = {task.in_record for task in SMALL}
    newest = {line["program"]: line["recipe"] for line in readings if line["task"] in names}
    rows, differences = [], []
    for task in SMALL:
        last = {
            (line["program"], line["seed"]): line for line in readings
            if line["task"] == task.in_record and line["recipe"] == newest[line["program"]]
        }  # fmt: skip
        lines = [last[DEFAULTS, seed] for seed in SEEDS if (DEFAULTS, seed) in last]
        if (TUNED, 0) not in last or not lines:
            continue
        linear = last[TUNED, 0]["accuracy"]
        ours, errors = [line["accuracy"] for line in lines], [line.get("calibration_error") for line in lines]
        plain = [last[PLAIN, seed]["accuracy"] for seed in SEEDS if (PLAIN, seed) in last]
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


def task_table(task: Task, of_task: list[tuple[int, dict[str, Any]]]) -> str:
    """of_task: the number of readings by a program and seed, and the last one."""
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
