"""Which rows of the training data train networks, and which judge them. Equal texts are never on both sides."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from textrnn.corpus.corpus import Corpus
from textrnn.texts.rows import all_rows, class_sizes, rows_where

DEV_FRACTION = 0.1  # if the config has none
SMALL = 20_000  # texts, from which on networks are not cross-fitted


class Division(NamedTuple):
    """train (n,): the rows on which networks are trained. dev (m,): rows held out of them, one for each distinct text
    and label; None if no share was to be held out. folds (n,): of each training row if networks are cross-fitted, else
    None. judging (k,): the rows that judge networks: those of dev, or, if networks are cross-fitted, the first training
    row of each distinct text and label. All rows are in ascending order."""

    train: np.ndarray
    dev: np.ndarray | None
    folds: np.ndarray | None
    judging: np.ndarray


def divide(
    corpus: Corpus, *, has_dev: bool, dev_fraction: float | None, folds: int, seed: int, skip_empty: bool
) -> Division:
    """The training data of a run. has_dev: whether there are other texts to judge on. dev_fraction: the share of each
    class to hold out; None: a tenth, or, of few texts, none, as they are divided into `folds` for cross-fitting.
    skip_empty: leave out texts without a token."""
    share, kept = DEV_FRACTION if dev_fraction is None else dev_fraction, used_rows(corpus, skip_empty=skip_empty)
    if has_dev or share == 0:
        return Division(kept, None, None, all_rows(0))
    labels = np.zeros(len(corpus), np.int8) if corpus.label_ids is None else np.asarray(corpus.label_ids)
    hashes = corpus.hashes
    if len(kept) < len(corpus):  # else nothing needs to be copied
        labels, hashes = labels[kept], hashes[kept]
    if dev_fraction is None and is_cross_fitted(len(kept), folds):
        possible = min(folds, len(kept) // 2, len(np.unique(hashes)))
        if possible > 1:
            judging = kept[distinct_rows(labels, hashes)]
            return Division(kept, None, folds_of_texts(labels, hashes, possible, seed), judging)
    train, dev = stratified_split(labels, hashes, share, seed)
    dev = kept[dev[distinct_rows(labels[dev], hashes[dev])]]
    return Division(kept[train], dev, None, dev)


def used_rows(corpus: Corpus, *, skip_empty: bool) -> np.ndarray:
    return rows_where(np.asarray(corpus.lengths) > 0) if skip_empty else all_rows(len(corpus))


def judging_rows(dev: Corpus, *, skip_empty: bool) -> np.ndarray:
    """The rows of a dev corpus on which networks are judged."""
    rows = used_rows(dev, skip_empty=skip_empty)
    return rows if dev.label_ids is None else rows[distinct_rows(dev.label_ids[rows], dev.hashes[rows])]


def is_cross_fitted(texts: int, folds: int) -> bool:
    """Whether networks are cross-fitted on this many training texts without a dev file. With more texts, a tenth of
    them is enough to choose on, and little to lose."""
    return folds > 1 and 4 <= texts < SMALL


def folds_of_texts(labels: np.ndarray, hashes: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """(n,) int64: the fold, 0 to folds - 1, of each row. Equal texts share a fold. Classes are spread evenly over the
    folds, also those with fewer texts than folds."""
    return _by_text(hashes, lambda first: _spread(labels[first], folds, seed))


def stratified_split(
    labels: np.ndarray, hashes: np.ndarray, fraction: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Rows (train, dev), in ascending order. dev gets a share of the distinct texts of each class, rounded, but never
    all of them. Equal texts are on the same side."""
    held_out = _by_text(hashes, lambda first: _drawn(labels[first], fraction, seed))
    return rows_where(~held_out), rows_where(held_out)


def distinct_rows(labels: np.ndarray, hashes: np.ndarray) -> np.ndarray:
    """The first row of each distinct text with each of its labels, in ascending order: repeated rows would count one
    judgement several times."""
    if len(np.unique(hashes)) == len(hashes):
        return all_rows(len(hashes))
    order = np.lexsort((labels, hashes))
    is_first = np.ones(len(order), dtype=bool)
    is_first[1:] = (np.diff(labels[order]) != 0) | (hashes[order][1:] != hashes[order][:-1])
    return np.sort(order[is_first])


def _by_text(hashes: np.ndarray, values_of: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """(n,): a value of each row, the same for equal texts. values_of: the first rows (m,) of distinct texts, in
    ascending order -> their values (m,)."""
    order = np.argsort(hashes, kind="stable")
    ascending = hashes[order]
    is_first = np.ones(len(order), dtype=bool)
    is_first[1:] = ascending[1:] != ascending[:-1]
    if is_first.all():
        return values_of(all_rows(len(hashes)))
    first_row = np.empty_like(order)
    first_row[order] = order[is_first][np.cumsum(is_first) - 1]
    distinct = np.sort(order[is_first])
    return values_of(distinct)[np.searchsorted(distinct, first_row)]


def _spread(labels: np.ndarray, folds: int, seed: int) -> np.ndarray:
    order = np.random.default_rng([seed, 0xF01D]).permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    fold_of_row = np.empty(len(labels), np.int64)
    fold_of_row[order] = np.arange(len(labels)) % folds
    return fold_of_row


def _drawn(labels: np.ndarray, fraction: float, seed: int) -> np.ndarray:
    random = np.random.default_rng([seed, 0xDE7])
    sizes = class_sizes(labels, int(labels.max()) + 1)
    shares = [min(round(size * fraction), max(size - 1, 0)) for size in sizes]
    if not any(shares):  # a dev set of one text per class is better than none
        shares = [int(size > 1) for size in sizes]
    held_out = np.zeros(len(labels), dtype=bool)
    for label, share in enumerate(shares):
        held_out[random.permutation(rows_where(labels == label))[:share]] = True
    return held_out
