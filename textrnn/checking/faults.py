"""What is wrong or worth a look in the data of a run, as its corpora show it: `train`, `check` and the estimator report
it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from textrnn.checking.findings import Finding, is_severe
from textrnn.corpus.corpus import Corpus
from textrnn.corpus.splits import Splits
from textrnn.corpus.statistics import cut_warning, training_sizes
from textrnn.errors import short
from textrnn.reading.labels import folded
from textrnn.reading.reader import Example
from textrnn.reading.records import count_of
from textrnn.texts.rows import all_rows, count_shared, in_blocks, row_type
from textrnn.texts.vocab import UNK

_MANY_REPEATS = 0.05  # a larger share of rows that repeat an earlier one is worth a warning
_MANY_OF_ONE, _FEWEST_OF_ONE = 0.01, 5  # a larger share of rows, and so many, with the same text are worth a warning
_LABELS_SHOWN = 4  # of each group of labels that look alike
_GROUPS_SHOWN = 3
_PLACES_SHOWN = 5  # of texts without tokens
_FEW_SHOWN = 10  # labels with no training text, or with a single one
_TEXTS_SHOWN, _PLACES_OF_TEXT = 3, 4  # of those with different labels
_ALIKE = "differ only in case, white space, Unicode form, invisible characters or the form of a number"
_MISSING = frozenset({"nan", "none", "null", "n/a", "na", "#n/a", "<na>", "nat"})  # as programs write a missing value
_KEEP_ONE = "keep one of each, unless they are as frequent in the texts to be labelled"


def find_faults(
    splits: Splits,
    corpora: dict[str, Corpus],
    max_length: int,
    examples_at: Callable[[Collection[int]], Mapping[int, Example]],
) -> list[Finding]:
    """corpora: those that the splits come from, by name. examples_at: reads those of "train" at some rows, to show
    them; called once."""
    train = corpora["train"]
    repeats = find_repeats(train)
    contradictions, frequent = _contradictions(repeats, train), _frequent(repeats, train)
    empty = {name: np.flatnonzero(np.asarray(corpus.lengths) == 0) for name, corpus in corpora.items()}
    examples = examples_at(
        {*(row for rows in contradictions.values() for row in rows), *repeats.first[frequent].tolist()}
        | set(empty["train"][:_PLACES_SHOWN].tolist())
    )
    return [
        *_rare_classes(splits),
        *_labels_alike(splits),
        *_missing_values(splits),
        *_repeats(train, repeats, contradictions, frequent, examples),
        *_shared_texts(splits, corpora),
        *_vocabulary(splits, train, max_length),
        *(each for name in corpora for each in _rows(name, corpora[name], empty[name], splits.skips_empty, examples)),
        *_dev(splits),
    ]


def _rare_classes(splits: Splits) -> Iterator[Finding]:
    sizes = training_sizes(splits)
    for few, found, result in ((0, "no", "cannot"), (1, "a single", "can hardly")):
        labels = [label for label, size in zip(splits.labels, sizes, strict=True) if size == few]
        lines = [
            f"label {short(label)} has {found} training text: the model {result} learn it"
            for label in labels[:_FEW_SHOWN]
        ]
        if (more := len(labels) - _FEW_SHOWN) > 0:
            lines.append(f"{more:,} more label{'s have' if more > 1 else ' has'} {found} training text")
        if lines:
            yield Finding("classes", lines[0], severe=True, examples=lines[1:])


def _labels_alike(splits: Splits) -> Iterator[Finding]:
    sizes = dict(zip(splits.labels, training_sizes(splits), strict=True))
    groups = defaultdict(list)
    for label in splits.labels:
        groups[folded(label)].append(label)
    alike = [labels for labels in groups.values() if len(labels) > 1]
    lines = []
    for labels in alike[:_GROUPS_SHOWN]:
        unit = f" training text{'s' * (sizes[labels[0]] != 1)}"  # said of the first
        shown = ", ".join(
            f"{short(label)} ({sizes[label]:,}{unit * (label == labels[0])})" for label in labels[:_LABELS_SHOWN]
        )
        rest = f" and {len(labels) - _LABELS_SHOWN:,} more" * (len(labels) > _LABELS_SHOWN)
        lines.append(
            f"labels {shown}{rest} {_ALIKE} and are learnt as different "
            f"classes: if they mean the same, write them alike in the data"
        )
    if (more := len(alike) - _GROUPS_SHOWN) > 0:
        lines.append(f"{more:,} more group{'s' * (more > 1)} of labels {_ALIKE}")
    if lines:
        yield Finding("labels", lines[0], severe=True, examples=lines[1:])


def _missing_values(splits: Splits) -> Iterator[Finding]:
    sizes = dict(zip(splits.labels, training_sizes(splits), strict=True))
    labels = [label for label in splits.labels if folded(label) in _MISSING]
    if labels:
        shown = ", ".join(f"{short(label)} ({count_of(sizes[label], 'training text')})" for label in labels)
        looks = (
            "label {} looks like a missing value and is"
            if len(labels) == 1
            else "labels {} look like missing values and are"
        )
        yield Finding(
            "labels",
            f"{looks.format(shown)} learnt as any other class",
            remedy="remove these rows, unless it is the name of a class",
        )


class Repeats(NamedTuple):
    """The texts that occur more than once in a corpus, those without tokens left out.

    hashes (m,) uint64, in ascending order: of the texts. first, counts (m,): the first row of each, and how many rows
    it has. contradictory (m,) bool: whether they have different labels.
    """

    hashes: np.ndarray
    first: np.ndarray
    counts: np.ndarray
    contradictory: np.ndarray


def find_repeats(corpus: Corpus) -> Repeats:
    """None in a corpus without labels. Holds up to about 15 bytes per row of the corpus in memory."""
    hashes = corpus.hashes[corpus.lengths > 0] if corpus.label_ids is not None else np.zeros(0, np.uint64)
    hashes.sort()
    again = hashes[1:] == hashes[:-1]
    second = again.copy()  # whether a value occurs for the second time
    second[1:] &= ~again[:-1]
    hashes = hashes[1:][second]
    kind = row_type(len(corpus) + 1)
    first, counts = np.full(len(hashes), len(corpus), kind), np.zeros(len(hashes), kind)
    lowest, highest = np.full(len(hashes), len(corpus.labels), np.int32), np.full(len(hashes), -1, np.int32)
    begin = 0
    label_ids = np.zeros(0) if corpus.label_ids is None else corpus.label_ids
    blocks = zip(in_blocks(corpus.hashes), in_blocks(label_ids), strict=True) if len(hashes) else ()
    for block, labels in blocks:
        order = np.argsort(block)  # values in ascending order are found several times as fast
        at = np.searchsorted(hashes, block[order]).clip(max=len(hashes) - 1)
        found = hashes[at] == block[order]
        at, rows = at[found], order[found]
        np.minimum.at(first, at, (begin + rows).astype(kind))
        np.add.at(counts, at, 1)
        np.minimum.at(lowest, at, labels[rows])
        np.maximum.at(highest, at, labels[rows])
        begin += len(block)
    return Repeats(hashes, first, counts, lowest < highest)


def _contradictions(repeats: Repeats, train: Corpus) -> dict[int, list[int]]:
    """Position in `repeats` of the first few texts with different labels -> their rows to show, among them one with
    another label than the first."""
    chosen = np.flatnonzero(repeats.contradictory)
    shown = {}
    for at in chosen[np.argsort(repeats.first[chosen])[:_TEXTS_SHOWN]].tolist():
        rows = np.flatnonzero(train.hashes == repeats.hashes[at])
        labels = np.asarray(train.label_ids)[rows]
        last = _PLACES_OF_TEXT - 1
        others = rows[last:][labels[last:] != labels[0]] if len(set(labels[:last].tolist())) == 1 else rows[last:]
        shown[at] = [*rows[:last].tolist(), *others[:1].tolist()]
    return shown


def _frequent(repeats: Repeats, train: Corpus) -> np.ndarray:
    """Positions in `repeats` of texts that are a large part of all rows, the most frequent first."""
    often = np.flatnonzero((repeats.counts > _MANY_OF_ONE * len(train)) & (repeats.counts >= _FEWEST_OF_ONE))
    return often[np.argsort(-repeats.counts[often], kind="stable")][:_FEW_SHOWN]


def _repeats(
    train: Corpus,
    repeats: Repeats,
    contradictions: dict[int, list[int]],
    frequent: np.ndarray,
    examples: Mapping[int, Example],
) -> Iterator[Finding]:
    texts, rows = int(repeats.contradictory.sum()), int(repeats.counts[repeats.contradictory].sum())
    if texts:
        yield Finding(
            "labels",
            f"{texts:,} {'texts occur' if texts > 1 else 'text occurs'} in the training data with different labels "
            f"({rows:,} rows), and a model learns one label for a text: correct the labels, or remove rows",
            severe=is_severe(rows, len(train)),
            examples=[
                _contradiction([examples[row] for row in shown], int(repeats.counts[at]))
                for at, shown in contradictions.items()
            ],
        )
    if len(frequent):
        lines = []
        for at in frequent.tolist():
            first = examples[int(repeats.first[at])]
            lines.append(
                f"{short(first.text.strip())} is {repeats.counts[at]:,} of {len(train):,} rows of the training data, "
                f"first at {first.where}"
            )
        yield Finding("copies", lines[0], remedy=_KEEP_ONE, examples=lines[1:])
    again = int(repeats.counts.sum()) - len(repeats.counts) - (rows - texts)
    if again > _MANY_REPEATS * len(train):
        yield Finding(
            "copies",
            f"{again:,} of {len(train):,} rows of the training data repeat an earlier text with the same label: their "
            f"texts weigh more than others",
            remedy=_KEEP_ONE,
        )


def _contradiction(places: Sequence[Example], count: int) -> str:
    """count: of all rows with the text."""
    shown = ", ".join(f"{short(each.label)} at {each.where}" for each in places)
    more = count - len(places)
    return f"{short(places[0].text.strip())}: {shown}" + f" and {more:,} more row{'s' * (more > 1)}" * (more > 0)


def _shared_texts(splits: Splits, corpora: dict[str, Corpus]) -> Iterator[Finding]:
    train = corpora["train"].hashes
    evaluated = {name: (corpus.hashes, all_rows(len(corpus))) for name, corpus in corpora.items() if name != "train"}
    if splits.dev_is_part_of_train and splits.dev_rows is not None:
        evaluated["dev"] = (train, splits.dev_rows)
    for name, (hashes, rows) in evaluated.items():
        shared = count_shared(hashes, rows, train, splits.train_rows)
        if shared:
            yield Finding(
                "copies",
                f"{shared:,} of {len(rows):,} {name} texts also occur in train: {name} scores are inflated",
                severe=is_severe(shared, len(rows)),
                remedy="remove them from train" if name in corpora else "remove repeated rows",
                split=name,
            )


def _vocabulary(splits: Splits, train: Corpus, max_length: int) -> Iterator[Finding]:
    if len(splits.vocab) <= UNK + 1:
        yield Finding(
            "vocabulary",
            "the vocabulary is empty: no token occurs vocab.min_count times, so all texts look alike to the model",
            severe=True,
            remedy="--set vocab.min_count=1, or check that the column of texts is the right one (--text-column)",
        )
    if cut := cut_warning("training", train.lengths, splits.train_rows, max_length):
        yield Finding("lengths", cut)


def _rows(
    name: str, corpus: Corpus, empty: np.ndarray, skips_empty: bool, examples: Mapping[int, Example]
) -> Iterator[Finding]:
    """empty: the rows of texts without tokens."""
    if len(empty):
        result = {"train": "left out of training", "dev": "left out of the scores on dev"}.get(name, "")
        result = (result or "labelled by the shares of the classes") if skips_empty else "read as one unknown token"
        shown = empty[:_PLACES_SHOWN].tolist()
        listed = ", ".join(examples[row].where if name == "train" else f"{row + 1:,}" for row in shown)
        places = listed if name == "train" else f"row{'s' * (len(empty) > 1)} {listed}"
        more = len(empty) - len(shown)
        yield Finding(
            "empty",
            f"{len(empty):,} {name} text{'s have' if len(empty) > 1 else ' has'} no tokens: {result} "
            f"(data.empty_texts: {'skip' if skips_empty else 'keep'}); {places}{f' and {more:,} more' * (more > 0)}",
            severe=is_severe(len(empty), len(corpus)),
            remedy="remove these rows",
        )
    if corpus.skipped_count:
        plural = "s" * (corpus.skipped_count > 1)
        more_rows = "; ..." if corpus.skipped_count > len(corpus.skipped) else ""
        yield Finding(
            "rows",
            f"{corpus.skipped_count:,} bad row{plural} of {name} skipped: {'; '.join(corpus.skipped)}{more_rows}",
            severe=is_severe(corpus.skipped_count, len(corpus)),
            remedy="correct them",
        )


def _dev(splits: Splits) -> Iterator[Finding]:
    if splits.dev is None and splits.dev_rows is not None:
        yield Finding(
            "splits",
            "too few texts to hold any out for dev (data.dev_fraction): the last model is kept, not the best",
            remedy="label more texts",
        )
