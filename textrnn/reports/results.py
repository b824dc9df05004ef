"""The files of an evaluation: report, page, metrics, confusion matrix as table and picture, predictions."""

from __future__ import annotations

import csv
import io
import json
import os
import time
from pathlib import Path
from typing import Any

from textrnn.evaluation.metrics import confusion_cells
from textrnn.evaluation.predictions import Predictions, write_predictions
from textrnn.reading.source import Source
from textrnn.reports.charts import plot_confusion_matrix, save_png
from textrnn.reports.examples import Examples
from textrnn.reports.page import About, Explain, cells_to_browse, evaluation_page
from textrnn.reports.text import report_text
from textrnn.runtime.files import make_folder, write_text
from textrnn.runtime.terminal import json_text, one_line, visible

DATA = "data.json"
RESULTS = (
    DATA, "predictions.tsv", "report.txt", "report.html", "metrics.json", "confusion_matrix.csv",
    "confusion_matrix.png",
)  # fmt: skip


def results_folder(parent: Path, name: str, described: dict[str, Any]) -> Path:
    """The folder `name` for an evaluation, or `name-2`, `name-3` and so on where others have the evaluations of other
    data: of another path, unless that was this data before it was moved. described: the content of data.json."""
    number, folder = 1, parent / name
    while not _is_free(folder, described):
        number += 1
        folder = parent / f"{name}-{number}"
    return folder


def _is_free(folder: Path, described: dict[str, Any]) -> bool:
    """Whether the folder has no evaluation, or one of the same data."""
    try:
        found = json.loads((folder / DATA).read_bytes())
    except (ValueError, RecursionError):
        return False
    except OSError:  # none, or one that does not say of what it is
        return not (folder / "metrics.json").exists()
    if not isinstance(found, dict) or found.get("split") != described["split"]:
        return False
    paths = found.get("data")
    if paths == described["data"]:
        return True
    was_moved = isinstance(paths, list) and not any(isinstance(path, str) and os.path.exists(path) for path in paths)
    return was_moved and found.get("sha256") == described["sha256"]


def write_results(
    folder: Path,
    metrics: dict[str, Any],
    begin: float,
    described: dict[str, Any],
    source: Source,
    predictions: Predictions,
    about: About,
    explain: Explain | None = None,
) -> bool:
    """Write all files of an evaluation; returns whether a font could draw the labels of the picture. metrics: without
    the time that the command took from `begin` (time.perf_counter()) on, which is added and so written last. described:
    the data, for data.json. explain: colours the words of the errors in the page.

    Raises: TextRNNError where a file cannot be written; DataError where the source is not what was evaluated.
    """
    make_folder(folder)
    labels = metrics["labels"]
    if not (folder / "metrics.json").exists():
        write_text(folder / DATA, json.dumps(described) + "\n")  # first: the folder is taken
    cells = confusion_cells(metrics)
    examples = Examples(predictions, cells_to_browse(cells, len(labels)))
    write_predictions(folder / "predictions.tsv", source, predictions, labels, examples.visit)
    write_text(folder / DATA, json.dumps(described) + "\n")
    write_text(folder / "confusion_matrix.csv", matrix_csv(metrics))
    write_text(folder / "report.html", evaluation_page(metrics, predictions, examples, about, explain))
    shown = [visible(label) for label in labels]
    title = f"{about.name}\n{visible(about.data)}: accuracy {100 * metrics['accuracy']:.1f} %"
    figure, legend = plot_confusion_matrix(cells, shown, title)
    save_png(folder / "confusion_matrix.png", figure)
    metrics["seconds"] = time.perf_counter() - begin
    of_picture = "\n".join(["", "Labels in confusion_matrix.png:", *legend, ""]) if legend else ""
    write_text(folder / "report.txt", report_text(metrics) + of_picture)
    write_text(folder / "metrics.json", metrics_json(metrics))
    return legend is None


def metrics_json(metrics: dict[str, Any]) -> str:
    return json_text(metrics, indent=2)


def matrix_csv(metrics: dict[str, Any]) -> str:
    """Labels in the first row and column; rows true, columns predicted. Of more classes than have a whole matrix in
    metrics.json, a row for each of its pairs. Labels are quoted where one holds a character at which a reader may end
    the line."""
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
