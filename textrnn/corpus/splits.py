"""Corpora -> the data of a run: the rows for training and the held-out rows, one vocabulary, and encoded texts. Equal
texts are never on both sides."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from textrnn.corpus.corpus import Corpus
from textrnn.errors import DataError
from textrnn.texts.rows import all_rows, class_sizes, rows_where
from textrnn.texts.transform import EncodedTexts
from textrnn.texts.vocab import Vocab, select_tokens

DEV_FRACTION = 0.1  # if the config has none
SMALL = 20_000  # texts; from here on, networks are not cross-fitted, because a tenth is enough to select on


class HeldOut(NamedTuple):
    """The texts that networks are evaluated on, one for each distinct text and label. rows (m,): their rows in train if
    networks are cross-fitted, else in dev. hashes (m,): the hash of each text. folds (m,): the fold of each text, or
    None."""

    texts: EncodedTexts
    rows: np.ndarray
    hashes: np.ndarray
    folds: np.ndarray | None


@dataclass
class Splits:
    """The data that training needs.

    labels: names in the order of their ids; empty without labels. counts: (token, count in train) in the order of the
    vocabulary. type_count: distinct tokens in train. train_rows: the rows of the training data that networks are
    trained on. dev_rows: the rows of dev in the dev data, or in the training data if there is none; None without dev.
    folds (n,): the fold of each training text if networks are cross-fitted, else None. held_out: None without held-out
    texts. skips_empty: whether texts without a token are left out of train and dev. hashes, lengths: split -> hashes
    and lengths (in tokens, uncut) of all texts in its files. digests: config key -> content digest of its files.
    format: the format of the training files; auto if they differ.
    """

    train: EncodedTexts
    dev: EncodedTexts | None
    test: EncodedTexts | None
    labels: list[str]
    vocab: Vocab
    counts: list[tuple[str, int]]
    type_count: int
    train_rows: np.ndarray
    dev_rows: np.ndarray | None
    folds: np.ndarray | None
    held_out: HeldOut | None
    skips_empty: bool
    hashes: dict[str, np.ndarray]
    lengths: dict[str, np.ndarray]
    digests: dict[str, str] = field(default_factory=dict)
    format: str = "auto"

    @property
    def dev_is_part_of_train(self) -> bool:
        return self.dev_rows is not None and "dev" not in self.hashes

    @property
    def parts(self) -> dict[str, EncodedTexts]:
        """The parts that have texts, train first."""
        parts = {"train": self.train, "dev": self.dev, "test": self.test}
        return {name: texts for name, texts in parts.items() if texts is not None}

    def sizes(self, part: str) -> list[int]:
        """The number of texts of each class in a part, in the order of `labels`."""
        labels = self.parts[part].labels
        return [] if labels is None else class_sizes(np.asarray(labels), len(self.labels))

    @property
    def class_shares(self) -> list[float]:
        """The share of each class in the training texts, in the order of `labels`."""
        return [size / len(self.train) for size in self.sizes("train")]

    def fitted_hashes(self, *, with_dev: bool) -> np.ndarray:
        """The hashes of the training texts, and of the dev texts if a linear model is also fitted on them."""
        hashes = self.hashes["train"][self.train_rows]
        return np.concatenate([hashes, self.held_out.hashes]) if with_dev and self.held_out is not None else hashes


def split_corpora(
    corpora: dict[str, Corpus],
    labels: list[str] | None,
    *,
    dev_fraction: float | None,
    folds: int,
    seed: int,
    max_length: int,
    min_count: int,
    max_size: int,
    skip_empty: bool = True,
) -> Splits:
    """The splits of corpora "train" and optionally "dev" and "test", read from files or made in memory.

    labels: names in the order of their ids, with every label of the corpora; None for corpora without labels.
    dev_fraction, folds, seed: see `divide`. max_length: tokens at which a text is cut. min_count, max_size: limits of
    the vocabulary, which is counted over the cut training texts. skip_empty: whether texts without a token are left
    out of train and dev.

    Raises: KeyError for a label that is not in `labels`; DataError if train or dev has no text to use, or if those of
    train have a single class (see `used_rows`).
    """
    corpus = corpora["train"]
    for name in corpora.keys() & {"train", "dev"}:
        _check_used(corpora[name], name, skip_empty=skip_empty)
    train_rows, dev_rows, folds_of_rows, held_out_rows = divide(
        corpus, has_dev="dev" in corpora, dev_fraction=dev_fraction, folds=folds, seed=seed, skip_empty=skip_empty
    )
    type_counts = np.zeros(corpus.type_count, np.int64)
    for block in corpus.cut(max_length).rows(train_rows).flat_blocks():
        np.add.at(type_counts, block, 1)
    types = zip(corpus.types(), type_counts.tolist(), strict=True)
    counts = select_tokens(types, min_count=min_count, max_size=max_size)
    vocab = Vocab(token for token, _ in counts)
    encoded = {name: corpus.encoded(vocab, labels, max_length) for name, corpus in corpora.items()}
    train, dev, held_out = chosen_rows(encoded["train"], train_rows), None, None
    if "dev" in corpora:
        dev_rows = distinct_dev_rows(corpora["dev"], skip_empty=skip_empty)
        dev = chosen_rows(encoded["dev"], dev_rows)
    elif dev_rows is not None and len(dev_rows):
        dev = encoded["train"].rows(dev_rows)
    if folds_of_rows is not None:
        rows = np.searchsorted(train_rows, held_out_rows)
        held_out = HeldOut(train.rows(rows), rows, corpus.hashes[held_out_rows], folds_of_rows[rows])
    elif dev is not None:
        held_out = HeldOut(dev, np.arange(len(dev)), corpora.get("dev", corpus).hashes[dev_rows], None)
    return Splits(
        train, dev, encoded.get("test"), labels or [], vocab, counts, int(np.count_nonzero(type_counts)),
        train_rows, dev_rows, folds_of_rows, held_out, skip_empty,
        hashes={name: corpus.hashes for name, corpus in corpora.items()},
        lengths={name: corpus.lengths for name, corpus in corpora.items()},
    )  # fmt: skip


def chosen_rows(texts: EncodedTexts, rows: np.ndarray) -> EncodedTexts:
    """These rows of texts; the same object if they are all rows."""
    return texts if len(rows) == len(texts) else texts.rows(rows)


def _check_used(corpus: Corpus, name: str, *, skip_empty: bool) -> None:
    """Raises DataError if no text of the corpus is used, or if the used texts of train have a single class although the
    corpus has several."""
    rows = used_rows(corpus, skip_empty=skip_empty)
    if len(rows) == len(corpus):
        return
    needed, remedies = [], []
    if skip_empty and not np.all(corpus.lengths):
        needed.append("a token")
        remedies.append("check data.text_column, or keep the others with --set data.empty_texts=keep")
    if corpus.weights is not None and not np.all(corpus.weights):
        needed.append("a weight above 0")
        remedies.append("check the weights")
    what, remedy = " and ".join(needed), "; ".join(remedies)
    if not len(rows):
        raise DataError(f"none of the {len(corpus):,} {name} texts has {what}: {remedy}")
    has_several = len(corpus.labels) > 1 and corpus.soft_labels is None
    if name == "train" and has_several and len(np.unique(np.asarray(corpus.label_ids)[rows])) == 1:
        raise DataError(
            f"expected two or more classes, but the {len(rows):,} {name} texts that have {what} are all of one: "
            f"{remedy}"
        )


class Division(NamedTuple):
    """train (n,): the rows that networks are trained on. dev (m,): the rows held out for dev, one for each distinct
    text and label; None without such a part. folds (n,): the fold of each training row if networks are cross-fitted,
    else None. held_out (k,): the rows that networks are evaluated on: `dev`, or, if networks are cross-fitted, the
    first training row of each distinct text and label. All rows are in ascending order."""

    train: np.ndarray
    dev: np.ndarray | None
    folds: np.ndarray | None
    held_out: np.ndarray


def divide(
    corpus: Corpus, *, has_dev: bool, dev_fraction: float | None, folds: int, seed: int, skip_empty: bool
) -> Division:
    """Divide the training data of a run. has_dev: whether there is a separate dev corpus. dev_fraction: the share of
    each class to hold out; if None, a tenth is held out, but few texts are divided into `folds` instead. skip_empty:
    whether texts without a token are left out, as are those of weight 0."""
    share = DEV_FRACTION if dev_fraction is None else dev_fraction
    kept = used_rows(corpus, skip_empty=skip_empty)
    if has_dev or share == 0:
        return Division(kept, None, None, all_rows(0))
    labels = np.zeros(len(corpus), np.int8) if corpus.label_ids is None else np.asarray(corpus.label_ids)
    hashes = corpus.hashes
    if len(kept) < len(corpus):  # otherwise a copy is not needed
        labels, hashes = labels[kept], hashes[kept]
    if dev_fraction is None and len(kept) < SMALL:
        possible = min(folds, len(kept) // 2, len(np.unique(hashes)))
        if possible > 1:
            held_out = kept[distinct_rows(labels, hashes)]
            return Division(kept, None, folds_of_texts(labels, hashes, possible, seed), held_out)
    train, dev = stratified_split(labels, hashes, share, seed)
    dev = kept[dev[distinct_rows(labels[dev], hashes[dev])]]
    return Division(kept[train], dev, None, dev)


def used_rows(corpus: Corpus, *, skip_empty: bool) -> np.ndarray:
    """The rows that have a weight and, if `skip_empty` is set, a token."""
    if not skip_empty and corpus.weights is None:
        return all_rows(len(corpus))
    is_used = np.asarray(corpus.lengths) > 0 if skip_empty else np.ones(len(corpus), dtype=bool)
    return rows_where(is_used if corpus.weights is None else is_used & (np.asarray(corpus.weights) > 0))


def distinct_dev_rows(dev: Corpus, *, skip_empty: bool) -> np.ndarray:
    """The rows of a dev corpus that networks are evaluated on."""
    rows = used_rows(dev, skip_empty=skip_empty)
    return rows if dev.label_ids is None else rows[distinct_rows(dev.label_ids[rows], dev.hashes[rows])]


def distinct_rows(labels: np.ndarray, hashes: np.ndarray) -> np.ndarray:
    """The first row of each distinct pair of text and label, in ascending order. Repeated rows would count one
    prediction several times."""
    if len(np.unique(hashes)) == len(hashes):
        return all_rows(len(hashes))
    order = np.lexsort((labels, hashes))
    is_first = np.ones(len(order), dtype=bool)
    is_first[1:] = (np.diff(labels[order]) != 0) | (hashes[order][1:] != hashes[order][:-1])
    return np.sort(order[is_first])


def folds_of_texts(labels: np.ndarray, hashes: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """(n,) int64: the fold, 0 to folds - 1, of each row. Equal texts share a fold. Each class is spread evenly over the
    folds, even if it has fewer texts than there are folds."""
    first, texts = _distinct_texts(hashes)
    order = np.random.default_rng([seed, 0xF01D]).permutation(len(first))
    order = order[np.argsort(labels[first][order], kind="stable")]
    text_folds = np.empty(len(first), np.int64)
    text_folds[order] = np.arange(len(first)) % folds
    return text_folds[texts]


def stratified_split(
    labels: np.ndarray, hashes: np.ndarray, fraction: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """The rows of train and dev, in ascending order. dev gets a share of the distinct texts of each class, rounded, but
    never all of them. Equal texts are on the same side."""
    first, texts = _distinct_texts(hashes)
    labels, random = labels[first], np.random.default_rng([seed, 0xDE7])
    sizes = class_sizes(labels, int(labels.max()) + 1)
    shares = [min(round(size * fraction), max(size - 1, 0)) for size in sizes]
    if not any(shares):  # a dev set of one text per class is better than none
        shares = [int(size > 1) for size in sizes]
    is_dev = np.zeros(len(first), dtype=bool)
    for label, share in enumerate(shares):
        is_dev[random.permutation(rows_where(labels == label))[:share]] = True
    return rows_where(~is_dev[texts]), rows_where(is_dev[texts])


def _distinct_texts(hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first row (m,) of each distinct text, in ascending order, and the position of each row's text (n,) in it."""
    _, first, texts = np.unique(hashes, return_index=True, return_inverse=True)
    if len(first) == len(hashes):
        return all_rows(len(hashes)), all_rows(len(hashes))
    ascending = np.sort(first)
    return ascending, np.searchsorted(ascending, first[texts])
