"""Finds faults in the corpora of a run. `train`, `check` and the estimator report faults; only `check` reports
disproportions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from textrnn.checking.findings import Finding, Shown, first, is_severe
from textrnn.checking.labels import find_label_faults
from textrnn.checking.targets import find_target_faults
from textrnn.corpus.corpus import Corpus
from textrnn.corpus.splits import Splits
from textrnn.corpus.statistics import cut_warning, known_share
from textrnn.errors import short
from textrnn.reading.reader import Example
from textrnn.texts.rows import all_rows, count_shared, in_blocks, row_type
from textrnn.texts.vocab import UNK

_MANY_REPEATS = 0.05  # a larger share of rows that repeat an earlier one is worth a warning
_MANY_OF_ONE, _FEWEST_OF_ONE = 0.01, 5  # a larger share of rows, at least so many, with one text is worth a warning
_FREQUENT_SHOWN = 10
_PLACES_SHOWN = 5  # of texts without tokens
_TEXTS_SHOWN, _PLACES_OF_TEXT = 3, 4  # of those with different labels
FEW_TEXTS = 10  # fewer texts of a class are too few to learn it well or to evaluate it
IMBALANCED = 10.0  # how many times as many texts the largest class has as the smallest
_MUCH_UNKNOWN, _FAR_TOO_MUCH_UNKNOWN = 0.1, 0.25  # shares of tokens
_CLASSES_SHOWN = 5
_KEEP_ONE = "keep one of each, unless they are as frequent in the texts to be labelled"


def find_faults(
    splits: Splits,
    corpora: dict[str, Corpus],
    max_length: int,
    examples_at: Callable[[Collection[int]], Mapping[int, Example]],
) -> list[Finding]:
    """Search all corpora for faults. corpora: split -> corpus. examples_at: train's rows -> examples; called once."""
    train = corpora["train"]
    repeats = find_repeats(train)
    contradictions, frequent = _contradictions(repeats, train), _frequent(repeats, train)
    empty = {name: np.flatnonzero(np.asarray(corpus.lengths) == 0) for name, corpus in corpora.items()}
    examples = examples_at(
        {*repeats.first[frequent].tolist(), *empty["train"][:_PLACES_SHOWN].tolist()}.union(*contradictions.values())
    )
    faults = [
        *find_label_faults(splits),
        *find_target_faults(corpora),
        *_repeats(train, repeats, contradictions, frequent, examples),
        *_shared_texts(splits, corpora),
        *_vocabulary(splits, max_length),
        *(fault for name in corpora for fault in _rows(name, corpora[name], empty[name], splits, examples)),
    ]
    if splits.dev is None and splits.dev_rows is not None:
        text = "too few texts to hold any out for dev (data.dev_fraction): the last model is kept, not the best"
        faults.append(Finding("splits", text, remedy="label more texts"))
    return faults


class Repeats(NamedTuple):
    """The texts that occur more than once in a corpus, those without tokens left out.

    hashes (m,) uint64: of the texts, in ascending order. first, counts (m,): the first row and the number of rows of
    each text. contradictory (m,) bool: whether they have different labels.
    """

    hashes: np.ndarray
    first: np.ndarray
    counts: np.ndarray
    contradictory: np.ndarray


def find_repeats(corpus: Corpus) -> Repeats:
    """Search with at most about 15 bytes of memory per row of the corpus."""
    hashes = corpus.hashes[corpus.lengths > 0]
    hashes.sort()
    again = hashes[1:] == hashes[:-1]
    second = again.copy()  # whether a value occurs for the second time
    second[1:] &= ~again[:-1]
    hashes = hashes[1:][second]
    kind = row_type(len(corpus) + 1)
    first, counts = np.full(len(hashes), len(corpus), kind), np.zeros(len(hashes), kind)
    lowest, highest = np.full(len(hashes), len(corpus.labels), np.int32), np.full(len(hashes), -1, np.int32)
    begin = 0
    blocks = zip(in_blocks(corpus.hashes), in_blocks(np.asarray(corpus.label_ids)), strict=True)
    for block, labels in blocks if len(hashes) else ():
        order = np.argsort(block)  # values in ascending order are found several times as fast
        at = np.searchsorted(hashes, block[order]).clip(max=len(hashes) - 1)
        is_repeated = hashes[at] == block[order]
        at, rows = at[is_repeated], order[is_repeated]
        np.minimum.at(first, at, (begin + rows).astype(kind))
        np.add.at(counts, at, 1)
        np.minimum.at(lowest, at, labels[rows])
        np.maximum.at(highest, at, labels[rows])
        begin += len(block)
    return Repeats(hashes, first, counts, lowest < highest)


def _contradictions(repeats: Repeats, train: Corpus) -> dict[int, list[int]]:
    """Position in `repeats` of each of the first few texts with different labels -> the rows to show, among them one
    whose label differs from the first."""
    chosen = np.flatnonzero(repeats.contradictory)
    shown = {}
    for at in chosen[np.argsort(repeats.first[chosen])[:_TEXTS_SHOWN]].tolist():
        rows = np.flatnonzero(train.hashes == repeats.hashes[at])
        labels = np.asarray(train.label_ids)[rows]
        last = _PLACES_OF_TEXT - 1
        rest = rows[last:][labels[last:] != labels[0]] if len(set(labels[:last].tolist())) == 1 else rows[last:]
        shown[at] = [*rows[:last].tolist(), *rest[:1].tolist()]
    return shown


def _frequent(repeats: Repeats, train: Corpus) -> np.ndarray:
    """Positions in `repeats` of texts that are a large part of all rows, the most frequent first."""
    frequent = np.flatnonzero((repeats.counts > _MANY_OF_ONE * len(train)) & (repeats.counts >= _FEWEST_OF_ONE))
    return frequent[np.argsort(-repeats.counts[frequent], kind="stable")][:_FREQUENT_SHOWN]


def _repeats(
    train: Corpus, repeats: Repeats, contradictions: dict[int, list[int]], frequent: np.ndarray,
    examples: Mapping[int, Example],
) -> Iterator[Finding]:  # fmt: skip
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
            count=texts,
        )
    shown_texts = []
    for at in frequent.tolist():
        text, _, place, *_ = examples[int(repeats.first[at])]
        share = f"{repeats.counts[at]:,} of {len(train):,} rows"
        line = f"{short(text.strip())} is {share} of the training data, first at {place}"
        shown_texts.append(Shown(line, [place]))
    if shown_texts:
        text, places = shown_texts[0]
        yield Finding("copies", text, remedy=_KEEP_ONE, examples=shown_texts[1:], count=len(shown_texts), places=places)
    again = int(repeats.counts.sum()) - len(repeats.counts) - (rows - texts)
    if again > _MANY_REPEATS * len(train):
        yield Finding(
            "copies",
            f"{again:,} of {len(train):,} rows of the training data repeat an earlier text with the same label, so "
            f"these texts are over-weighted",
            remedy=_KEEP_ONE,
            count=again,
        )


def _contradiction(places: Sequence[Example], count: int) -> Shown:
    """A text and its labels. count: the number of rows with the text."""
    shown = ", ".join(f"{short(place.label)} at {place.where}" for place in places)
    more = count - len(places)
    line = f"{short(places[0].text.strip())}: {shown}" + f" and {more:,} more row{'s' * (more > 1)}" * (more > 0)
    return Shown(line, [place.where for place in places])


def _shared_texts(splits: Splits, corpora: dict[str, Corpus]) -> Iterator[Finding]:
    train = corpora["train"].hashes
    evaluated = {name: (corpus.hashes, all_rows(len(corpus))) for name, corpus in corpora.items() if name != "train"}
    if splits.dev_is_part_of_train and splits.dev_rows is not None:
        evaluated["dev"] = (train, splits.dev_rows)
    for name, (hashes, rows) in evaluated.items():
        if shared := count_shared(hashes, rows, train, splits.train_rows):
            yield Finding(
                "copies",
                f"{shared:,} of {len(rows):,} {name} texts also occur in train: {name} scores are inflated",
                severe=is_severe(shared, len(rows)),
                remedy="remove them from train" if name in corpora else "remove repeated rows",
                split=name,
                count=shared,
            )


def _vocabulary(splits: Splits, max_length: int) -> Iterator[Finding]:
    if len(splits.vocab) <= UNK + 1:
        yield Finding(
            "vocabulary",
            "the vocabulary is empty: no token occurs vocab.min_count times, so all texts look alike to the model",
            severe=True,
            remedy="--set vocab.min_count=1, or check that the column of texts is the right one (--text-column)",
        )
    if cut := cut_warning("training", splits.lengths["train"][splits.train_rows], max_length):
        yield Finding("lengths", cut, split="train")


def _rows(
    name: str, corpus: Corpus, empty: np.ndarray, splits: Splits, examples: Mapping[int, Example]
) -> Iterator[Finding]:
    """Empty texts and bad rows. empty: the rows of texts without tokens."""
    if len(empty):
        option, result = "keep", "read as one unknown token"
        if splits.skips_empty:
            results = {"train": "left out of training", "dev": "left out of the scores on dev"}
            option, result = "skip", results.get(name, "labelled by the class frequencies")
        shown, places = empty[:_PLACES_SHOWN].tolist(), list[str]()
        if name == "train":
            places = [examples[row].where for row in shown]
            listed = ", ".join(places)
        else:
            listed = f"row{'s' * (len(empty) > 1)} " + ", ".join(f"{row + 1:,}" for row in shown)
        more = len(empty) - len(shown)
        yield Finding(
            "empty",
            f"{len(empty):,} {name} text{'s have' if len(empty) > 1 else ' has'} no tokens: {result} "
            f"(data.empty_texts: {option}); {listed}{f' and {more:,} more' * (more > 0)}",
            severe=is_severe(len(empty), len(corpus)),
            remedy="remove these rows",
            split=name,
            count=len(empty),
            places=places,
        )
    if corpus.skipped_count:
        plural = "s" * (corpus.skipped_count > 1)
        more_rows = "; ..." if corpus.skipped_count > len(corpus.skipped) else ""
        yield Finding(
            "rows",
            f"{corpus.skipped_count:,} bad row{plural} of {name} skipped: {'; '.join(corpus.skipped)}{more_rows}",
            severe=is_severe(corpus.skipped_count, len(corpus)),
            remedy="correct them",
            split=name,
            count=corpus.skipped_count,
            places=[row.partition(": ")[0] for row in corpus.skipped],
        )


def find_disproportions(splits: Splits, folds: int) -> Iterator[Finding]:
    """How texts are spread over classes and splits, and how well train covers dev and test. folds: train.folds."""
    sizes = dict(zip(splits.labels, splits.sizes("train"), strict=True))
    if small := {label: size for label, size in sizes.items() if 1 < size < FEW_TEXTS}:
        in_folds = splits.folds is not None and min(small.values()) < folds
        reason = f"; with fewer than train.folds {folds}, some networks are not evaluated on them" if in_folds else ""
        has = "class has" if len(small) == 1 else "classes have"
        shown, more = first([f"{short(label)}: {size} texts" for label, size in small.items()], _CLASSES_SHOWN)
        yield Finding(
            "classes",
            f"{len(small):,} {has} fewer than {FEW_TEXTS} training texts, too few to learn or to evaluate{reason}",
            severe=in_folds,
            remedy="label more texts of them, or merge them with other classes",
            examples=shown,
            count=len(small),
            more=more,
        )
    smallest, largest = min(sizes, key=sizes.__getitem__), max(sizes, key=sizes.__getitem__)
    if sizes[smallest] >= FEW_TEXTS and sizes[largest] >= IMBALANCED * sizes[smallest]:
        yield Finding(
            "classes",
            f"the largest class, {short(largest)}, has {sizes[largest] / sizes[smallest]:.0f} times as many training "
            f"texts as the smallest, {short(smallest)} ({sizes[largest]:,} and {sizes[smallest]:,})",
            remedy="look at macro-F1 rather than accuracy; --set train.class_weights=balanced finds more of small "
            "classes",
        )
    for name in list(splits.parts)[1:]:
        own_sizes = dict(zip(splits.labels, splits.sizes(name), strict=True))
        missing = [label for label, size in sizes.items() if size > 1 and not own_sizes[label]]
        if missing:
            has, them = ("class has", "it") if len(missing) == 1 else ("classes have", "them")
            shown, more = first([short(label) for label in missing], _CLASSES_SHOWN)
            yield Finding(
                "classes",
                f"{len(missing):,} {has} no {name} text, so scores do not cover {them}",
                remedy=f"add texts of each class to {name}",
                examples=shown,
                split=name,
                count=len(missing),
                more=more,
            )
        unknown = 1 - known_share(splits.parts[name])
        if unknown > _MUCH_UNKNOWN:
            yield Finding(
                "vocabulary",
                f"{100 * unknown:.1f} % of the {name} tokens are unknown: they are not in the vocabulary of train",
                severe=unknown > _FAR_TOO_MUCH_UNKNOWN,
                remedy="do both come from the same source? A larger vocab.max_size, a vocab.min_count of 1 or "
                "tokenizer.kind=char know more",
                split=name,
            )
    if splits.test is None:
        yield Finding(
            "splits",
            "there is no test file: scores come from texts that were used to choose the model",
            remedy="hold some labelled texts out, and name them with --set data.test=FILE",
        )
