"""The files of an evaluation: report, page, metrics, confusion matrix as table and picture, predictions."""

from __future__ import annotations

import csv
import io
import json
import os
import time
from collections.abc import Callable
from itertools import count, zip_longest
from pathlib import Path
from typing import Any

from textrnn.corpus.store import content_changed
from textrnn.corpus.writer import text_hash
from textrnn.evaluation.metrics import confusion_matrix
from textrnn.evaluation.slices import Predictions
from textrnn.reading.reader import read_examples
from textrnn.reading.source import Source
from textrnn.reports.charts import plot_confusion_matrix, save_png
from textrnn.reports.examples import Examples
from textrnn.reports.page import About, Explain, cells_to_browse, evaluation_page
from textrnn.reports.text import report_text
from textrnn.runtime.files import atomic_writer, make_folder, write_text
from textrnn.runtime.terminal import json_text, one_line, visible

DATA = "data.json"
RESULTS = (
    DATA, "predictions.tsv", "report.txt", "report.html", "metrics.json", "confusion_matrix.csv",
    "confusion_matrix.png",
)  # fmt: skip


def results_folder(parent: Path, name: str, described: dict[str, Any]) -> Path:
    """The folder `name` for an evaluation, or `name-2`, `name-3` and so on if earlier ones hold evaluations of other
    data, with another path, unless this data was moved. described: the content of data.json."""
    folders = (parent / (name if number == 1 else f"{name}-{number}") for number in count(1))
    return next(folder for folder in folders if _is_free(folder, described))


def _is_free(folder: Path, described: dict[str, Any]) -> bool:
    """Whether the folder has no evaluation, or one of the same data."""
    try:
        earlier = json.loads((folder / DATA).read_bytes())
    except (ValueError, RecursionError):
        return False
    except OSError:  # no evaluation, or one of unknown data
        return not (folder / "metrics.json").exists()
    if not isinstance(earlier, dict) or earlier.get("split") != described["split"]:
        return False
    paths = earlier.get("data")
    if paths == described["data"]:
        return True
    was_moved = isinstance(paths, list) and not any(isinstance(path, str) and os.path.exists(path) for path in paths)
    return was_moved and earlier.get("sha256") == described["sha256"]


def write_results(
    folder: Path, metrics: dict[str, Any], begin: float, described: dict[str, Any], source: Source,
    predictions: Predictions, about: About, explain: Explain | None,
) -> bool:  # fmt: skip
    """Write all files of an evaluation; returns whether a font could draw the labels of the picture. metrics: without
    the time since `begin` (time.perf_counter()), which is added and so written last. described: the content of
    data.json. explain: colours the words of the errors in the page.

    Raises: TextRNNError if a file cannot be written; DataError if the source has changed since the evaluation.
    """
    make_folder(folder)
    labels = metrics["labels"]
    if not (folder / "metrics.json").exists():
        write_text(folder / DATA, json.dumps(described) + "\n")  # first: the folder is taken
    matrix = confusion_matrix(metrics)
    examples = Examples(predictions, cells_to_browse(matrix))
    write_predictions(folder / "predictions.tsv", source, predictions, labels, examples.visit)
    write_text(folder / DATA, json.dumps(described) + "\n")
    write_text(folder / "confusion_matrix.csv", matrix_csv(metrics))
    write_text(folder / "report.html", evaluation_page(metrics, predictions, examples, about, explain))
    title = f"{about.name}\n{visible(about.data)}: accuracy {100 * metrics['accuracy']:.1f} %"
    figure, legend = plot_confusion_matrix(matrix, [visible(label) for label in labels], title)
    save_png(folder / "confusion_matrix.png", figure)
    metrics["seconds"] = time.perf_counter() - begin
    legend_text = "\n".join(["", "Labels in confusion_matrix.png:", *legend, ""]) if legend else ""
    write_text(folder / "report.txt", report_text(metrics) + legend_text)
    write_text(folder / "metrics.json", json_text(metrics, indent=2))
    return legend is None


def write_predictions(
    path: Path, source: Source, predictions: Predictions, labels: list[str], visit: Callable[[int, str], object]
) -> None:
    """A line per text in the order of the data; the texts are read again rather than kept in memory. visit: called with
    the position of each text in `predictions`, and the text.

    Raises: DataError if the source has changed since the evaluation.
    """
    at = 0
    with atomic_writer(path) as stream:
        stream.write(b"true\tpredicted\tprobability\ttext\n")
        for row, (example, digest) in enumerate(zip_longest(read_examples(source), predictions.hashes)):
            if example is None or digest is None or text_hash(example.text) != digest.tobytes():
                raise content_changed(source)
            if at < len(predictions.rows) and row == predictions.rows[at]:
                names = (labels[predictions.truth[at]], labels[predictions.predicted[at]])
                if example.label != names[0]:
                    raise content_changed(source)
                columns = (*names, f"{predictions.probabilities[at]:.4f}", example.text)
                stream.write(("\t".join(map(one_line, columns)) + "\n").encode())
                visit(at, example.text)
                at += 1


def matrix_csv(metrics: dict[str, Any]) -> str:
    """Labels in the first row and column; rows true, columns predicted. Of more classes than have a whole matrix in
    metrics.json, a row for each of its pairs. Labels are quoted if one has a character that a reader may take for the
    end of the line."""
    text = io.StringIO()
    broken = any(one_line(label) != label for label in metrics["labels"])
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC if broken else csv.QUOTE_MINIMAL)
    if metrics["confusion_matrix"] is None:
        writer.writerows([["true", "predicted", "count"], *metrics["confusion_pairs"]])
        return text.getvalue()
    writer.writerow(["true \\ predicted", *metrics["labels"]])
    for label, row in zip(metrics["labels"], metrics["confusion_matrix"], strict=True):
        writer.writerow([label, *row])
    return text.getvalue()
