"""What is unusual about the data of a run and may be a mistake, as far as tokenized corpora show it. `train`, `vocab`,
`check` and the estimator report it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import islice

import numpy as np

from textrnn.data.corpus import Corpus
from textrnn.data.findings import Finding, is_severe
from textrnn.data.labels import folded
from textrnn.data.reader import Example
from textrnn.data.records import count_of
from textrnn.data.repeats import find_repeats, show_contradictions
from textrnn.data.rows import all_rows, count_shared
from textrnn.data.splits import Splits
from textrnn.data.statistics import cut_warning, training_sizes
from textrnn.data.vocab import UNK
from textrnn.errors import short

_MANY_REPEATS = 0.05  # a larger share of rows that repeat an earlier one is worth a warning
_MANY_OF_ONE, _FEWEST_OF_ONE = 0.01, 5  # a larger share of rows, and so many, with the same text are worth a warning
_LABELS_SHOWN = 4  # of each group of labels that look alike
_GROUPS_SHOWN = 3
_PLACES_SHOWN = 5  # of texts without tokens
_FEW_SHOWN = 10  # labels with no training text, or with a single one
_ALIKE = "differ only in case, white space, Unicode form, invisible characters or the form of a number"
_MISSING = frozenset({"nan", "none", "null", "n/a", "na", "#n/a", "<na>", "nat"})  # as programs write a missing value


def find_faults(
    splits: Splits, corpora: dict[str, Corpus], max_length: int, examples: Callable[[], Iterable[Example]]
) -> list[Finding]:
    """corpora: those that the splits come from, by name. examples: reads those of "train", to show some of them."""
    return [
        *_rare_classes(splits),
        *_labels_alike(splits),
        *_missing_values(splits),
        *_repeats(corpora["train"], examples),
        *_shared_texts(splits, corpora),
        *_vocabulary(splits, corpora["train"], max_length),
        *(finding for name, corpus in corpora.items() for finding in _rows(name, corpus, splits.skips_empty, examples)),
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


def _repeats(train: Corpus, examples: Callable[[], Iterable[Example]]) -> Iterator[Finding]:
    if train.label_ids is None:
        return
    repeats = find_repeats(train)
    texts, rows = int(repeats.contradictory.sum()), int(repeats.counts[repeats.contradictory].sum())
    if texts:
        yield Finding(
            "labels",
            f"{texts:,} {'texts occur' if texts > 1 else 'text occurs'} in the training data with different labels "
            f"({rows:,} rows), and a model learns one label for a text: correct the labels, or remove rows",
            severe=is_severe(rows, len(train)),
            examples=list(show_contradictions(repeats, examples())),
        )
    often = np.flatnonzero((repeats.counts > _MANY_OF_ONE * len(train)) & (repeats.counts >= _FEWEST_OF_ONE))
    often = often[np.argsort(-repeats.counts[often], kind="stable")][:_FEW_SHOWN]
    if len(often):
        first = {int(repeats.first[at]): int(repeats.counts[at]) for at in often}
        shown = _examples_at(first, examples)
        lines = [
            f"{short(shown[row].text.strip())} is {count:,} of {len(train):,} rows of the training data, first at "
            f"{shown[row].where}"
            for row, count in first.items()
            if row in shown
        ]
        yield Finding(
            "copies",
            lines[0],
            remedy="keep one of each, unless they are as frequent in the texts to be labelled",
            examples=lines[1:],
        )
    again = int(repeats.counts.sum()) - len(repeats.counts) - (rows - texts)
    if again > _MANY_REPEATS * len(train):
        yield Finding(
            "copies",
            f"{again:,} of {len(train):,} rows of the training data repeat an earlier text with the same label: their "
            f"texts weigh more than others",
            remedy="keep one of each, unless they are as frequent in the texts to be labelled",
        )


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


def _rows(name: str, corpus: Corpus, skips_empty: bool, examples: Callable[[], Iterable[Example]]) -> Iterator[Finding]:
    empty = np.flatnonzero(np.asarray(corpus.lengths) == 0)
    if len(empty):
        result = {"train": "left out of training", "dev": "left out of the scores on dev"}.get(name, "")
        result = (result or "labelled by the shares of the classes") if skips_empty else "read as one unknown token"
        places = _places(empty, examples) if name == "train" else f"row{'s' * (len(empty) > 1)} {_listed(empty + 1)}"
        yield Finding(
            "empty",
            f"{len(empty):,} {name} text{'s have' if len(empty) > 1 else ' has'} no tokens: {result} "
            f"(data.empty_texts: {'skip' if skips_empty else 'keep'}); {places}",
            severe=is_severe(len(empty), len(corpus)),
            remedy="remove these rows",
        )
    if corpus.skipped_count:
        plural = "s" * (corpus.skipped_count > 1)
        more = "; ..." if corpus.skipped_count > len(corpus.skipped) else ""
        yield Finding(
            "rows",
            f"{corpus.skipped_count:,} bad row{plural} of {name} skipped: {'; '.join(corpus.skipped)}{more}",
            severe=is_severe(corpus.skipped_count, len(corpus)),
            remedy="correct them",
        )


def _examples_at(rows: Collection[int], examples: Callable[[], Iterable[Example]]) -> dict[int, Example]:
    """The examples at these rows; read no further than the last of them."""
    return {row: example for row, example in enumerate(islice(examples(), max(rows) + 1)) if row in rows}


def _places(rows: np.ndarray, examples: Callable[[], Iterable[Example]]) -> str:
    """Where the first few of these rows are."""
    places = [example.where for example in _examples_at(rows[:_PLACES_SHOWN].tolist(), examples).values()]
    return ", ".join(places) + f" and {len(rows) - _PLACES_SHOWN:,} more" * (len(rows) > _PLACES_SHOWN)


def _listed(numbers: np.ndarray) -> str:
    more = len(numbers) - _PLACES_SHOWN
    return ", ".join(f"{number:,}" for number in numbers[:_PLACES_SHOWN]) + f" and {more:,} more" * (more > 0)


def _dev(splits: Splits) -> Iterator[Finding]:
    if splits.dev is None and splits.dev_rows is not None:
        yield Finding(
            "splits",
            "too few texts to hold any out for dev (data.dev_fraction): the last model is kept, not the best",
            remedy="label more texts",
        )
