"""What `textrnn compare` compares on: models of the same labels, and texts that are the same for all of them."""

from __future__ import annotations

import os
from collections import Counter
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from textrnn.classifier import TextClassifier
from textrnn.commands.data import files_of
from textrnn.commands.eval_data import Data, Texts, data_config, given_data, own_split, read_texts, warn_of_seen
from textrnn.commands.output import check_output
from textrnn.config import Config
from textrnn.errors import CheckpointError, ConfigError, DataError, UsageError, short
from textrnn.reading.source import Source
from textrnn.reports.comparison import COMPARISON
from textrnn.run.folder import model_folder
from textrnn.runtime.progress import log_prefix

_LABELS_SHOWN = 5


class Compared(NamedTuple):
    """A run with the texts that it is judged on. part: of its training file, where its dev texts are one."""

    name: str
    path: Path
    is_run: bool
    classifier: TextClassifier
    config: Config
    source: Source
    part: str | None
    texts: Texts


def run_names(runs: list[Path]) -> list[str]:
    """The last parts of their paths that tell them apart. Raises UsageError for fewer than two, or one given twice."""
    if len(runs) < 2:
        raise UsageError("two or more runs were expected, as in: textrnn compare runs/a runs/b")
    found: dict[str, Path] = {}
    for run in runs:
        folder = os.path.realpath(model_folder(run))
        if folder in found:
            raise UsageError(f"{run}: the same run as {found[folder]}; give different runs")
        found[folder] = run
    parts = [Path(os.path.abspath(run)).parts for run in runs]
    for count in range(1, max(map(len, parts)) + 1):
        names = ["/".join(each[-count:]) for each in parts]
        if len(set(names)) == len(names):
            return names
    return list(map(str, runs))


def open_runs(
    runs: list[Path],
    data: str | None,
    *,
    split: str | None,
    overrides: list[tuple[str, Any]],
    output: Path | None,
    device: str,
) -> list[Compared]:
    """Load all runs and read their texts. output: the folder to write to. Raises UsageError, and CheckpointError,
    ConfigError, DataError where models, labels or texts do not allow a comparison."""
    names = run_names(runs)
    classifiers = [TextClassifier.load(run, device=device) for run in runs]
    for run, classifier in zip(runs[1:], classifiers[1:], strict=True):
        check_same_labels(run, classifier.labels, runs[0], classifiers[0].labels)
    configs = [data_config(run, overrides, is_run=model_folder(run) != run) for run in runs]
    if data is None:
        check_own_texts(runs, configs, split)
    sources: list[Data] = []
    for name, classifier, config in zip(names, classifiers, configs, strict=True):
        chosen = None if any(key == "data.label_names" for key, _ in overrides) else classifier.labels
        with log_prefix(name):
            sources.append(
                own_split(config, split or "test", chosen)
                if data is None
                else given_data(data, config, classifier, chosen)
            )
    if output is not None:
        files = [files_of(own.source, config.data.label_names) for own, config in zip(sources, configs, strict=True)]
        check_output("--output", output, chain.from_iterable(files), COMPARISON)
    opened: list[Compared] = []
    for name, run, classifier, config, own in zip(names, runs, classifiers, configs, sources, strict=True):
        is_run = model_folder(run) != run
        with log_prefix(name):
            texts = read_texts(classifier, own, config, run, is_run=is_run)
            warn_of_seen(texts.seen)
        opened.append(Compared(name, run, is_run, classifier, config, own.source, own.part, texts))
        check_same_texts(opened[0], opened[-1], data)
    return opened


def check_own_texts(runs: list[Path], configs: list[Config], split: str | None) -> None:
    """Raises ConfigError, a line for each run that has no such texts of its own."""
    problems = []
    for run, config in zip(runs, configs, strict=True):
        if model_folder(run) == run:
            problems.append(f"{run}: a model folder has no texts of its own; give some to compare on: --data FILE")
        elif split != "dev" and config.data.test is None:
            problems.append(
                f"{run}: the run has no test file (data.test); give texts to compare on: --data FILE, or compare on "
                f"held-out texts: --split dev"
            )
    if problems:
        raise ConfigError("\n".join(problems))


def check_same_labels(run: Path, labels: list[str], first: Path, expected: list[str]) -> None:
    """Raises CheckpointError where the sets of labels differ; their order may."""
    only = [
        f"only {path} has {_listed([label for label in own if label not in other])}"
        for path, own, other in ((first, expected, labels), (run, labels, expected))
        if not set(own) <= set(other)
    ]
    if only:
        raise CheckpointError(
            f"{run}: its labels are not those of {first}: {'; '.join(only)}; compare runs of the same labels"
        )


def _listed(labels: list[str]) -> str:
    more = len(labels) - _LABELS_SHOWN
    return ", ".join(map(short, labels[:_LABELS_SHOWN])) + (f" and {more:,} more" if more > 0 else "")


def check_same_texts(first: Compared, other: Compared, data: str | None) -> None:
    """Raises DataError where the texts or their labels are not the same, in the same order."""
    (hashes, labels), (of_other, other_labels) = (_rows(each, first) for each in (first, other))
    if np.array_equal(hashes, of_other) and np.array_equal(labels, other_labels):
        return
    one, two = (
        f"{each.path} has {len(each.texts.rows):,} rows of {', '.join(each.source.paths)}" for each in (first, other)
    )
    raise DataError(
        f"{other.path}: its texts are not those of {first.path}: {one}, {two}: "
        f"{_difference(hashes, labels, of_other, other_labels)}; {_remedy(first, other, data)}"
    )


def _rows(run: Compared, first: Compared) -> tuple[np.ndarray, np.ndarray]:
    """(n,) hashes of the texts, (n,) labels in the first run's ids."""
    return run.texts.hashes[run.texts.rows], ids_of_first(run, first)[np.asarray(run.texts.encoded.labels)]


def ids_of_first(run: Compared, first: Compared) -> np.ndarray:
    """(classes,): label id of a run -> that of the first run."""
    places = {label: number for number, label in enumerate(first.classifier.labels)}
    return np.array([places[label] for label in run.classifier.labels])


def _difference(hashes: np.ndarray, labels: np.ndarray, of_other: np.ndarray, other_labels: np.ndarray) -> str:
    one, two = (
        Counter(zip(hashes.tolist(), labels.tolist(), strict=True)),
        Counter(zip(of_other.tolist(), other_labels.tolist(), strict=True)),
    )
    missing, added = (one - two).total(), (two - one).total()
    if not missing and not added:
        return "the same rows in another order"
    if np.array_equal(hashes, of_other):
        return f"{int((labels != other_labels).sum()):,} of the same texts have other labels"
    return f"{missing:,} rows are only in the first, {added:,} only in the second"


def _remedy(first: Compared, other: Compared, data: str | None) -> str:
    if first.part is not None or other.part is not None:
        return "the runs held out different texts; compare on one file: --data FILE"
    columns = [
        f"data.{key}"
        for key in ("text_column", "label_column", "label_names", "format", "delimiter", "encoding", "bad_rows")
        if getattr(first.config.data, key) != getattr(other.config.data, key)
    ]
    if data is not None or first.source.paths == other.source.paths:
        said = f" ({', '.join(columns)} differ)" if columns else ""
        return f"the runs read the file in different ways{said}: set how with options, such as --text-column text"
    return "compare on one file: --data FILE"
