"""The data of a run: train, dev and test read, checked against each other, and put under one vocabulary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from textrnn.data.cache import load_corpus
from textrnn.data.corpus import Corpus
from textrnn.data.reader import read_examples
from textrnn.data.rows import all_rows, class_sizes, count_shared, in_blocks, rows_where
from textrnn.data.scratch import scratch_array
from textrnn.data.source import Source
from textrnn.data.tokenizer import Tokenizer, check_segmented
from textrnn.data.transform import EncodedTexts
from textrnn.data.vocab import UNK, Vocab, select_tokens
from textrnn.errors import DataError

_MANY_LABELS = 40  # more than this, and more than half as many labels as rows: the label column holds something else


@dataclass
class Splits:
    """What training needs of the data.

    counts: (token, count in train) in the order of the vocabulary. type_count: different tokens in train.
    train_rows, dev_rows: which rows of the training file each got, where dev was held out of it.
    warnings: oddities that the user should know of.
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
    statistics: list[str]
    warnings: list[str]
    digests: dict[str, str] = field(default_factory=dict)


def load_splits(
    train: Source,
    dev: Source | None,
    test: Source | None,
    *,
    dev_fraction: float,
    seed: int,
    tokenizer: Tokenizer,
    max_length: int,
    min_count: int,
    max_size: int,
    cache_dir: Path,
    progress: Callable[[str, int], object],
) -> Splits:
    """Read, tokenize and check all splits. progress: called with a split's name and the documents just read.

    Raises: DataError for fewer than two classes, a label in dev or test that train lacks (`file:line`), a tokenizer
    that does not fit the script, and all that reading raises.
    """
    check_segmented(tokenizer.kind, (example.text for example in islice(read_examples(train), 1000)))
    corpora: dict[str, Corpus] = {}
    sources = {"train": train, "dev": dev, "test": test}
    for name, source in sources.items():
        if source is not None:
            corpora[name] = load_corpus(source, tokenizer, cache_dir=cache_dir, progress=partial(progress, name))
    corpus = corpora["train"]
    labels = train.label_names or sorted(corpus.labels)
    _check_labels(corpora, sources, labels)

    train_rows, dev_rows = all_rows(len(corpus)), None
    if dev is None and dev_fraction > 0:
        train_rows, dev_rows = stratified_split(np.asarray(corpus.label_ids), dev_fraction, seed)
    counts, type_count = _count_tokens(corpus, train_rows, max_length, min_count, max_size)
    vocab = Vocab(token for token, _ in counts)
    label_ids = {label: number for number, label in enumerate(labels)}
    encoded = {name: corpus.encoded(vocab, label_ids, max_length) for name, corpus in corpora.items()}
    if dev_rows is not None:
        whole_train = encoded.pop("train")
        encoded["train"] = whole_train.rows(train_rows)
        if len(dev_rows):
            encoded["dev"] = whole_train.rows(dev_rows)
        del whole_train  # or its labels stay in memory
    splits = Splits(
        encoded["train"], encoded.get("dev"), encoded.get("test"), labels, vocab, counts, type_count,
        train_rows, dev_rows, [], [], {f"data.{name}": corpus.digest for name, corpus in corpora.items()},
    )  # fmt: skip
    splits.statistics = _statistics(splits, corpora, max_length)
    splits.warnings = _oddities(splits, sources, corpora, max_length)
    return splits


def stratified_split(labels: np.ndarray, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows (train, dev), each in file order; each class gives dev its share, rounded, but keeps one for train."""
    random = np.random.default_rng([seed, 0xDE7])
    sizes = class_sizes(labels, int(labels.max()) + 1)
    shares = [min(round(size * fraction), size - 1) for size in sizes]
    if not any(share > 0 for share in shares):  # one of each class that has two is better than no judgement
        shares = [min(1, size - 1) for size in sizes]
    held_out = np.zeros(len(labels), dtype=bool)
    for label, share in enumerate(shares):
        if share >= 0:
            held_out[random.permutation(rows_where(labels == label))[:share]] = True
    return rows_where(~held_out), rows_where(held_out)


def encode_labelled(
    source: Source, tokenizer: Tokenizer, vocab: Vocab, labels: list[str], *, max_length: int, cache_dir: Path,
    progress: Callable[[int], object],
) -> tuple[EncodedTexts, Corpus]:  # fmt: skip
    """A labelled file in the ids of an existing model. Raises DataError at the first label the model lacks."""
    corpus = load_corpus(source, tokenizer, cache_dir=cache_dir, progress=progress)
    unknown = [label for label in corpus.labels if label not in labels]
    if unknown:
        raise DataError(_unknown_label(source, unknown[0], labels, "the model"))
    return corpus.encoded(vocab, {label: number for number, label in enumerate(labels)}, max_length), corpus


def _check_labels(corpora: dict[str, Corpus], sources: dict[str, Source | None], labels: list[str]) -> None:
    corpus, train = corpora["train"], sources["train"]
    assert train is not None
    where = ", ".join(train.paths)
    if len(corpus.labels) < 2:
        raise DataError(
            f"{where}: expected two or more classes, but every text has the label {corpus.labels[0]!r}; is "
            f"data.label_column the right one?"
        )
    if train.label_names is None and len(corpus.labels) > max(_MANY_LABELS, len(corpus) / 2):
        raise DataError(
            f"{next(read_examples(train)).where}: found {len(corpus.labels):,} different labels in "
            f"{len(corpus):,} rows, the first of them {corpus.labels[0]!r}: the label column seems to hold texts. "
            f"Set the columns, for example --set data.text_column=0 --set data.label_column=1"
        )
    for name in ("dev", "test"):
        source = sources[name]
        unknown = [label for label in corpora[name].labels if label not in labels] if name in corpora else []
        if source is not None and unknown:
            raise DataError(_unknown_label(source, unknown[0], labels, "the training data"))


def _unknown_label(source: Source, label: str, known: list[str], owner: str) -> str:
    example = next(example for example in read_examples(source) if example.label == label)
    shown = ", ".join(known[:12]) + (", ..." if len(known) > 12 else "")
    return f"{example.where}: unknown label {label!r}; {owner} has: {shown}. Correct or remove the row"


def _count_tokens(
    corpus: Corpus, rows: np.ndarray, max_length: int, min_count: int, max_size: int
) -> tuple[list[tuple[str, int]], int]:
    """(token, count) for the vocabulary, and the number of different tokens, in these rows as a model reads them."""
    counts = scratch_array(corpus.type_count, np.int64, corpus.scratch_folder)
    for block in corpus.cut(max_length).rows(rows).flat_blocks():
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


def _known_share(texts: EncodedTexts) -> float:
    assert texts.id_map is not None
    known = sum(int((texts.id_map[block] != UNK).sum()) for block in texts.flat_blocks())
    return known / int(texts.lengths.sum())


def _coverage(name: str, texts: EncodedTexts, known: float) -> str:
    return f"{name}: {len(texts):,} texts; {100 * known:.2f} % of tokens known, {100 * (1 - known):.2f} % <unk>"


def _statistics(splits: Splits, corpora: dict[str, Corpus], max_length: int) -> list[str]:
    train_corpus = corpora["train"]
    lines = [f"vocabulary: {len(splits.vocab):,} entries of {splits.type_count:,} different tokens"]
    known = sum(count for _, count in splits.counts) / int(splits.train.lengths.sum())
    lines.append(_coverage("train", splits.train, known))
    if splits.dev is not None:
        lines.append(_coverage("dev", splits.dev, _known_share(splits.dev)))
    if splits.test is not None:
        lines.append(f"test: {len(splits.test):,} texts")
    counts = Counter[int]()
    for block in in_blocks(train_corpus.lengths, splits.train_rows):
        counts.update(dict(zip(*(column.tolist() for column in np.unique(block, return_counts=True)), strict=True)))
    lengths = sorted(counts)
    ends = np.cumsum([counts[length] for length in lengths])
    median, p95, p99 = (lengths[np.searchsorted(ends, -(-q * ends[-1] // 100))] for q in (50, 95, 99))
    cut = sum(counts[length] for length in lengths if length > max_length)
    lines.append(
        f"tokens in a text: median {median:,}, 95 % up to {p95:,}, 99 % up to {p99:,}, longest {lengths[-1]:,}; "
        f"{100 * cut / ends[-1]:.2f} % are cut at data.max_length {max_length:,}"
    )
    per_class = class_sizes(np.asarray(splits.train.labels), len(splits.labels))
    lines += [f"label {label}: {count:,} training texts" for label, count in zip(splits.labels, per_class, strict=True)]
    return lines


def _oddities(
    splits: Splits, sources: dict[str, Source | None], corpora: dict[str, Corpus], max_length: int
) -> list[str]:
    found: list[str] = []
    if (train := sources["train"]) is not None and train.columns_unused():
        found.append("data.text_column and data.label_column have no effect: the format has no columns")
    per_class = class_sizes(np.asarray(splits.train.labels), len(splits.labels))
    for label, count in zip(splits.labels, per_class, strict=True):
        if count <= 1:
            found.append(
                f"label {label!r} has {'one training text' if count else 'no training text'}: it can hardly be learnt"
            )
    judged = {
        name: (corpus.hashes, all_rows(len(corpus.hashes))) for name, corpus in corpora.items() if name != "train"
    }
    if splits.dev_rows is not None:
        judged["dev"] = (corpora["train"].hashes, splits.dev_rows)
    for name, (hashes, chosen) in judged.items():
        shared = count_shared(hashes, chosen, corpora["train"].hashes, splits.train_rows)
        if shared:
            found.append(
                f"{shared:,} of {len(chosen):,} {name} texts stand in train too: {name} results will read too high"
            )
    if len(splits.vocab) <= UNK + 1:
        found.append("the vocabulary is empty: no token occurs vocab.min_count times; all texts look alike")
    cut = float((corpora["train"].lengths > max_length).mean())
    if cut > 0.1:
        found.append(
            f"{100 * cut:.0f} % of the training texts are cut at data.max_length {max_length:,}: a larger one reads on"
        )
    for name, corpus in corpora.items():
        empty = int((corpus.lengths == 0).sum())
        if empty:
            found.append(
                f"{empty:,} {name} text{'s have' if empty > 1 else ' has'} no tokens; each is read as one unknown token"
            )
        if corpus.skipped_count:
            rows = "; ".join(corpus.skipped) + ("; ..." if corpus.skipped_count > len(corpus.skipped) else "")
            found.append(
                f"{corpus.skipped_count:,} bad row{'s' * (corpus.skipped_count > 1)} of {name} skipped: {rows}"
            )
    if splits.dev is None and splits.dev_rows is not None:
        found.append("too few texts to hold any out for dev (data.dev_fraction): the last model is kept, not the best")
    return found
