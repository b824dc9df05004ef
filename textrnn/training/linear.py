"""The linear model of a run: chosen, judged on the texts that the networks are judged on, and fitted on all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from textrnn.config import Config
from textrnn.corpus.splits import Splits
from textrnn.linear.features import count_ngrams
from textrnn.linear.fit import (
    MOST_CLASSES,
    MOST_ROWS,
    MOST_TOTAL_CHARACTERS,
    Choice,
    choose,
    fit,
    out_of_fold,
    sample,
    search_steps,
)  # fmt: skip
from textrnn.linear.model import Folding, LinearModel
from textrnn.runtime.progress import bar

# Of a split ("train" or "dev") the texts at some rows, in ascending order, as they were read: the linear model counts
# what the network's vocabulary leaves out.
ReadTexts = Callable[[str, np.ndarray], list[str]]


class Labelled(NamedTuple):
    """texts (n,) and labels (n,), ids."""

    texts: Sequence[str]
    labels: np.ndarray


class Fitted(NamedTuple):
    """A linear model, what was chosen, and its margins (m, classes) on the held-out texts, of models that were not
    trained on them: None without held-out texts. rows: how many texts the model was fitted on."""

    model: LinearModel
    choice: Choice
    margins: np.ndarray | None
    rows: int


def reason_for_none(num_classes: int, rows: int) -> str | None:
    """Why there is no linear model of such data; None where there is one."""
    if num_classes > MOST_CLASSES:
        return f"{num_classes:,} classes are more than {MOST_CLASSES}, each of which takes a fit of its own"
    if rows < 4:
        return f"{rows} training texts are too few"
    return None


def rows_to_read(config: Config, splits: Splits) -> np.ndarray:
    """The rows of the training data whose texts `fit_linear` asks for."""
    if config.model.linear == "none" or reason_for_none(len(splits.labels), len(splits.train)):
        return np.zeros(0, np.int64)
    rows = splits.train_rows[_chosen(config, splits)]
    has_dev = splits.dev_is_part_of_train and splits.dev_rows is not None
    return np.concatenate([rows, splits.dev_rows]) if has_dev else rows


def _chosen(config: Config, splits: Splits) -> np.ndarray:
    """Which of the training texts are read, in ascending order: without folds, at most MOST_ROWS."""
    count = len(splits.train)
    if splits.folds is not None or count <= MOST_ROWS:
        return np.arange(count)
    return np.sort(np.random.default_rng([config.train.seed, 0x11F]).permutation(count)[:MOST_ROWS])


def fit_linear(config: Config, splits: Splits, texts: ReadTexts) -> Fitted | None:
    """The linear model of a run's splits, fitted on train and dev; None where the config wants none, or there is a
    reason for none. Of more than MOST_ROWS texts or MOST_TOTAL_CHARACTERS a sample is taken."""
    count, classes, folds = len(splits.train), len(splits.labels), splits.folds
    if config.model.linear == "none" or reason_for_none(classes, count):
        return None
    seed, balanced = config.train.seed, config.train.class_weights == "balanced"
    folding = Folding(config.tokenizer.lowercase, config.tokenizer.normalize)
    rows = _chosen(config, splits)
    raw, labels = texts("train", splits.train_rows[rows]), np.asarray(splits.train.labels)[rows]
    dev = None
    if splits.dev is not None and splits.dev_rows is not None:
        of_dev = texts("train" if splits.dev_is_part_of_train else "dev", splits.dev_rows)
        dev = Labelled(of_dev, np.asarray(splits.dev.labels))
    with bar("linear model", total=search_steps() + 2, unit="fit") as shown:
        train = Labelled([folding(text) for text in raw], labels)
        train = train if folds is not None else _sampled(train, seed)
        choice = choose(*train, classes, balanced=balanced, seed=seed, step=shown.update)
        margins = None
        if folds is not None and splits.held_out is not None:
            counts = [count_ngrams(kind, train.texts)[1] for kind in choice.kinds]
            chosen = np.zeros(count, dtype=bool)
            chosen[sample(train.texts, MOST_ROWS, MOST_TOTAL_CHARACTERS, seed)] = True
            margins = out_of_fold(
                counts, labels, folds, classes, [choice.c], chosen=chosen, balanced=balanced, seed=seed
            )[0, splits.held_out.rows]
            train = _sampled(train, seed)
        elif dev is not None:
            margins = fit(*train, classes, choice, folding, balanced=balanced, seed=seed).margins(dev.texts)
            both = Labelled([*train.texts, *map(folding, dev.texts)], np.concatenate([train.labels, dev.labels]))
            train = _sampled(both, seed)
        shown.update()
        model = fit(*train, classes, choice, folding, balanced=balanced, seed=seed)
        shown.update()
    return Fitted(model, choice, margins, len(train.texts))


def _sampled(found: Labelled, seed: int) -> Labelled:
    rows = sample(found.texts, MOST_ROWS, MOST_TOTAL_CHARACTERS, seed)
    return found if len(rows) == len(found.texts) else Labelled([found.texts[row] for row in rows], found.labels[rows])


def describe_linear(fitted: Fitted, texts: int, seconds: float) -> str:
    """For the log. texts: how many there are in all."""
    counted = " and ".join(
        f"{kind.shortest}- to {kind.longest}-grams of {kind.unit.replace('within_words', 'characters in words')}"
        for kind in fitted.choice.kinds
    )
    of = "" if fitted.rows == texts else f" of {texts:,}, drawn at random"
    accuracy = fitted.choice.accuracy
    chosen = "" if accuracy is None else f" (accuracy in cross-validation {accuracy:.4f})"
    return (
        f"linear model: {counted}, {len(fitted.model.weight):,} terms, C {fitted.choice.c:g}{chosen}; fitted on "
        f"{fitted.rows:,} texts{of} in {seconds:.1f} s"
    )
