"""`textrnn compare`: several runs on the same texts, each against the first."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from textrnn.commands.compare_data import Compared, ids_of_first, open_runs
from textrnn.commands.eval import predict_texts, warn_of_unfinished
from textrnn.evaluation.comparison import compare_predictions, describe_scores, differing_rows, sentence
from textrnn.evaluation.metrics import all_metrics
from textrnn.reports.comparison import write_comparison
from textrnn.run.config_differences import config_differences, effective_values, saved_digests
from textrnn.run.folder import RunFolder
from textrnn.run.history import read_history, training_seconds
from textrnn.run.model import parameter_count
from textrnn.runtime.files import folder_size, make_folder
from textrnn.runtime.progress import log, log_prefix


def compare(
    runs: list[Path],
    data: str | None,
    *,
    split: str | None,
    overrides: list[tuple[str, Any]],
    output: Path | None,
    device: str,
    begin: float,
) -> dict[str, Any]:
    """Compare runs on DATA or on the texts of their own that `split` names (test where it is None); returns what
    comparison.json holds. output: the folder to write to, or None. begin: time.perf_counter() when the command began.

    Raises: UsageError, CheckpointError, ConfigError, DataError where they cannot be compared; TextRNNError where the
    output cannot be written.
    """
    opened = open_runs(runs, data, split=split, overrides=overrides, output=output, device=device)
    if split == "dev" and data is None:
        log.warning(
            "these texts were held out of training to choose each run's best epoch, so the scores are somewhat inflated"
        )
    if output is not None:
        make_folder(output)  # before the predictions, which take time
    first = opened[0]
    labels, truth = first.classifier.labels, np.asarray(first.texts.encoded.labels)
    predicted, metrics = [], []
    for run in opened:
        with log_prefix(run.name):
            if run.is_run:
                warn_of_unfinished(RunFolder(run.path))
            predictions, totals, _ = predict_texts(run.classifier, run.texts, run.source)
        predicted.append(ids_of_first(run, first)[predictions.predicted])
        metrics.append(all_metrics(totals, run.classifier.labels))
    rows = differing_rows(truth, predicted)
    found = {
        "data": {
            "paths": [os.path.abspath(path) for path in first.source.paths],
            "split": None if data is not None else split or "test",
            "n": len(truth),
        },
        "labels": labels,
        "runs": [describe_run(run) | describe_scores(each) for run, each in zip(opened, metrics, strict=True)],
        "comparisons": [
            compare_with_first(opened, number, truth, predicted, metrics) for number in range(1, len(opened))
        ],
        "differing_texts": len(rows),
        "config_differences": config_differences(
            [
                effective_values(
                    run.path, run.classifier.config, len(run.classifier.networks.networks), is_run=run.is_run
                )
                for run in opened
            ],
            [saved_digests(run.path, is_run=run.is_run) for run in opened],
        ),
    }
    found["seconds"] = time.perf_counter() - begin
    if output is not None:
        write_comparison(output, found, first.source, first.texts.rows, first.texts.hashes, truth, predicted)
        log.info("written to %s", output)
    elif len(rows):
        log.info(
            "%s that some of the runs get right and others wrong: --output DIR writes them to DIR/differences.tsv",
            "1 text" if len(rows) == 1 else f"{len(rows):,} texts",
        )
    return found


def describe_run(run: Compared) -> dict[str, Any]:
    """What the model took and takes."""
    model = run.classifier.model
    return {
        "name": run.name,
        "path": str(run.path),
        "training_seconds": training_seconds(read_history(RunFolder(run.path).history)) if run.is_run else None,
        "parameters": parameter_count(model),
        "model_bytes": folder_size(RunFolder(run.path).model if run.is_run else run.path),
    }


def compare_with_first(
    opened: list[Compared], number: int, truth: np.ndarray, predicted: list[np.ndarray], metrics: list[dict[str, Any]]
) -> dict[str, Any]:
    first, run = opened[0], opened[number]
    comparison = {"run": run.name, "with": first.name} | compare_predictions(
        truth, predicted[0], predicted[number], (metrics[0], metrics[number]), first.classifier.labels
    )
    return comparison | {"sentence": sentence(comparison, first.name)}
