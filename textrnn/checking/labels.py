"""Finds labels that are probably mistakes: rare ones, ones that look alike, missing values, several labels in one,
labels in quotes, labels cut at white space."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from textrnn.checking.findings import Finding, first
from textrnn.corpus.splits import Splits
from textrnn.errors import short
from textrnn.reading.headers import looks_quoted
from textrnn.reading.labels import label_key
from textrnn.reading.reader import Example
from textrnn.reading.source import Source
from textrnn.runtime.terminal import count_of

_RARE_SHOWN, _GROUPS_SHOWN, _LABELS_SHOWN = 10, 3, 4  # rare labels, groups that look alike, labels of each group
_ALIKE = "differ only in case, white space, Unicode form, invisible characters or the form of a number"
_MISSING = frozenset({"nan", "none", "null", "n/a", "na", "#n/a", "<na>", "nat"})  # as programs write a missing value
_SEPARATORS = "|;,/"  # of several labels in a field
_OWN = 0.4  # share of the parts of labels that are labels of their own, or stand in several places
TEXTS_READ = 10_000  # texts whose first words are looked at
_FEW_WORDS, _FEWEST_TEXTS, _MOST_TEXTS = 5, 10, 0.99  # with which the texts of a class begin


def find_label_faults(splits: Splits) -> Iterator[Finding]:
    """Labels with too few training texts, labels that look alike, and missing values."""
    sizes = dict(zip(splits.labels, splits.sizes("train"), strict=True))
    yield from _rare_labels([label for label, size in sizes.items() if size == 0], "no", "cannot")
    yield from _rare_labels([label for label, size in sizes.items() if size == 1], "a single", "can hardly")
    yield from _labels_alike(sizes)
    missing = [
        f"{short(label)} ({count_of(size, 'training text')})"
        for label, size in sizes.items()
        if label_key(label) in _MISSING
    ]
    if missing:
        looks = "looks like a missing value and is" if len(missing) == 1 else "look like missing values and are"
        yield Finding(
            "labels",
            f"label{'s' * (len(missing) > 1)} {', '.join(missing)} {looks} learnt as any other class",
            remedy="remove these rows, unless it is the name of a class",
            count=len(missing),
        )


def _rare_labels(labels: list[str], number: str, result: str) -> Iterator[Finding]:
    lines = [f"label {short(label)} has {number} training text: the model {result} learn it" for label in labels]
    shown, more = first(
        lines, _RARE_SHOWN, lambda more: f"{more:,} more label{'s have' if more > 1 else ' has'} {number} training text"
    )
    if shown:
        yield Finding("classes", shown[0].line, severe=True, examples=shown[1:], count=len(labels), more=more)


def _labels_alike(sizes: dict[str, int]) -> Iterator[Finding]:
    groups = defaultdict(list)
    for label in sizes:
        groups[label_key(label)].append(label)
    lines = []
    for labels in groups.values():
        if len(labels) > 1:
            plural = "s" * (sizes[labels[0]] != 1)
            alike = [f"{short(labels[0])} ({sizes[labels[0]]:,} training text{plural})"]
            alike += [f"{short(label)} ({sizes[label]:,})" for label in labels[1:_LABELS_SHOWN]]
            rest = f" and {len(labels) - _LABELS_SHOWN:,} more" * (len(labels) > _LABELS_SHOWN)
            lines.append(
                f"labels {', '.join(alike)}{rest} {_ALIKE} and are treated as different classes: if they mean "
                f"the same, spell them the same in the data"
            )
    shown, more = first(lines, _GROUPS_SHOWN, lambda more: f"{more:,} more group{'s' * (more > 1)} of labels {_ALIKE}")
    if shown:
        yield Finding("labels", shown[0].line, severe=True, examples=shown[1:], count=len(lines), more=more)


def find_misreadings(train: Source, labels: list[str]) -> Iterator[Finding]:
    """Labels in quotes, and several labels in one. labels: of the training texts."""
    kinds = {kind for _, kind in train.files()}
    if "tsv" in kinds and all(map(looks_quoted, labels)):
        has_default_columns = train.text_column is None and train.label_column is None
        columns = " --text-column 1 --label-column 0" * has_default_columns
        yield Finding(
            "reading",
            f"all labels are in quotes, such as {short(labels[0])}, which tsv does not remove and csv does: pass "
            f"{train.options.format}csv{columns}",
            severe=True,
            count=len(labels),
        )
    separator = None if train.label_names else _separator(labels)
    if separator is not None:
        several = [label for label in labels if _parts(label, separator)]
        column = "label" if train.label_column is None else train.label_column
        yield Finding(
            "labels",
            f"{len(several):,} of {len(labels):,} labels look like several labels in one, such as {short(several[0])}, "
            f"and are learnt as classes of their own, since textrnn takes one label per text; to keep the first, with "
            f"pandas: rows[{column!r}] = rows[{column!r}].str.split({separator!r}, regex=False).str[0]",
            severe=True,
            count=len(several),
        )


def _separator(labels: list[str]) -> str | None:
    """The character between several labels in one, as in `a|b` beside `a` and `b`; None for single labels."""
    whole = set(labels)
    for separator in _SEPARATORS:
        positions = defaultdict(set)
        for label in labels:
            for position, part in enumerate(_parts(label, separator)):
                positions[part].add(position)
        own = [part for part, places in positions.items() if part in whole or len(places) > 1]
        if positions and len(own) >= _OWN * len(positions):
            return separator
    return None


def _parts(label: str, separator: str) -> list[str]:
    """The labels in one with separators, which may be a list as Python writes it; none if it is a single one."""
    parts = [part.strip("' \"") for part in label.strip("[]").split(separator)]
    return parts if len(parts) > 1 and all(parts) else []


class FirstWords:
    """Finds classes of fastText whose texts all begin with the same few words, which begin no other text: the rest of a
    label with white space in it."""

    def __init__(self) -> None:
        self.word_counts: dict[str, Counter[str]] = defaultdict(Counter)

    def add(self, example: Example) -> None:
        word = next(iter(example.text.split(maxsplit=1)), "")
        self.word_counts[str(example.label)][word] += 1

    def findings(self) -> Iterator[Finding]:
        if len(self.word_counts) < 2:
            return
        everywhere: Counter[str] = sum(self.word_counts.values(), Counter())
        for label, words in self.word_counts.items():
            common = [(word, count) for word, count in words.most_common(_FEW_WORDS) if count >= _FEWEST_TEXTS]
            covered = sum(count for word, count in common if count >= _MOST_TEXTS * everywhere[word])
            if common and covered >= _MOST_TEXTS * words.total():
                shown = " or ".join(f"{short(word)} ({count:,})" for word, count in common)
                yield Finding(
                    "labels",
                    f"all texts of {short(label)} begin with {shown}, and no others do. In fastText, a label ends at "
                    f"the first white space: if these words belong to it, join them with sed "
                    f"'s/^__label__{label} /__label__{label}_/' FILE > NEW.txt",
                    severe=len(common) > 1,
                )
