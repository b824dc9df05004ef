"""A comparison as text for a terminal, as a self-contained page without scripts, and as the files of `compare`: both,
the numbers as JSON, and the texts on which the runs differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from textrnn.corpus.resample import texts_at
from textrnn.evaluation.comparison import differing_rows, p_value, points, rounded
from textrnn.reading.source import Source
from textrnn.reports.page import render
from textrnn.reports.text import score_columns
from textrnn.runtime.files import atomic_writer, write_bytes
from textrnn.runtime.terminal import aligned, cut, json_text, one_line, visible, wrapped

Example = tuple[list[str], str, int]  # the true label and those predicted, the text cut, the number of characters cut

COMPARISON = ("comparison.json", "comparison.txt", "comparison.html", "differences.tsv")
CLASSES_SHOWN = 5
NAME_WIDTH = 40  # terminal columns of a run or label at most
EXAMPLES, CHARACTERS = 20, 200  # on the page: texts that only one of two runs gets right, and characters of each
SEED_ALONE = "They differ in the seed alone: this is how much chance in training changes."
SELECTED = "chosen for that, so expect smaller differences on other texts; the intervals do not allow for it"
_NAME_WIDTH_ABOVE = 10  # above a column of F1
_SCORES_WIDTH, _CLASSES_WIDTH = 61, 60  # right of the names or labels


def comparison_text(result: dict[str, Any], columns: int | None = None) -> str:
    """The scores of all runs, how each differs from the first, and how their configs differ. result: the content
    of comparison.json. columns: of a terminal, None for a file or pipe."""
    names = [visible(run["name"]) for run in result["runs"]]
    lines = [data_line(result["data"]), "", *scores_table(result["runs"], columns), ""]
    for comparison in result["comparisons"]:
        lines += [*comparison_lines(comparison, columns), ""]
    if note := multiplicity_note(result):
        lines += [note, ""]
    if result["config_differences"]:
        lines.append(f"Differences between the configs ({' | '.join(names)})")
        lines += [config_line(difference) for difference in result["config_differences"]]
        lines += [note] if (note := seed_note(result)) else []
    else:
        lines.append("The configs do not differ.")
    return "\n".join([*(line if "  " in line else wrapped(line, columns) for line in lines), ""])


def seed_note(result: dict[str, Any]) -> str | None:
    keys = [difference["key"] for difference in result["config_differences"]]
    return SEED_ALONE if keys == ["train.seed"] else None


def data_line(data: dict[str, Any]) -> str:
    kind = {"test": "the test file ", "dev": "held-out texts of ", None: ""}[data["split"]]
    return visible(f"{data['n']:,} text{'s' * (data['n'] != 1)}: {kind}{', '.join(data['paths'])}")


def multiplicity_note(result: dict[str, Any]) -> str | None:
    comparisons = len(result["comparisons"])
    if comparisons < 2:
        return None
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
    """The comparison of a run with the first one."""
    sentences = [visible(comparison["sentence"]), agreement_line(comparison), method_line(comparison)]
    lines = [wrapped(line, columns) for line in sentences]
    if comparison["classes"]:
        most = NAME_WIDTH if columns is None else max(columns - _CLASSES_WIDTH, 12)
        names = [cut(visible(comparison[key]), _NAME_WIDTH_ABOVE) for key in ("with", "run")]
        caption = f"Classes whose F1 differs most, in points of {names[1]} minus {names[0]} ({SELECTED}):"
        rows = [class_columns(scores) for scores in comparison["classes"][:CLASSES_SHOWN]]
        table = aligned(
            [["", *names, "points", "95 % interval", "texts"], *([cut(row[0], most), *row[1:]] for row in rows)]
        )
        lines += ["", caption, *table]
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


def class_columns(scores: dict[str, Any]) -> list[str]:
    """Label, F1 of both runs, their difference in points and its interval, and the number of texts."""
    gain, low, high = (rounded(100 * value) for value in (scores["difference"], *scores["interval"]))
    f1 = [f"{value:.4f}" for value in scores["f1"]]
    return [visible(scores["label"]), *f1, f"{gain:+.1f}", f"{low:.1f} to {high:.1f}", f"{scores['support']:,}"]


def config_line(difference: dict[str, Any]) -> str:
    return f"{visible(difference['key'])}: {' | '.join(map(config_value, difference['values']))}"


def config_value(value: Any) -> str:
    """The value as in YAML."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return visible(", ".join(map(str, value)) if isinstance(value, list) else str(value)).replace("\n", "\\n")


def example(labels: list[str], text: str) -> Example:
    return [visible(label) for label in labels], visible(text[:CHARACTERS]), max(len(text) - CHARACTERS, 0)


def chosen_examples(truth: np.ndarray, predicted: list[np.ndarray]) -> list[tuple[list[int], list[int]]]:
    """For each run but the first, positions of evenly spaced texts that only the first run gets right, and of those
    that only this run does. truth, each of predicted: (n,) label ids."""
    first, *rest = (ids == truth for ids in predicted)
    return [(_spaced(first & ~this), _spaced(this & ~first)) for this in rest]


def _spaced(mask: np.ndarray) -> list[int]:
    rows = np.flatnonzero(mask)
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(EXAMPLES, len(rows))).astype(int))].tolist()


def comparison_html(result: dict[str, Any], examples: list[tuple[list[Example], list[Example]]]) -> str:
    """The page. result: the content of comparison.json. examples: of each run but the first, texts that only the first
    run gets right, and texts that only this run does. Every label and text is escaped."""
    names, comparisons = [visible(run["name"]) for run in result["runs"]], result["comparisons"]
    scores = [comparison[key] for comparison in comparisons for key in ("accuracy", "macro_f1")]
    ends = [abs(end) for score in scores for end in score["interval"]]
    widest = max([*ends, 0.001])
    return render(
        "comparison.html",
        names=names,
        data=data_line(result["data"]),
        runs=[(name, run_columns(run)) for name, run in zip(names, result["runs"], strict=True)],
        comparisons=[
            _comparison_view(comparison, number, only_first, only_this, widest)
            for number, (comparison, (only_first, only_this)) in enumerate(zip(comparisons, examples, strict=True), 1)
        ],
        multiplicity=multiplicity_note(result),
        selected=SELECTED,
        seed_alone=seed_note(result),
        differences=[
            (visible(difference["key"]), list(map(config_value, difference["values"])))
            for difference in result["config_differences"]
        ],
    )


def _comparison_view(
    comparison: dict[str, Any], number: int, only_first: list[Example], only_this: list[Example], widest: float
) -> dict[str, Any]:
    """Values for the template. number: position of the run, from 0. widest: difference at the end of the scale, 100."""
    first, name, texts = visible(comparison["with"]), visible(comparison["run"]), comparison["texts"]
    scores = []
    for heading, score in (("accuracy", comparison["accuracy"]), ("macro-F1", comparison["macro_f1"])):
        low, high = score["interval"]
        places = [round(100 * value / widest, 1) for value in (low, score["difference"], high)]
        scores.append((heading, points(score), *places))
    return {
        "sentence": visible(comparison["sentence"]),
        "scores": scores,
        "first": first,
        "name": name,
        "agreement": agreement_line(comparison),
        "method": method_line(comparison),
        "classes": list(map(class_columns, comparison["classes"])),
        "groups": [
            {"right": first, "count": texts["only_first_right"], "texts": only_first, "wrong": number},
            {"right": name, "count": texts["only_this_right"], "texts": only_this, "wrong": 0},
        ],
    }


def write_comparison(
    folder: Path, result: dict[str, Any], source: Source, rows: np.ndarray, hashes: np.ndarray, truth: np.ndarray,
    predicted: list[np.ndarray],
) -> None:  # fmt: skip
    """Write all files of a comparison. result: the content of comparison.json. rows (n,): positions of the texts in the
    source, with the hashes of all its texts. truth, each of predicted: (n,) label ids.

    Raises: TextRNNError if a file cannot be written; DataError if the source has changed since the comparison.
    """
    labels, differing = result["labels"], differing_rows(truth, predicted)
    chosen = chosen_examples(truth, predicted)
    examples = dict.fromkeys([row for pair in chosen for part in pair for row in part], example([], ""))
    with atomic_writer(folder / "differences.tsv") as stream:
        stream.write(_line(["true", *(f"predicted by {run['name']}" for run in result["runs"]), "text"]))
        texts = texts_at(source, rows[differing].tolist(), hashes)
        for row, text in zip(differing.tolist(), texts, strict=True):
            names = [labels[ids[row]] for ids in (truth, *predicted)]
            stream.write(_line([*names, text]))
            if row in examples:
                examples[row] = example(names, text)
    shown = [([examples[row] for row in first], [examples[row] for row in other]) for first, other in chosen]
    page = comparison_html(result, shown)
    files = {"json": json_text(result, indent=2), "txt": comparison_text(result), "html": page}
    for suffix, content in files.items():
        write_bytes(folder / f"comparison.{suffix}", _utf8(content))


def _line(columns: list[str]) -> bytes:
    return _utf8("\t".join(map(one_line, columns)) + "\n")


def _utf8(text: str) -> bytes:
    """With escapes for the bytes of file names that are not UTF-8."""
    return text.encode("utf-8", "backslashreplace")
