"""What a user should know about the data of a run: figures to print, and warnings."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

import numpy as np

from textrnn.data.corpus import Corpus
from textrnn.data.labels import folded
from textrnn.data.reader import Example
from textrnn.data.repeats import find_repeats, show_contradictions
from textrnn.data.rows import all_rows, class_sizes, count_shared, in_blocks
from textrnn.data.splits import Splits
from textrnn.data.transform import EncodedTexts
from textrnn.data.vocab import UNK
from textrnn.errors import short

_MANY_CUT = 0.25  # a larger share of texts cut at max_length is worth a warning
_MANY_REPEATS = 0.05  # a larger share of rows that repeat an earlier one is, too
_TEXTS_AT_ONCE = 1024
_LABELS_SHOWN = 4  # of each group of labels that look alike
_GROUPS_SHOWN = 3
_FEW_SHOWN = 10  # labels with no training text, or with a single one


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


def find_warnings(
    splits: Splits, corpora: dict[str, Corpus], max_length: int, examples: Iterable[Example]
) -> list[str]:
    """What is unusual about the data and may be a mistake.

    corpora: those that the splits come from, by name. examples: those of "train", read only to show some of them.
    """
    return [
        *_class_warnings(splits),
        *_alike_warnings(splits),
        *_repeat_warnings(corpora["train"], examples),
        *_shared_warnings(splits, corpora),
        *_vocabulary_warnings(splits, corpora["train"], max_length),
        *(line for name, corpus in corpora.items() for line in _corpus_warnings(name, corpus)),
        *_dev_warnings(splits),
    ]


def cut_warning(name: str, lengths: np.ndarray, rows: np.ndarray, max_length: int) -> str | None:
    """For texts, `lengths[rows]` of a corpus, of which many are longer than max_length; None where few are."""
    cut = sum(int((block > max_length).sum()) for block in in_blocks(lengths, rows))
    if cut <= _MANY_CUT * len(rows):
        return None
    (enough,) = _length_quantiles(_count_lengths(lengths, rows), 95)
    return (
        f"{100 * cut / len(rows):.0f} % of the {name} texts are cut at data.max_length {max_length:,}; --set "
        f"data.max_length={enough} reads 95 % of them whole"
    )


def _coverage(name: str, texts: EncodedTexts, known: float) -> str:
    return f"{name}: {len(texts):,} texts; {100 * known:.2f} % of tokens known, {100 * (1 - known):.2f} % <unk>"


def _known_share(texts: EncodedTexts) -> float:
    assert texts.id_map is not None
    known = sum(int((texts.id_map[block] != UNK).sum()) for block in texts.flat_blocks())
    return known / int(texts.lengths.sum())


def unknown_shares(texts: EncodedTexts) -> np.ndarray:
    """(n,) float32: the share of each text's tokens, up to where it is cut, that the vocabulary lacks."""
    assert texts.id_map is not None
    found, begin = np.empty(len(texts), np.float32), 0
    for block in texts.flat_blocks(_TEXTS_AT_ONCE):
        lengths = texts.lengths[begin : begin + _TEXTS_AT_ONCE]
        unknown = np.add.reduceat(texts.id_map[block] == UNK, np.cumsum(lengths) - lengths, dtype=np.int64)
        found[begin : begin + len(lengths)] = unknown / lengths
        begin += len(lengths)
    return found


def _lengths(corpus: Corpus, rows: np.ndarray, max_length: int) -> str:
    counts = _count_lengths(corpus.lengths, rows)
    median, p95, p99, longest = _length_quantiles(counts, 50, 95, 99, 100)
    cut = sum(count for length, count in counts.items() if length > max_length)
    return (
        f"tokens per text: median {median:,}, 95th percentile {p95:,}, 99th {p99:,}, maximum {longest:,}; "
        f"{100 * cut / len(rows):.2f} % of the texts are cut at data.max_length {max_length:,}"
    )


def _count_lengths(lengths: np.ndarray, rows: np.ndarray) -> Counter[int]:
    counts = Counter[int]()
    for block in in_blocks(lengths, rows):
        distinct, times = np.unique(block, return_counts=True)
        counts.update(dict(zip(distinct.tolist(), times.tolist(), strict=True)))
    return counts


def _length_quantiles(counts: Counter[int], *percents: int) -> list[int]:
    lengths = sorted(counts)
    ends = np.cumsum([counts[length] for length in lengths])
    return [lengths[np.searchsorted(ends, -(-percent * ends[-1] // 100))] for percent in percents]


def _class_sizes(splits: Splits) -> list[int]:
    return [] if splits.train.labels is None else class_sizes(np.asarray(splits.train.labels), len(splits.labels))


def _class_warnings(splits: Splits) -> Iterator[str]:
    sizes = _class_sizes(splits)
    for few, found, result in ((0, "no", "cannot"), (1, "a single", "can hardly")):
        labels = [label for label, size in zip(splits.labels, sizes, strict=True) if size == few]
        for label in labels[:_FEW_SHOWN]:
            yield f"label {short(label)} has {found} training text: the model {result} learn it"
        if (more := len(labels) - _FEW_SHOWN) > 0:
            yield f"{more:,} more label{'s have' if more > 1 else ' has'} {found} training text"


def _alike_warnings(splits: Splits) -> Iterator[str]:
    sizes = dict(zip(splits.labels, _class_sizes(splits), strict=True))
    groups = defaultdict(list)
    for label in splits.labels:
        groups[folded(label)].append(label)
    alike = [labels for labels in groups.values() if len(labels) > 1]
    for labels in alike[:_GROUPS_SHOWN]:
        unit = f" training text{'s' * (sizes[labels[0]] != 1)}"  # said of the first
        shown = ", ".join(
            f"{short(label)} ({sizes[label]:,}{unit * (label == labels[0])})" for label in labels[:_LABELS_SHOWN]
        )
        rest = f" and {len(labels) - _LABELS_SHOWN:,} more" * (len(labels) > _LABELS_SHOWN)
        yield (
            f"labels {shown}{rest} differ only in case, white space or Unicode form and are learnt as different "
            f"classes: if they mean the same, write them alike in the data"
        )
    if (more := len(alike) - _GROUPS_SHOWN) > 0:
        yield f"{more:,} more group{'s' * (more > 1)} of labels differ only in case, white space or Unicode form"


def _repeat_warnings(train: Corpus, examples: Iterable[Example]) -> Iterator[str]:
    if train.label_ids is None:
        return
    repeats = find_repeats(train)
    texts, rows = int(repeats.contradictory.sum()), int(repeats.counts[repeats.contradictory].sum())
    if texts:
        yield (
            f"{texts:,} {'texts occur' if texts > 1 else 'text occurs'} in the training data with different labels "
            f"({rows:,} rows), and a model learns one label for a text: correct the labels, or remove rows"
        )
        yield from show_contradictions(repeats, examples)
    again = int(repeats.counts.sum()) - len(repeats.counts) - (rows - texts)
    if again > _MANY_REPEATS * len(train):
        yield (
            f"{again:,} of {len(train):,} rows of the training data repeat an earlier text with the same label: their "
            f"texts weigh more than others"
        )


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
    if cut := cut_warning("training", train.lengths, splits.train_rows, max_length):
        yield cut


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
