"""Corpora -> the data of a run: one vocabulary, dev held out of train where there is none, everything encoded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from textrnn.data.corpus import Corpus
from textrnn.data.findings import Finding
from textrnn.data.rows import all_rows, class_sizes, in_blocks, rows_where
from textrnn.data.scratch import scratch_array
from textrnn.data.transform import EncodedTexts
from textrnn.data.vocab import Vocab, select_tokens

DEV_FRACTION = 0.1  # where the config has none
SMALL = 20_000  # texts, from which on networks are not cross-fitted


@dataclass
class Splits:
    """What training needs of the data.

    labels: names in the order of their ids; empty without labels. counts: (token, count in train) in the order of the
    vocabulary. type_count: distinct tokens in train. train_rows, dev_rows: the rows of the training data that each
    got; dev_rows is None where dev was not held out of it. folds (n,): of each training text, where networks are
    cross-fitted; None where they are not. hashes: split -> those of all texts of its files. lengths: split -> the
    tokens of each of these texts, before any cut. digests: config key ->
    content digest of its files. format: of the training files; auto where they differ.
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
    folds: np.ndarray | None = None
    statistics: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    hashes: dict[str, np.ndarray] = field(default_factory=dict)
    lengths: dict[str, np.ndarray] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    format: str = "auto"

    @property
    def warnings(self) -> list[str]:
        """The findings, for a log."""
        return [line for finding in self.findings for line in finding.lines()]


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
) -> Splits:
    """The splits of corpora "train" and, where there are such, "dev" and "test", read from files or made in memory.

    labels: names in the order of their ids, with every label of the corpora; None for corpora without labels.
    dev_fraction: share of each class of train that becomes dev where there is no dev corpus; None: a tenth, or, of a
    small corpus, none, as it is divided into `folds` for cross-fitting. max_length: tokens at which a text is cut.
    min_count, max_size: of the vocabulary, which is counted over the training texts so cut.

    Raises: KeyError for a label that is not in `labels`.
    """
    corpus = corpora["train"]
    train_rows, dev_rows, fold_of_row = all_rows(len(corpus)), None, None
    classes = np.zeros(len(corpus), np.int8) if corpus.label_ids is None else np.asarray(corpus.label_ids)
    share = DEV_FRACTION if dev_fraction is None else dev_fraction
    if "dev" not in corpora and dev_fraction is None and is_cross_fitted(len(corpus), folds):
        fold_of_row = folds_of_texts(classes, corpus.hashes, min(folds, len(corpus) // 2), seed)
    elif "dev" not in corpora and share > 0:
        train_rows, dev_rows = stratified_split(classes, share, seed)
    counts, type_count = _count_tokens(corpus.cut(max_length).rows(train_rows), corpus, min_count, max_size)
    vocab = Vocab(token for token, _ in counts)
    label_ids = None if labels is None else {label: number for number, label in enumerate(labels)}
    encoded = {name: corpus.encoded(vocab, label_ids, max_length) for name, corpus in corpora.items()}
    if dev_rows is not None:
        whole = encoded.pop("train")
        encoded["train"] = whole.rows(train_rows)
        if len(dev_rows):
            encoded["dev"] = whole.rows(dev_rows)
    return Splits(
        encoded["train"], encoded.get("dev"), encoded.get("test"), labels or [], vocab, counts, type_count,
        train_rows, dev_rows, fold_of_row,
    )  # fmt: skip


def is_cross_fitted(texts: int, folds: int) -> bool:
    """Whether the networks of so many training texts, with no dev of their own, are cross-fitted. With more texts, a
    tenth of them is enough to choose on, and little to lose."""
    return folds > 1 and 4 <= texts < SMALL


def stratified_folds(labels: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """(n,) int64: the fold, 0 to folds - 1, of each row. Classes are spread evenly, also those with fewer rows."""
    random = np.random.default_rng([seed, 0xF01D])
    order = random.permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    found = np.empty(len(labels), np.int64)
    found[order] = np.arange(len(labels)) % folds
    return found


def folds_of_texts(labels: np.ndarray, hashes: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """As `stratified_folds`, but equal texts share a fold, so that none is judged by what was trained on it. With fewer
    distinct texts than folds they cannot."""
    _, first, text_of_row = np.unique(np.asarray(hashes), return_index=True, return_inverse=True)
    ascending = np.argsort(first, kind="stable")
    place = np.empty(len(first), np.int64)
    place[ascending] = np.arange(len(first))
    if len(first) < folds:
        return stratified_folds(labels, folds, seed)
    of_text = stratified_folds(labels[first[ascending]], folds, seed)
    return of_text[place[text_of_row]]


def stratified_split(labels: np.ndarray, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows (train, dev), each in file order; dev gets a share of each class, rounded, but never all of it."""
    random = np.random.default_rng([seed, 0xDE7])
    sizes = class_sizes(labels, int(labels.max()) + 1)
    shares = [min(round(size * fraction), size - 1) for size in sizes]
    if not any(share > 0 for share in shares):  # a dev set of one text per class is better than none
        shares = [min(1, size - 1) for size in sizes]
    held_out = np.zeros(len(labels), dtype=bool)
    for label, share in enumerate(shares):
        if share >= 0:
            held_out[random.permutation(rows_where(labels == label))[:share]] = True
    return rows_where(~held_out), rows_where(held_out)


def _count_tokens(
    texts: EncodedTexts, corpus: Corpus, min_count: int, max_size: int
) -> tuple[list[tuple[str, int]], int]:
    """(token, count) for the vocabulary, and the number of distinct tokens, of some texts of a corpus."""
    counts = scratch_array(corpus.type_count, np.int64, corpus.scratch_folder)
    for block in texts.flat_blocks():
        np.add.at(counts, block, 1)

    def frequent() -> Iterator[tuple[str, int]]:
        begin = 0
        for tokens in corpus.types_in_blocks():
            of_block = counts[begin : begin + len(tokens)]
            for at in np.flatnonzero(of_block >= min_count):
                yield tokens[at], int(of_block[at])
            begin += len(tokens)

    selected = select_tokens(frequent(), min_count=min_count, max_size=max_size)
    return selected, sum(int(np.count_nonzero(block)) for block in in_blocks(counts))
