"""The linear model of a run: chosen, evaluated on the same texts as the networks, and fitted on all."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from textrnn.config import Config
from textrnn.corpus.splits import Splits
from textrnn.errors import DataError
from textrnn.linear.fit import (
    MOST_CLASSES,
    MOST_CLASSES_ALONE,
    MOST_FITS,
    MOST_ROWS,
    MOST_TOTAL_CHARACTERS,
    Choice,
    choose,
    fit,
    out_of_fold_margins,
    sample,
)  # fmt: skip
from textrnn.linear.model import Folding, LinearModel
from textrnn.linear.ngrams import count_ngrams
from textrnn.runtime.progress import bar
from textrnn.runtime.terminal import count_of

# ("train" or "dev", rows in ascending order) -> the texts in these rows, unchanged: the linear model also counts what
# the network's vocabulary leaves out.
ReadTexts = Callable[[str, np.ndarray], list[str]]


class Labelled(NamedTuple):
    """Texts (n,) and the ids of their labels (n,)."""

    texts: Sequence[str]
    labels: np.ndarray

    def at(self, rows: np.ndarray) -> Labelled:
        return Labelled([self.texts[row] for row in rows], self.labels[rows])


class Fitted(NamedTuple):
    """margins (m, classes): on the held-out texts, by models that were not trained on them; None without held-out
    texts. rows: the number of texts that the model was fitted on. seconds: the time of all fits."""

    model: LinearModel
    choice: Choice
    margins: np.ndarray | None
    rows: int
    seconds: float


def reason_for_none(num_classes: int, rows: int, *, has_network: bool = True) -> str | None:
    """The reason why such data has no linear model; None if it has one. has_network: whether there is a network beside
    it."""
    most = MOST_CLASSES if has_network else MOST_CLASSES_ALONE
    if num_classes > most:
        return f"{num_classes:,} classes are more than {most:,}, each of which takes a fit of its own"
    if rows < 4:
        return f"{rows} training texts are too few"
    return None


def check_linear(config: Config, splits: Splits) -> None:
    """Raises DataError if the config has no network, and the data no linear model."""
    reason = reason_for_none(len(splits.labels), len(splits.train), has_network=config.model.has_network)
    if reason is not None and not config.model.has_network:
        raise DataError(f"no linear model: {reason}; train a network, for example with --preset best")


def has_linear(config: Config, splits: Splits) -> bool:
    """Whether a run of these splits has a linear model."""
    reason = reason_for_none(len(splits.labels), len(splits.train), has_network=config.model.has_network)
    return config.model.linear != "none" and reason is None


def rows_to_read(config: Config, splits: Splits) -> np.ndarray:
    """The rows of the training data whose texts `fit_linear` requests."""
    if not has_linear(config, splits):
        return np.zeros(0, np.int64)
    rows = splits.train_rows[_chosen(config, splits)]
    has_dev = splits.dev_is_part_of_train and splits.dev_rows is not None
    return np.concatenate([rows, splits.dev_rows]) if has_dev else rows


def _chosen(config: Config, splits: Splits) -> np.ndarray:
    """The numbers of the training texts that are read, in ascending order: without folds, at most MOST_ROWS."""
    count = len(splits.train)
    if splits.folds is not None or count <= MOST_ROWS:
        return np.arange(count)
    return np.sort(np.random.default_rng([config.train.seed, 0x11F]).permutation(count)[:MOST_ROWS])


def fit_linear(config: Config, splits: Splits, texts: ReadTexts) -> Fitted | None:
    """The linear model of a run's splits, fitted on train and dev; None if the run has none. More than MOST_ROWS
    texts or MOST_TOTAL_CHARACTERS are sampled."""
    if not has_linear(config, splits):
        return None
    begin = time.perf_counter()
    classes, folds, seed = len(splits.labels), splits.folds, config.train.seed
    balanced = config.train.class_weights == "balanced"
    folding = Folding(config.tokenizer.lowercase, config.tokenizer.normalize)
    rows = _chosen(config, splits)
    raw, raw_dev = texts("train", splits.train_rows[rows]), None
    if splits.dev is not None and splits.dev_rows is not None:
        raw_dev = texts("train" if splits.dev_is_part_of_train else "dev", splits.dev_rows)
    with bar("linear model", total=MOST_FITS + 2, unit="fit") as shown:
        train = Labelled([folding(text) for text in raw], np.asarray(splits.train.labels)[rows])
        rows = sample(train.texts, MOST_ROWS, MOST_TOTAL_CHARACTERS, seed)
        searched = train if folds is not None else train.at(rows)
        choice = choose(*searched, classes, balanced=balanced, seed=seed, step=shown.update)
        margins = None
        if folds is not None and splits.held_out is not None:
            counts = [count_ngrams(kind, train.texts, choice.most_terms)[1] for kind in choice.kinds]
            chosen = np.isin(np.arange(len(train.texts)), rows)
            margins = out_of_fold_margins(
                counts, train.labels, folds, classes, [choice.c], chosen=chosen, balanced=balanced, seed=seed
            )[0, splits.held_out.rows]
        train = train.at(rows)
        if splits.dev is not None and raw_dev is not None:
            margins = fit(*train, classes, choice, folding, balanced=balanced, seed=seed).margins(raw_dev)
            labels = np.concatenate([train.labels, np.asarray(splits.dev.labels)])
            both = Labelled([*train.texts, *map(folding, raw_dev)], labels)
            train = both.at(sample(both.texts, MOST_ROWS, MOST_TOTAL_CHARACTERS, seed))
        shown.update()
        model = fit(*train, classes, choice, folding, balanced=balanced, seed=seed)
        shown.update()
    return Fitted(model, choice, margins, len(train.texts), time.perf_counter() - begin)


def describe_linear(fitted: Fitted, texts: int) -> str:
    """A line for the log. texts: the total number of texts."""
    ngrams = " and ".join(
        f"{kind.shortest}- to {kind.longest}-grams of {kind.unit.replace('within_words', 'characters in words')}"
        for kind in fitted.choice.kinds
    )
    total = "" if fitted.rows == texts else f" of {texts:,}, drawn at random"
    accuracy = fitted.choice.accuracy
    quality = "" if accuracy is None else f" (accuracy in cross-validation {accuracy:.4f})"
    return (
        f"linear model: {ngrams}, {len(fitted.model.weight):,} terms, C {fitted.choice.c:g}{quality}; fitted on "
        f"{count_of(fitted.rows, 'text')}{total} in {fitted.seconds:.1f} s"
    )
