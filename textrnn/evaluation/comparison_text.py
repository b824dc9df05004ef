"""A comparison -> the text that `compare` prints, aligned for wide characters too."""

from __future__ import annotations

import textwrap
from typing import Any

from textrnn.evaluation.comparison import p_value, rounded
from textrnn.evaluation.report import cut, display_width, pad_left, pad_right
from textrnn.runtime.decoding import visible

CLASSES_SHOWN = 5
NAME_WIDTH, LABEL_WIDTH = 40, 40  # terminal columns at most
SEED_ALONE = "They differ in the seed alone: this is how much chance in training changes."
SELECTED = "chosen for that, so expect less on other texts; the intervals do not allow for it"
_NAME_WIDTH_ABOVE = 10  # above a column of F1
_SCORES_WIDTH, _CLASSES_WIDTH = 61, 60  # right of the names or labels


def comparison_text(found: dict[str, Any], columns: int | None = None) -> str:
    """The scores of all runs, how each differs from the first, and what differs in their configs. columns: of a
    terminal, None for a file or pipe."""
    names = [visible(run["name"]) for run in found["runs"]]
    lines = [visible(described(found["data"])), "", *scores_table(found["runs"], columns), ""]
    for comparison in found["comparisons"]:
        lines += [*of_one(comparison, columns), ""]
    if len(found["comparisons"]) > 1:
        lines += [many(len(found["comparisons"])), ""]
    if found["config_differences"]:
        lines.append(f"What differs in the configs ({' | '.join(names)})")
        lines += [config_line(each) for each in found["config_differences"]]
        lines += [SEED_ALONE] if differ_in_seed_alone(found) else []
    else:
        lines.append("The configs do not differ.")
    lines = [line if columns is None or "  " in line else textwrap.fill(line, columns) for line in lines]
    return "\n".join([*lines, ""])


def differ_in_seed_alone(found: dict[str, Any]) -> bool:
    return [each["key"] for each in found["config_differences"]] == ["train.seed"]


def described(data: dict[str, Any]) -> str:
    of = {"test": "the test file ", "dev": "held-out texts of ", None: ""}[data["split"]]
    return f"{data['n']:,} text{'s' * (data['n'] != 1)}: {of}{', '.join(data['paths'])}"


def many(comparisons: int) -> str:
    return (
        f"Each of these {comparisons} comparisons is tested by itself: with more of them, it is likelier that one "
        f"finds a difference by chance."
    )


def scores_table(runs: list[dict[str, Any]], columns: int | None) -> list[str]:
    most = NAME_WIDTH if columns is None else max(columns - _SCORES_WIDTH, 8)
    rows: list[tuple[str, ...]] = [("", "accuracy", "macro-F1", "loss", "training", "parameters", "model/")]
    rows += [(cut(visible(run["name"]), most), *scores_of(run)) for run in runs]
    return aligned(rows)


def scores_of(run: dict[str, Any]) -> tuple[str, ...]:
    seconds = run["training_seconds"]
    return (
        f"{run['accuracy']:.4f}",
        f"{run['macro_f1']:.4f}",
        f"{run['loss']:.4f}",
        "-" if seconds is None else f"{seconds:,.0f} s" if seconds >= 10 else f"{seconds:.1f} s",
        f"{run['parameters']:,}",
        f"{run['model_bytes'] / 1e6:,.1f} MB" if run["model_bytes"] >= 1e6 else f"{run['model_bytes'] / 1e3:,.0f} kB",
    )


def of_one(comparison: dict[str, Any], columns: int | None) -> list[str]:
    first, name = visible(comparison["with"]), visible(comparison["run"])
    lines = [visible(comparison["sentence"]), counted(comparison), method(comparison)]
    if columns is not None:
        lines = [textwrap.fill(line, columns) for line in lines]
    if comparison["classes"]:
        most = LABEL_WIDTH if columns is None else max(columns - _CLASSES_WIDTH, 12)
        in_heading = (cut(each, _NAME_WIDTH_ABOVE) for each in (first, name))
        rows: list[tuple[str, ...]] = [("", *in_heading, "points", "95 % interval", "texts")]
        for each in comparison["classes"][:CLASSES_SHOWN]:
            label = cut(visible(each["label"]), most)
            rows.append((label, *(f"{value:.4f}" for value in each["f1"]), *class_gain(each), f"{each['support']:,}"))
        lines += ["", f"F1, where it differs most ({SELECTED}):", *aligned(rows)]
    return lines


def counted(comparison: dict[str, Any]) -> str:
    texts, first, name = comparison["texts"], visible(comparison["with"]), visible(comparison["run"])
    return (
        f"texts: {texts['both_right']:,} both right, {texts['only_first_right']:,} only {first}, "
        f"{texts['only_this_right']:,} only {name}, {texts['both_wrong']:,} neither"
    )


def method(comparison: dict[str, Any]) -> str:
    differing = comparison["texts"]["only_first_right"] + comparison["texts"]["only_this_right"]
    return (
        f"accuracy: McNemar's test, exact binomial, on the {differing:,} that only one gets right "
        f"({p_value(comparison)}), and the interval that belongs to it; F1: paired bootstrap, "
        f"{comparison['resamples']:,} resamples, seeded, and for macro-F1 a randomization test"
    )


def class_gain(of_class: dict[str, Any]) -> tuple[str, str]:
    gain, low, high = (rounded(100 * value) for value in (of_class["difference"], *of_class["interval"]))
    return f"{gain:+.1f}", f"{low:.1f} to {high:.1f}"


def config_line(difference: dict[str, Any]) -> str:
    return f"{visible(difference['key'])}: {' | '.join(config_value(value) for value in difference['values'])}"


def config_value(value: Any) -> str:
    """As it is written in YAML."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return visible(", ".join(map(str, value)) if isinstance(value, list) else str(value)).replace("\n", "\\n")


def aligned(rows: list[tuple[str, ...]]) -> list[str]:
    """The first column to the left, the others to the right."""
    widths = [max(map(display_width, column)) for column in zip(*rows, strict=True)]
    return ["  ".join([pad_right(row[0], widths[0]), *map(pad_left, row[1:], widths[1:])]).rstrip() for row in rows]
