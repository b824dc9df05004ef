"""`textrnn compare`: several runs on the same texts, each against the first."""

from __future__ import annotations

import os
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from textrnn.classifier import TextClassifier
from textrnn.commands.data import files_of
from textrnn.commands.eval import predict_texts
from textrnn.commands.eval_data import Texts, choose_data, data_config, read_texts, run_of, warn_of_seen
from textrnn.commands.output import check_output
from textrnn.config import Config
from textrnn.errors import CheckpointError, ConfigError, DataError, UsageError, short
from textrnn.evaluation.comparison import compare_predictions, differing_rows, sentence
from textrnn.evaluation.metrics import all_metrics
from textrnn.reports.comparison import COMPARISON, write_comparison
from textrnn.run.folder import RunFolder, model_folder
from textrnn.run.model import parameter_count
from textrnn.run.records import config_differences, effective_values, read_history, saved_digests, training_seconds
from textrnn.runtime.files import folder_size, make_folder
from textrnn.runtime.progress import log, log_prefix

_COMPARED = ("accuracy", "macro_f1", "weighted_f1", "loss", "interval", "calibration_error", "parts", "per_class")
_LABELS_SHOWN = 5


class Compared(NamedTuple):
    """A run, or a model without one, with the texts that it is evaluated on."""

    name: str
    path: Path
    run: RunFolder | None
    classifier: TextClassifier
    config: Config
    texts: Texts


def compare(
    paths: list[Path],
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
    runs = open_runs(paths, data, split=split, overrides=overrides, output=output, device=device)
    if split == "dev" and data is None:
        log.warning(
            "these texts were held out of training to choose each run's best epoch, or its linear model, so the scores "
            "are somewhat inflated"
        )
    if output is not None:
        make_folder(output)  # before the predictions, which take time
    first = runs[0]
    labels, truth, source = first.classifier.labels, np.asarray(first.texts.encoded.labels), first.texts.data.source
    predicted, metrics = [], []
    for run in runs:
        with log_prefix(run.name):
            if run.run is not None:
                run.run.warn_of_unfinished()
            predictions, totals, _ = predict_texts(run.classifier, run.texts)
        predicted.append(ids_of_first(run, first)[predictions.predicted])
        metrics.append(all_metrics(totals, run.classifier.labels))
    differing = len(differing_rows(truth, predicted))
    values = [
        effective_values(
            run.path, run.classifier.config, len(run.classifier.networks.networks), is_run=run.run is not None
        )
        for run in runs
    ]
    comparisons = []
    for run, ids, scores in zip(runs[1:], predicted[1:], metrics[1:], strict=True):
        comparison = {"run": run.name, "with": first.name} | compare_predictions(
            truth, predicted[0], ids, (metrics[0], scores), labels
        )
        comparisons.append(comparison | {"sentence": sentence(comparison, first.name)})
    result: dict[str, Any] = {
        "data": {
            "paths": [os.path.abspath(path) for path in source.paths],
            "split": None if data is not None else split or "test",
            "n": len(truth),
        },
        "labels": labels,
        "runs": [describe_run(run, scores) for run, scores in zip(runs, metrics, strict=True)],
        "comparisons": comparisons,
        "differing_texts": differing,
        "config_differences": config_differences(values, [saved_digests(run.path) for run in runs]),
        "seconds": time.perf_counter() - begin,
    }
    if output is not None:
        write_comparison(output, result, source, first.texts.rows, first.texts.hashes, truth, predicted)
        log.info("written to %s", output)
    elif differing:
        log.info(
            "%s that some of the runs get right and others wrong: --output DIR writes them to DIR/differences.tsv",
            "1 text" if differing == 1 else f"{differing:,} texts",
        )
    return result


def describe_run(run: Compared, metrics: dict[str, Any]) -> dict[str, Any]:
    """The training time, size and scores of a model."""
    return {
        "name": run.name,
        "path": str(run.path),
        "training_seconds": None if run.run is None else training_seconds(read_history(run.run.history)),
        "parameters": parameter_count(run.classifier.model),
        "model_bytes": folder_size(run.path if run.run is None else run.run.model),
    } | {key: metrics[key] for key in _COMPARED}


def ids_of_first(run: Compared, first: Compared) -> np.ndarray:
    """(classes,): label id of a run -> that of the first run."""
    places = {label: number for number, label in enumerate(first.classifier.labels)}
    return np.array([places[label] for label in run.classifier.labels])


def open_runs(
    paths: list[Path],
    data: str | None,
    *,
    split: str | None,
    overrides: list[tuple[str, Any]],
    output: Path | None,
    device: str,
) -> list[Compared]:
    """Load all runs and read their texts. output: the folder to write to. Raises UsageError, and CheckpointError,
    ConfigError, DataError if models, labels or texts do not allow a comparison."""
    names = run_names(paths)
    classifiers = [TextClassifier.load(path, device=device) for path in paths]
    for path, classifier in zip(paths[1:], classifiers[1:], strict=True):
        check_same_labels(path, classifier.labels, paths[0], classifiers[0].labels)
    configs = [data_config(path, overrides) for path in paths]
    if data is None:
        check_own_texts(paths, configs, split)
    sources = []
    for name, classifier, config in zip(names, classifiers, configs, strict=True):
        with log_prefix(name):
            sources.append(choose_data(data, split or "test", config, overrides, classifier))
    if output is not None:
        pairs = zip(sources, configs, strict=True)
        files = [file for own, config in pairs for file in files_of(own.source, config.data.label_names)]
        check_output("--output", output, files, COMPARISON)
    runs: list[Compared] = []
    for name, path, classifier, config, own in zip(names, paths, classifiers, configs, sources, strict=True):
        run = run_of(path)
        with log_prefix(name):
            texts = read_texts(classifier, own, config, run)
            warn_of_seen(texts.seen)
        runs.append(Compared(name, path, run, classifier, config, texts))
        check_same_texts(runs[0], runs[-1], data)
    return runs


def run_names(paths: list[Path]) -> list[str]:
    """The shortest last parts of their paths that differ. Raises UsageError for a run that is given twice."""
    earlier: dict[str, Path] = {}
    for path in paths:
        folder = os.path.realpath(model_folder(path))
        if folder in earlier:
            raise UsageError(f"{path}: the same run as {earlier[folder]}; give different runs")
        earlier[folder] = path
    parts = [Path(os.path.abspath(path)).parts for path in paths]
    for count in range(1, max(map(len, parts)) + 1):
        names = ["/".join(own_parts[-count:]) for own_parts in parts]
        if len(set(names)) == len(names):
            return names
    return list(map(str, paths))


def check_own_texts(paths: list[Path], configs: list[Config], split: str | None) -> None:
    """Raises ConfigError, a line for each run that has no such texts of its own."""
    problems = []
    for path, config in zip(paths, configs, strict=True):
        if run_of(path) is None:
            problems.append(f"{path}: a model folder has no texts of its own; give some to compare on: --data FILE")
        elif split != "dev" and config.data.test is None:
            problems.append(
                f"{path}: the run has no test file (data.test); give texts to compare on: --data FILE, or compare on "
                f"held-out texts: --split dev"
            )
    if problems:
        raise ConfigError("\n".join(problems))


def check_same_labels(path: Path, labels: list[str], first: Path, first_labels: list[str]) -> None:
    """Raises CheckpointError if the sets of labels differ. Their order may differ."""
    differences = []
    for owner, own, other in ((first, first_labels, labels), (path, labels, first_labels)):
        if only := [short(label) for label in own if label not in other]:
            more = f" and {len(only) - _LABELS_SHOWN:,} more" if len(only) > _LABELS_SHOWN else ""
            differences.append(f"only {owner} has {', '.join(only[:_LABELS_SHOWN])}{more}")
    if differences:
        raise CheckpointError(
            f"{path}: its labels are not those of {first}: {'; '.join(differences)}; compare runs of the same labels"
        )


def check_same_texts(first: Compared, other: Compared, data: str | None) -> None:
    """Raises DataError unless the texts and their labels are the same, in the same order."""
    hashes, other_hashes = (run.texts.hashes[run.texts.rows] for run in (first, other))
    labels, other_labels = (ids_of_first(run, first)[np.asarray(run.texts.encoded.labels)] for run in (first, other))
    if np.array_equal(hashes, other_hashes) and np.array_equal(labels, other_labels):
        return
    rows, other_rows = (
        Counter(zip(*columns, strict=True))
        for columns in ((hashes.tolist(), labels.tolist()), (other_hashes.tolist(), other_labels.tolist()))
    )
    if rows == other_rows:
        difference = "the same rows in another order"
    elif np.array_equal(hashes, other_hashes):
        difference = f"{int((labels != other_labels).sum()):,} of the same texts have other labels"
    else:
        missing, added = (rows - other_rows).total(), (other_rows - rows).total()
        difference = f"{missing:,} rows are only in the first, {added:,} only in the second"
    one, two = (
        f"{run.path} has {len(run.texts.rows):,} rows of {', '.join(run.texts.data.source.paths)}"
        for run in (first, other)
    )
    raise DataError(
        f"{other.path}: its texts are not those of {first.path}: {one}, {two}: {difference}; "
        f"{_remedy(first, other, data)}"
    )


def _remedy(first: Compared, other: Compared, data: str | None) -> str:
    first_data, other_data = first.texts.data, other.texts.data
    if first_data.part is not None or other_data.part is not None:
        return "the runs held out different texts; compare on one file: --data FILE"
    columns = [
        f"data.{key}"
        for key in ("text_column", "label_column", "label_names", "format", "delimiter", "encoding", "bad_rows")
        if getattr(first.config.data, key) != getattr(other.config.data, key)
    ]
    if data is not None or first_data.source.paths == other_data.source.paths:
        keys = f" ({', '.join(columns)} differ)" if columns else ""
        return f"the runs read the file in different ways{keys}: set how with options, such as --text-column text"
    return "compare on one file: --data FILE"
