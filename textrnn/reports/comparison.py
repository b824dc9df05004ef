"""A comparison as text for a terminal, as JSON, as a page (one file without scripts and without a network, made with
Jinja2), and the texts on which the runs differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from textrnn.corpus.resample import texts_at
from textrnn.evaluation.comparison import differing_rows, p_value, points, rounded
from textrnn.reading.source import Source
from textrnn.reports.html import render
from textrnn.reports.text import score_columns
from textrnn.runtime.files import atomic_writer, write_bytes
from textrnn.runtime.terminal import aligned, cut, json_text, one_line, visible, wrapped

COMPARISON = ("comparison.json", "comparison.txt", "comparison.html", "differences.tsv")
CLASSES_SHOWN = 5
NAME_WIDTH, LABEL_WIDTH = 40, 40  # terminal columns at most
EXAMPLES, CHARACTERS = 20, 200  # on the page: texts that only one of two runs gets right, and characters of each
SEED_ALONE = "They differ in the seed alone: this is how much chance in training changes."
SELECTED = "chosen for that, so expect less on other texts; the intervals do not allow for it"
_NAME_WIDTH_ABOVE = 10  # above a column of F1
_SCORES_WIDTH, _CLASSES_WIDTH = 61, 60  # right of the names or labels


def comparison_json(found: dict[str, Any]) -> str:
    return json_text(found, indent=2)


def comparison_text(found: dict[str, Any], columns: int | None = None) -> str:
    """The scores of all runs, how each differs from the first, and what differs in their configs. columns: of a
    terminal, None for a file or pipe."""
    names = [visible(run["name"]) for run in found["runs"]]
    lines = [data_line(found["data"]), "", *scores_table(found["runs"], columns), ""]
    for comparison in found["comparisons"]:
        lines += [*comparison_lines(comparison, columns), ""]
    if len(found["comparisons"]) > 1:
        lines += [multiplicity_note(len(found["comparisons"])), ""]
    if found["config_differences"]:
        lines.append(f"What differs in the configs ({' | '.join(names)})")
        lines += [config_line(difference) for difference in found["config_differences"]]
        lines += [SEED_ALONE] if differ_in_seed_alone(found) else []
    else:
        lines.append("The configs do not differ.")
    return "\n".join([*(line if "  " in line else wrapped(line, columns) for line in lines), ""])


def differ_in_seed_alone(found: dict[str, Any]) -> bool:
    return [difference["key"] for difference in found["config_differences"]] == ["train.seed"]


def data_line(data: dict[str, Any]) -> str:
    kind = {"test": "the test file ", "dev": "held-out texts of ", None: ""}[data["split"]]
    return visible(f"{data['n']:,} text{'s' * (data['n'] != 1)}: {kind}{', '.join(data['paths'])}")


def multiplicity_note(comparisons: int) -> str:
    return (
        f"Each of these {comparisons} comparisons is tested by itself: with more of them, it is likelier that one "
        f"finds a difference by chance."
    )


def scores_table(runs: list[dict[str, Any]], columns: int | None) -> list[str]:
    most = NAME_WIDTH if columns is None else max(columns - _SCORES_WIDTH, 8)
    header = ("", "accuracy", "macro-F1", "loss", "training", "parameters", "model/")
    return aligned([header, *((cut(visible(run["name"]), most), *run_columns(run)) for run in runs)])


def run_columns(run: dict[str, Any]) -> tuple[str, ...]:
    seconds, size = run["training_seconds"], run["model_bytes"]
    return (
        *score_columns(run),
        "-" if seconds is None else f"{seconds:,.0f} s" if seconds >= 10 else f"{seconds:.1f} s",
        f"{run['parameters']:,}",
        f"{size / 1e6:,.1f} MB" if size >= 1e6 else f"{size / 1e3:,.0f} kB",
    )


def comparison_lines(comparison: dict[str, Any], columns: int | None) -> list[str]:
    """One run against the first."""
    sentences = [visible(comparison["sentence"]), agreement_line(comparison), method_line(comparison)]
    lines = [wrapped(line, columns) for line in sentences]
    if comparison["classes"]:
        most = LABEL_WIDTH if columns is None else max(columns - _CLASSES_WIDTH, 12)
        names = [cut(visible(comparison[key]), _NAME_WIDTH_ABOVE) for key in ("with", "run")]
        rows: list[tuple[str, ...]] = [("", *names, "points", "95 % interval", "texts")]
        for label, f1, gain, interval, support in map(class_columns, comparison["classes"][:CLASSES_SHOWN]):
            rows.append((cut(label, most), *f1, gain, interval, f"{support:,}"))
        lines += ["", f"F1, where it differs most ({SELECTED}):", *aligned(rows)]
    return lines


def agreement_line(comparison: dict[str, Any]) -> str:
    texts, first, name = comparison["texts"], visible(comparison["with"]), visible(comparison["run"])
    return (
        f"texts: {texts['both_right']:,} both right, {texts['only_first_right']:,} only {first}, "
        f"{texts['only_this_right']:,} only {name}, {texts['both_wrong']:,} neither"
    )


def method_line(comparison: dict[str, Any]) -> str:
    differing = comparison["texts"]["only_first_right"] + comparison["texts"]["only_this_right"]
    return (
        f"accuracy: McNemar's test, exact binomial, on the {differing:,} that only one gets right "
        f"({p_value(comparison)}), and the interval that belongs to it; F1: paired bootstrap, "
        f"{comparison['resamples']:,} resamples, seeded, and for macro-F1 a randomization test"
    )


def class_columns(scores: dict[str, Any]) -> tuple[str, list[str], str, str, int]:
    """Label, F1 of both runs, their difference in points and its interval, and the number of texts."""
    gain, low, high = (rounded(100 * value) for value in (scores["difference"], *scores["interval"]))
    f1 = [f"{value:.4f}" for value in scores["f1"]]
    return visible(scores["label"]), f1, f"{gain:+.1f}", f"{low:.1f} to {high:.1f}", scores["support"]


def config_line(difference: dict[str, Any]) -> str:
    return f"{visible(difference['key'])}: {' | '.join(map(config_value, difference['values']))}"


def config_value(value: Any) -> str:
    """As it is written in YAML."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return visible(", ".join(map(str, value)) if isinstance(value, list) else str(value)).replace("\n", "\\n")


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
    first, *others = (ids == truth for ids in predicted)
    return [Chosen(_spaced(first & ~other), _spaced(other & ~first)) for other in others]


def _spaced(mask: np.ndarray) -> list[int]:
    rows = np.flatnonzero(mask)
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(EXAMPLES, len(rows))).astype(int))].tolist()


def example(labels: list[str], text: str) -> Example:
    return Example([visible(label) for label in labels], visible(text[:CHARACTERS]), max(len(text) - CHARACTERS, 0))


def comparison_html(found: dict[str, Any], chosen: list[Chosen], examples: dict[int, Example]) -> str:
    """The page of what `compare` found. examples: by their positions, see `Chosen`. Every label and text is escaped."""
    names, comparisons = [visible(run["name"]) for run in found["runs"]], found["comparisons"]
    ends = [abs(end) for each in comparisons for key in ("accuracy", "macro_f1") for end in each[key]["interval"]]
    values = dict(
        names=names,
        data=data_line(found["data"]),
        runs=[(name, run_columns(run)) for name, run in zip(names, found["runs"], strict=True)],
        comparisons=[
            _comparison_view(comparison, number, texts, examples, max([*ends, 0.001]))
            for number, (comparison, texts) in enumerate(zip(comparisons, chosen, strict=True), start=1)
        ],
        many=multiplicity_note(len(comparisons)) if len(comparisons) > 1 else None,
        selected=SELECTED,
        seed_alone=SEED_ALONE if differ_in_seed_alone(found) else None,
        differences=[
            (visible(difference["key"]), list(map(config_value, difference["values"])))
            for difference in found["config_differences"]
        ],
    )
    return render("comparison.html", values)


def _comparison_view(
    comparison: dict[str, Any], number: int, chosen: Chosen, examples: dict[int, Example], widest: float
) -> dict[str, Any]:
    """number: of the run, the first is 0. widest: the end of the scale on which differences are drawn."""
    first, name, texts = visible(comparison["with"]), visible(comparison["run"]), comparison["texts"]
    groups = []
    for right, count, positions, wrong in (
        (first, texts["only_first_right"], chosen.only_first, number),
        (name, texts["only_this_right"], chosen.only_this, 0),
    ):
        shown = [
            (each.labels[0], each.labels[1 + wrong], each.text, each.more)
            for each in (examples[at] for at in positions)
        ]
        groups.append({"right": right, "count": count, "texts": shown})
    return {
        "sentence": visible(comparison["sentence"]),
        "scores": [
            (name, points(comparison[key]), *_bar(comparison[key], widest))
            for name, key in (("accuracy", "accuracy"), ("macro-F1", "macro_f1"))
        ],
        "first": first,
        "name": name,
        "counted": agreement_line(comparison),
        "method": method_line(comparison),
        "classes": list(map(class_columns, comparison["classes"])),
        "groups": groups,
    }


def _bar(score: dict[str, Any], widest: float) -> tuple[float, float, float]:
    """(low, difference, high) on a scale from -100 to 100."""
    low, high = score["interval"]
    low, middle, high = (round(100 * value / widest, 1) for value in (low, score["difference"], high))
    return low, middle, high


def write_comparison(
    folder: Path, found: dict[str, Any], source: Source, rows: np.ndarray, hashes: np.ndarray, truth: np.ndarray,
    predicted: list[np.ndarray],
) -> None:  # fmt: skip
    """rows (n,): of the texts in the source; hashes: of all its texts; truth, each of predicted: (n,) label ids.

    Raises: TextRNNError where a file cannot be written; DataError where the source has changed since.
    """
    labels, differing = found["labels"], differing_rows(truth, predicted)
    chosen = chosen_examples(truth[differing], [ids[differing] for ids in predicted])
    wanted = {number for pair in chosen for number in (*pair.only_first, *pair.only_this)}
    examples: dict[int, Example] = {}
    with atomic_writer(folder / "differences.tsv") as stream:
        stream.write(_line(["true", *(f"predicted by {run['name']}" for run in found["runs"]), "text"]))
        texts = texts_at(source, rows[differing].tolist(), hashes)
        for number, (row, text) in enumerate(zip(differing, texts, strict=True)):
            names = [labels[ids[row]] for ids in (truth, *predicted)]
            stream.write(_line([*names, text]))
            if number in wanted:
                examples[number] = example(names, text)
    page = comparison_html(found, chosen, examples)
    for suffix, content in (("json", comparison_json(found)), ("txt", comparison_text(found)), ("html", page)):
        write_bytes(folder / f"comparison.{suffix}", _utf8(content))


def _line(columns: list[str]) -> bytes:
    return _utf8("\t".join(map(one_line, columns)) + "\n")


def _utf8(text: str) -> bytes:
    """With escapes for the bytes of file names that are not UTF-8."""
    return text.encode("utf-8", "backslashreplace")
