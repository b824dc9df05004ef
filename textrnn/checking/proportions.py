"""How texts are spread over classes and splits, and how well train covers dev and test. Only `check` tells this."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from textrnn.checking.findings import Finding
from textrnn.corpus.splits import Splits
from textrnn.corpus.statistics import known_share, training_sizes
from textrnn.errors import short
from textrnn.texts.rows import class_sizes
from textrnn.texts.transform import EncodedTexts

FEW_TEXTS = 10  # of a class: too few to learn it well, and to judge it
_IMBALANCED = 10.0  # how many times as many texts the largest class has as the smallest
_MUCH_UNKNOWN, _FAR_TOO_MUCH_UNKNOWN = 0.1, 0.25  # shares of tokens
_SHOWN = 5


def find_disproportions(splits: Splits, folds: int, given: list[str]) -> Iterator[Finding]:
    """folds: of cross-fitting. given: the splits that have files of their own."""
    yield from _small_classes(splits, folds)
    yield from _imbalance(splits)
    for name in ("dev", "test"):
        texts = splits.dev if name == "dev" else splits.test
        if texts is not None:
            yield from _missing_classes(splits, name, texts)
            yield from _unknown_tokens(name, known_share(texts))
    if "test" not in given:
        yield Finding(
            "splits",
            "there is no test file: scores come from texts that were used to choose the model",
            remedy="hold some labelled texts out, and name them with --set data.test=FILE",
        )


def classes_of(splits: Splits, name: str) -> list[int]:
    """The number of texts of each class in dev or test."""
    texts = splits.dev if name == "dev" else splits.test
    assert texts is not None and texts.labels is not None
    return class_sizes(np.asarray(texts.labels), len(splits.labels))


def _small_classes(splits: Splits, folds: int) -> Iterator[Finding]:
    small = {
        label: size for label, size in zip(splits.labels, training_sizes(splits), strict=True) if 1 < size < FEW_TEXTS
    }
    if not small:
        return
    in_folds = splits.folds is not None and min(small.values()) < folds
    reason = f"; with fewer than train.folds {folds}, some networks are not judged on them" if in_folds else ""
    has = "class has" if len(small) == 1 else "classes have"
    yield Finding(
        "classes",
        f"{len(small):,} {has} fewer than {FEW_TEXTS} training texts, too few to learn or to judge{reason}",
        severe=in_folds,
        remedy="label more texts of them, or merge them with other classes",
        examples=_first([f"{short(label)}: {size} texts" for label, size in small.items()]),
    )


def _imbalance(splits: Splits) -> Iterator[Finding]:
    sizes = training_sizes(splits)
    smallest, largest = min(sizes), max(sizes)
    if smallest < FEW_TEXTS or largest < _IMBALANCED * smallest:
        return  # of classes with fewer texts there is a finding already
    yield Finding(
        "classes",
        f"the largest class, {short(splits.labels[sizes.index(largest)])}, has {largest / smallest:.0f} times as many "
        f"training texts as the smallest, {short(splits.labels[sizes.index(smallest)])} ({largest:,} and {smallest:,})",
        remedy="look at macro-F1 rather than accuracy; --set train.class_weights=balanced finds more of small classes",
    )


def _missing_classes(splits: Splits, name: str, texts: EncodedTexts) -> Iterator[Finding]:
    missing = [
        label
        for label, size, here in zip(splits.labels, training_sizes(splits), classes_of(splits, name), strict=True)
        if size > 1 and not here
    ]
    if missing:
        has = "class has" if len(missing) == 1 else "classes have"
        yield Finding(
            "classes",
            f"{len(missing):,} {has} no {name} text, so scores say nothing of {'it' if len(missing) == 1 else 'them'}",
            remedy=f"add texts of each class to {name}",
            examples=_first([short(label) for label in missing]),
        )


def _unknown_tokens(name: str, known: float) -> Iterator[Finding]:
    unknown = 1 - known
    if unknown > _MUCH_UNKNOWN:
        yield Finding(
            "vocabulary",
            f"{100 * unknown:.1f} % of the {name} tokens are unknown: they are not in the vocabulary of train",
            severe=unknown > _FAR_TOO_MUCH_UNKNOWN,
            remedy="do both come from the same source? A larger vocab.max_size, a vocab.min_count of 1 or "
            "tokenizer.kind=char know more",
        )


def _first(lines: list[str]) -> list[str]:
    more = len(lines) - _SHOWN
    return lines[:_SHOWN] + [f"and {more:,} more"] * (more > 0)
