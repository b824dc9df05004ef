"""Corpora -> the data of a run: one vocabulary, dev held out of train where there is none, everything encoded."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np

from textrnn.corpus.corpus import Corpus
from textrnn.corpus.division import Division, distinct_rows, divide
from textrnn.errors import DataError
from textrnn.texts.rows import all_rows, class_sizes, rows_where
from textrnn.texts.transform import EncodedTexts
from textrnn.texts.vocab import Vocab, select_tokens


class HeldOut(NamedTuple):
    """texts (m,): to judge networks on. rows (m,): which of the training texts they are, if networks are cross-fitted,
    else which of dev. hashes (m,): of the texts. folds (m,): of each text, or None."""

    texts: EncodedTexts
    rows: np.ndarray
    hashes: np.ndarray
    folds: np.ndarray | None


@dataclass
class Splits:
    """What training needs of the data.

    labels: names in the order of their ids; empty without labels. counts: (token, count in train) in the order of the
    vocabulary. type_count: distinct tokens in train. train_rows: the rows of the training data that train networks.
    dev_rows: the rows of the dev data, or, without any, of the training data, that judge them; None if there is no dev.
    folds (n,): of each training text if networks are cross-fitted, else None. judging_rows (k,): the rows of the
    training data that judge networks, see `Division`. hashes: split -> those of all texts of
    its files. lengths: split -> the tokens of each of these texts, before any cut. skips_empty: whether texts without a
    token are left out of train and dev. digests: config key -> content digest of its files. format: of the training
    files; auto if they differ.
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
    judging_rows: np.ndarray
    skips_empty: bool = True
    statistics: list[str] = field(default_factory=list)
    hashes: dict[str, np.ndarray] = field(default_factory=dict)
    lengths: dict[str, np.ndarray] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    format: str = "auto"

    @property
    def dev_is_part_of_train(self) -> bool:
        return self.dev_rows is not None and "dev" not in self.hashes

    @property
    def class_shares(self) -> list[float]:
        """Of each class in the training texts, in the order of `labels`."""
        sizes = class_sizes(np.asarray(self.train.labels), len(self.labels))
        return [size / len(self.train) for size in sizes]

    def fitted_hashes(self, *, with_dev: bool) -> np.ndarray:
        """Those of the training texts, and of the dev texts if a linear model is fitted on them, too."""
        hashes = self.hashes["train"][self.train_rows]
        held_out = self.held_out
        return np.concatenate([hashes, held_out.hashes]) if with_dev and held_out is not None else hashes

    @cached_property
    def held_out(self) -> HeldOut | None:
        """The texts that judge networks, one for each distinct text and label. None if there are none."""
        if self.folds is not None:
            rows = np.searchsorted(self.train_rows, self.judging_rows)
            return HeldOut(self.train.rows(rows), rows, self.hashes["train"][self.judging_rows], self.folds[rows])
        if self.dev is None or self.dev_rows is None:
            return None
        hashes = self.hashes["train" if self.dev_is_part_of_train else "dev"][self.dev_rows]
        return HeldOut(self.dev, np.arange(len(self.dev)), hashes, None)


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
    """The splits of corpora "train" and, where there are such, "dev" and "test", read from files or made in memory.

    labels: names in the order of their ids, with every label of the corpora; None for corpora without labels.
    dev_fraction: share of each class of train that becomes dev where there is no dev corpus; None: a tenth, or, of a
    small corpus, none, as it is divided into `folds` for cross-fitting. max_length: tokens at which a text is cut.
    min_count, max_size: of the vocabulary, which is counted over the training texts so cut. skip_empty: leave texts
    without a token out of train and dev.

    Raises: KeyError for a label that is not in `labels`; DataError if train or dev has no text with a token, or the
    texts of train that have one are of a single class.
    """
    corpus = corpora["train"]
    if skip_empty:
        for name in corpora.keys() & {"train", "dev"}:
            _check_tokens(corpora[name], name, classes=min(2, len(labels or ())) if name == "train" else 0)
    train_rows, dev_rows, fold_of_row, judging = divide_corpus(
        corpus, has_dev="dev" in corpora, dev_fraction=dev_fraction, folds=folds, seed=seed, skip_empty=skip_empty
    )
    counts, type_count = _count_tokens(corpus.cut(max_length).rows(train_rows), corpus, min_count, max_size)
    vocab = Vocab(token for token, _ in counts)
    label_ids = None if labels is None else {label: number for number, label in enumerate(labels)}
    encoded = {name: corpus.encoded(vocab, label_ids, max_length) for name, corpus in corpora.items()}
    whole = encoded["train"]
    encoded["train"] = chosen_rows(whole, train_rows)
    if "dev" in corpora:
        dev_rows = judging_rows(corpora["dev"], skip_empty=skip_empty)
        encoded["dev"] = chosen_rows(encoded["dev"], dev_rows)
    elif dev_rows is not None and len(dev_rows):
        encoded["dev"] = whole.rows(dev_rows)
    return Splits(
        encoded["train"], encoded.get("dev"), encoded.get("test"), labels or [], vocab, counts, type_count,
        train_rows, dev_rows, fold_of_row, judging, skip_empty,
        hashes={name: corpus.hashes for name, corpus in corpora.items()},
        lengths={name: corpus.lengths for name, corpus in corpora.items()},
    )  # fmt: skip


def divide_corpus(
    corpus: Corpus, *, has_dev: bool, dev_fraction: float | None, folds: int, seed: int, skip_empty: bool
) -> Division:
    """The training data of a run. Arguments as of `division.divide`; skip_empty: as of `split_corpora`."""
    classes = np.zeros(len(corpus), np.int8) if corpus.label_ids is None else np.asarray(corpus.label_ids)
    used = _with_tokens(corpus) if skip_empty else all_rows(len(corpus))
    return divide(classes, corpus.hashes, used, has_dev=has_dev, dev_fraction=dev_fraction, folds=folds, seed=seed)


def chosen_rows(texts: EncodedTexts, rows: np.ndarray) -> EncodedTexts:
    """These rows of texts; without a copy if they are all."""
    return texts if len(rows) == len(texts) else texts.rows(rows)


def _with_tokens(corpus: Corpus) -> np.ndarray:
    """The rows of texts with a token."""
    return rows_where(np.asarray(corpus.lengths) > 0)


def _check_tokens(corpus: Corpus, name: str, *, classes: int) -> None:
    """Raises DataError for a corpus in which no text has a token, or those that have one are of fewer classes."""
    rows = _with_tokens(corpus)
    remedy = "check data.text_column, or keep the others with --set data.empty_texts=keep"
    if not len(rows):
        raise DataError(f"none of the {len(corpus):,} {name} texts has a token: {remedy}")
    if corpus.label_ids is not None and len(rows) < len(corpus):
        found = len(np.unique(corpus.label_ids[rows]))
        if found < classes:
            raise DataError(
                f"expected two or more classes, but the {len(rows):,} {name} texts that have a token are all of one: "
                f"{remedy}"
            )


def judging_rows(dev: Corpus, *, skip_empty: bool) -> np.ndarray:
    """The rows of a dev corpus on which networks are judged."""
    rows = _with_tokens(dev) if skip_empty else all_rows(len(dev))
    return rows if dev.label_ids is None else rows[distinct_rows(dev.label_ids[rows], dev.hashes[rows])]


def _count_tokens(
    texts: EncodedTexts, corpus: Corpus, min_count: int, max_size: int
) -> tuple[list[tuple[str, int]], int]:
    """(token, count) for the vocabulary, and the number of distinct tokens, of some texts of a corpus."""
    counts = np.zeros(corpus.type_count, np.int64)
    for block in texts.flat_blocks():
        np.add.at(counts, block, 1)
    selected = select_tokens(zip(corpus.types(), counts.tolist(), strict=True), min_count=min_count, max_size=max_size)
    return selected, int(np.count_nonzero(counts))
