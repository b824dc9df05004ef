"""A comparison as a page: one file without scripts and without a network, made with Jinja2."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from textrnn.evaluation.comparison import points
from textrnn.evaluation.comparison_text import (
    SEED_ALONE,
    SELECTED,
    class_gain,
    config_value,
    counted,
    described,
    differ_in_seed_alone,
    many,
    method,
    scores_of,
)
from textrnn.evaluation.html import render
from textrnn.runtime.decoding import visible

EXAMPLES, CHARACTERS = 20, 200  # shown of the texts that only one of two runs gets right, and of each of them


class Chosen(NamedTuple):
    """The texts to show of two runs, as positions among all on which any two runs differ."""

    only_first: list[int]
    only_this: list[int]


class Example(NamedTuple):
    """labels: the true one, then one for each run. more: characters that were left out."""

    labels: list[str]
    text: str
    more: int


def chosen_examples(truth: np.ndarray, predicted: list[np.ndarray]) -> list[Chosen]:
    """For each run but the first, evenly spaced texts that only one of both gets right. truth, each of predicted:
    (n,) label ids of the texts on which any two runs differ."""
    right = [each == truth for each in predicted]
    return [Chosen(_spaced(right[0] & ~each), _spaced(each & ~right[0])) for each in right[1:]]


def _spaced(mask: np.ndarray) -> list[int]:
    found = np.flatnonzero(mask)
    return found[np.unique(np.linspace(0, len(found) - 1, min(EXAMPLES, len(found))).astype(int))].tolist()


def example(labels: list[str], text: str) -> Example:
    return Example([visible(label) for label in labels], visible(text[:CHARACTERS]), max(len(text) - CHARACTERS, 0))


def comparison_html(found: dict[str, Any], chosen: list[Chosen], examples: dict[int, Example]) -> str:
    """The page of what `compare` found. examples: by their positions, see `Chosen`. Every label and text is escaped."""
    names = [visible(run["name"]) for run in found["runs"]]
    widest = max(
        [abs(end) for each in found["comparisons"] for key in ("accuracy", "macro_f1") for end in each[key]["interval"]]
        + [0.001]
    )
    values = dict(
        names=names,
        data=visible(described(found["data"])),
        runs=[(name, scores_of(run)) for name, run in zip(names, found["runs"], strict=True)],
        comparisons=[
            _of_one(each, number, texts, examples, widest)
            for number, (each, texts) in enumerate(zip(found["comparisons"], chosen, strict=True), start=1)
        ],
        many=many(len(found["comparisons"])) if len(found["comparisons"]) > 1 else None,
        selected=SELECTED,
        seed_alone=SEED_ALONE if differ_in_seed_alone(found) else None,
        differences=[
            (visible(each["key"]), [config_value(value) for value in each["values"]])
            for each in found["config_differences"]
        ],
    )
    return render("comparison.html", values)


def _of_one(
    comparison: dict[str, Any], number: int, chosen: Chosen, examples: dict[int, Example], widest: float
) -> dict[str, Any]:
    """number: of the run, the first is 0. widest: the end of the scale on which differences are drawn."""
    texts = comparison["texts"]
    groups = [
        (comparison["with"], texts["only_first_right"], chosen.only_first, number),
        (comparison["run"], texts["only_this_right"], chosen.only_this, 0),
    ]
    return {
        "sentence": visible(comparison["sentence"]),
        "scores": [
            (name, points(comparison[key]), *_bar(comparison[key], widest))
            for name, key in (("accuracy", "accuracy"), ("macro-F1", "macro_f1"))
        ],
        "first": visible(comparison["with"]),
        "name": visible(comparison["run"]),
        "counted": counted(comparison),
        "method": method(comparison),
        "classes": [
            (visible(each["label"]), [f"{value:.4f}" for value in each["f1"]], *class_gain(each), each["support"])
            for each in comparison["classes"]
        ],
        "groups": [
            {
                "right": visible(right),
                "count": count,
                "texts": [
                    (examples[at].labels[0], examples[at].labels[1 + wrong], examples[at].text, examples[at].more)
                    for at in positions
                ],
            }
            for right, count, positions, wrong in groups
        ],
    }


def _bar(score: dict[str, Any], widest: float) -> tuple[float, float, float]:
    """(low, difference, high) on a scale from -100 to 100."""
    low, high = score["interval"]
    low, middle, high = (round(100 * value / widest, 1) for value in (low, score["difference"], high))
    return low, middle, high
