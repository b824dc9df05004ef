"""What `textrnn compare` compares on: models of the same labels, and texts that are the same for all of them."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from textrnn.classifier import TextClassifier
from textrnn.commands.data import files_of
from textrnn.commands.eval_data import Texts, choose_data, data_config, read_texts, run_of, warn_of_seen
from textrnn.commands.output import check_output
from textrnn.config import Config
from textrnn.errors import CheckpointError, ConfigError, DataError, UsageError, short
from textrnn.reading.source import Source
from textrnn.reports.comparison import COMPARISON
from textrnn.run.folder import RunFolder, model_folder
from textrnn.runtime.progress import log_prefix

_LABELS_SHOWN = 5


class Compared(NamedTuple):
    """A run, or a model without one, with the texts that it is judged on. part: of its training file, if its dev texts
    are a part of that."""

    name: str
    path: Path
    run: RunFolder | None
    classifier: TextClassifier
    config: Config
    source: Source
    part: str | None
    texts: Texts


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
    opened: list[Compared] = []
    for name, path, classifier, config, own in zip(names, paths, classifiers, configs, sources, strict=True):
        run = run_of(path)
        with log_prefix(name):
            texts = read_texts(classifier, own, config, run)
            warn_of_seen(texts.seen)
        opened.append(Compared(name, path, run, classifier, config, own.source, own.part, texts))
        check_same_texts(opened[0], opened[-1], data)
    return opened


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
    """Raises CheckpointError if the sets of labels differ; their order may."""
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
        f"{run.path} has {len(run.texts.rows):,} rows of {', '.join(run.source.paths)}" for run in (first, other)
    )
    raise DataError(
        f"{other.path}: its texts are not those of {first.path}: {one}, {two}: {difference}; "
        f"{_remedy(first, other, data)}"
    )


def ids_of_first(run: Compared, first: Compared) -> np.ndarray:
    """(classes,): label id of a run -> that of the first run."""
    places = {label: number for number, label in enumerate(first.classifier.labels)}
    return np.array([places[label] for label in run.classifier.labels])


def _remedy(first: Compared, other: Compared, data: str | None) -> str:
    if first.part is not None or other.part is not None:
        return "the runs held out different texts; compare on one file: --data FILE"
    columns = [
        f"data.{key}"
        for key in ("text_column", "label_column", "label_names", "format", "delimiter", "encoding", "bad_rows")
        if getattr(first.config.data, key) != getattr(other.config.data, key)
    ]
    if data is not None or first.source.paths == other.source.paths:
        keys = f" ({', '.join(columns)} differ)" if columns else ""
        return f"the runs read the file in different ways{keys}: set how with options, such as --text-column text"
    return "compare on one file: --data FILE"
