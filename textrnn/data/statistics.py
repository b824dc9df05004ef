"""What a user should know about the data of a run: figures to print, and warnings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from textrnn.data.corpus import Corpus
from textrnn.data.rows import all_rows, class_sizes, count_shared, in_blocks
from textrnn.data.splits import Splits
from textrnn.data.transform import EncodedTexts
from textrnn.data.vocab import UNK
from textrnn.errors import short

_MANY_CUT = 0.1  # a larger share of texts cut at max_length is worth a warning


def statistics(splits: Splits, train: Corpus, max_length: int) -> list[str]:
    """Lines to print. train: the corpus with the training texts; max_length: at which the texts of splits are cut."""
    known = sum(count for _, count in splits.counts) / int(splits.train.lengths.sum())
    lines = [
        f"vocabulary: {len(splits.vocab):,} entries of {splits.type_count:,} distinct tokens",
        _coverage("train", splits.train, known),
    ]
    if splits.dev is not None:
        lines.append(_coverage("dev", splits.dev, _known_share(splits.dev)))
    if splits.test is not None:
        lines.append(f"test: {len(splits.test):,} texts")
    lines.append(_lengths(train, splits.train_rows, max_length))
    for label, size in zip(splits.labels, _class_sizes(splits), strict=True):
        lines.append(f"label {label}: {size:,} training texts")
    return lines


def find_warnings(splits: Splits, corpora: dict[str, Corpus], max_length: int) -> list[str]:
    """What is unusual about the data and may be a mistake. corpora: those that the splits come from, by name."""
    return [
        *_class_warnings(splits),
        *_shared_warnings(splits, corpora),
        *_vocabulary_warnings(splits, corpora["train"], max_length),
        *(line for name, corpus in corpora.items() for line in _corpus_warnings(name, corpus)),
        *_dev_warnings(splits),
    ]


def _coverage(name: str, texts: EncodedTexts, known: float) -> str:
    return f"{name}: {len(texts):,} texts; {100 * known:.2f} % of tokens known, {100 * (1 - known):.2f} % <unk>"


def _known_share(texts: EncodedTexts) -> float:
    assert texts.id_map is not None
    known = sum(int((texts.id_map[block] != UNK).sum()) for block in texts.flat_blocks())
    return known / int(texts.lengths.sum())


def _lengths(corpus: Corpus, rows: np.ndarray, max_length: int) -> str:
    counts = Counter[int]()
    for block in in_blocks(corpus.lengths, rows):
        distinct, times = np.unique(block, return_counts=True)
        counts.update(dict(zip(distinct.tolist(), times.tolist(), strict=True)))
    lengths = sorted(counts)
    ends = np.cumsum([counts[length] for length in lengths])
    median, p95, p99 = (lengths[np.searchsorted(ends, -(-q * ends[-1] // 100))] for q in (50, 95, 99))
    cut = sum(counts[length] for length in lengths if length > max_length)
    return (
        f"tokens per text: median {median:,}, 95th percentile {p95:,}, 99th {p99:,}, maximum {lengths[-1]:,}; "
        f"{100 * cut / ends[-1]:.2f} % of the texts are cut at data.max_length {max_length:,}"
    )


def _class_sizes(splits: Splits) -> list[int]:
    return [] if splits.train.labels is None else class_sizes(np.asarray(splits.train.labels), len(splits.labels))


def _class_warnings(splits: Splits) -> Iterator[str]:
    for label, size in zip(splits.labels, _class_sizes(splits), strict=True):
        if size == 0:
            yield f"label {short(label)} has no training text: the model cannot learn it"
        elif size == 1:
            yield f"label {short(label)} has a single training text: the model can hardly learn it"


def _shared_warnings(splits: Splits, corpora: dict[str, Corpus]) -> Iterator[str]:
    train = corpora["train"].hashes
    evaluated = {name: (corpus.hashes, all_rows(len(corpus))) for name, corpus in corpora.items() if name != "train"}
    if splits.dev_rows is not None:
        evaluated["dev"] = (train, splits.dev_rows)
    for name, (hashes, rows) in evaluated.items():
        shared = count_shared(hashes, rows, train, splits.train_rows)
        if shared:
            yield f"{shared:,} of {len(rows):,} {name} texts also occur in train: {name} scores are inflated"


def _vocabulary_warnings(splits: Splits, train: Corpus, max_length: int) -> Iterator[str]:
    if len(splits.vocab) <= UNK + 1:
        yield "the vocabulary is empty: no token occurs vocab.min_count times, so all texts look alike to the model"
    cut = float((train.lengths > max_length).mean())
    if cut > _MANY_CUT:
        yield f"{100 * cut:.0f} % of the training texts are cut at data.max_length {max_length:,}: consider raising it"


def _corpus_warnings(name: str, corpus: Corpus) -> Iterator[str]:
    empty = int((corpus.lengths == 0).sum())
    if empty:
        yield f"{empty:,} {name} text{'s have' if empty > 1 else ' has'} no tokens; each is read as one unknown token"
    if corpus.skipped_count:
        plural = "s" * (corpus.skipped_count > 1)
        more = "; ..." if corpus.skipped_count > len(corpus.skipped) else ""
        yield f"{corpus.skipped_count:,} bad row{plural} of {name} skipped: {'; '.join(corpus.skipped)}{more}"


def _dev_warnings(splits: Splits) -> Iterator[str]:
    if splits.dev is None and splits.dev_rows is not None:
        yield "too few texts to hold any out for dev (data.dev_fraction): the last model is kept, not the best"
