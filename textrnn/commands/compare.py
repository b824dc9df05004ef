"""`textrnn compare`: several runs on the same texts, each against the first."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from textrnn.commands.compare_data import Compared, ids_of_first, open_runs
from textrnn.commands.eval import predict_texts, warn_of_unfinished
from textrnn.evaluation.comparison import compare_predictions, differing_rows, sentence
from textrnn.evaluation.metrics import all_metrics
from textrnn.reports.comparison import write_comparison
from textrnn.run.model import parameter_count
from textrnn.run.records import config_differences, effective_values, read_history, saved_digests, training_seconds
from textrnn.runtime.files import folder_size, make_folder
from textrnn.runtime.progress import log, log_prefix

_COMPARED = ("accuracy", "macro_f1", "weighted_f1", "loss", "interval", "calibration_error", "parts", "per_class")


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
    """Compare runs on DATA or on the texts of their own that `split` names (by default test); returns the content of
    comparison.json. output: the folder to write to, or None. begin: time.perf_counter() when the command began.

    Raises: UsageError, CheckpointError, ConfigError, DataError if they cannot be compared; TextRNNError if the output
    cannot be written.
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
            if run.run is not None:
                warn_of_unfinished(run.run)
            predictions, totals, _ = predict_texts(run.classifier, run.texts, run.source)
        predicted.append(ids_of_first(run, first)[predictions.predicted])
        metrics.append(all_metrics(totals, run.classifier.labels))
    differing = len(differing_rows(truth, predicted))
    result: dict[str, Any] = {
        "data": {
            "paths": [os.path.abspath(path) for path in first.source.paths],
            "split": None if data is not None else split or "test",
            "n": len(truth),
        },
        "labels": labels,
        "runs": [describe_run(run, scores) for run, scores in zip(opened, metrics, strict=True)],
        "comparisons": [],
        "differing_texts": differing,
        "config_differences": config_differences(
            [
                effective_values(
                    run.path, run.classifier.config, len(run.classifier.networks.networks), is_run=run.run is not None
                )
                for run in opened
            ],
            [saved_digests(run.path) for run in opened],
        ),
    }
    for run, ids, scores in zip(opened[1:], predicted[1:], metrics[1:], strict=True):
        comparison = {"run": run.name, "with": first.name} | compare_predictions(
            truth, predicted[0], ids, (metrics[0], scores), labels
        )
        result["comparisons"].append(comparison | {"sentence": sentence(comparison, first.name)})
    result["seconds"] = time.perf_counter() - begin
    if output is not None:
        write_comparison(output, result, first.source, first.texts.rows, first.texts.hashes, truth, predicted)
        log.info("written to %s", output)
    elif differing:
        log.info(
            "%s that some of the runs get right and others wrong: --output DIR writes them to DIR/differences.tsv",
            "1 text" if differing == 1 else f"{differing:,} texts",
        )
    return result


def describe_run(run: Compared, metrics: dict[str, Any]) -> dict[str, Any]:
    """What a model took to train, its size and its scores."""
    return {
        "name": run.name,
        "path": str(run.path),
        "training_seconds": None if run.run is None else training_seconds(read_history(run.run.history)),
        "parameters": parameter_count(run.classifier.model),
        "model_bytes": folder_size(run.path if run.run is None else run.run.model),
    } | {key: metrics[key] for key in _COMPARED}
