"""Files that are read as they say, and seem to mean something else: several labels per text, labels in quotes, labels
that white space has cut."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from textrnn.checking.findings import Finding
from textrnn.errors import short
from textrnn.reading.headers import looks_quoted
from textrnn.reading.reader import Example
from textrnn.reading.source import Source

_SEPARATORS = "|;,/"  # of several labels in a field
_OWN = 0.4  # share of the parts of labels that are labels of their own, or stand in several places
TEXTS_READ = 10_000  # of which the first words are looked at
_FEW_WORDS, _FEWEST_TEXTS, _MOST_TEXTS = 5, 10, 0.99  # with which the texts of a class begin


def find_misreadings(train: Source, labels: list[str]) -> Iterator[Finding]:
    """labels: of the training texts."""
    kinds = {kind for _, kind in train.files()}
    if "tsv" in kinds and all(map(looks_quoted, labels)):
        default_columns = " --text-column 1 --label-column 0"
        columns = default_columns if train.text_column is None and train.label_column is None else ""
        yield Finding(
            "reading",
            f"all labels are in quotes, such as {short(labels[0])}, which tsv does not remove and csv does: pass "
            f"{train.options.format}csv{columns}",
            severe=True,
        )
    separator = None if train.label_names else _separator_of_several(labels)
    if separator is not None:
        yield _several_labels(train, labels, separator)


def _separator_of_several(labels: list[str]) -> str | None:
    """The character between several labels in one, as in `a|b` beside `a` and `b`; None if there is none."""
    whole = set(labels)
    for separator in _SEPARATORS:
        places = defaultdict(set)
        for label in labels:
            for place, part in enumerate(_parts(label, separator)):
                places[part].add(place)
        own = [part for part, found in places.items() if part in whole or len(found) > 1]
        if places and len(own) >= _OWN * len(places):
            return separator
    return None


def _parts(label: str, separator: str) -> list[str]:
    """The labels in one with separators, which may be a list as Python writes it; none if it is a single one."""
    parts = [part.strip("' \"") for part in label.strip("[]").split(separator)]
    return parts if len(parts) > 1 and all(parts) else []


def _several_labels(train: Source, labels: list[str], separator: str) -> Finding:
    several = [label for label in labels if _parts(label, separator)]
    column = "label" if train.label_column is None else train.label_column
    return Finding(
        "labels",
        f"{len(several):,} of {len(labels):,} labels look like several labels in one, such as {short(several[0])}, and "
        f"are learnt as classes of their own, since textrnn takes one label per text; to keep the first, with pandas: "
        f"rows[{column!r}] = rows[{column!r}].str.split({separator!r}, regex=False).str[0]",
        severe=True,
    )


class FirstWords:
    """Finds classes of fastText whose texts all begin with the same few words, which begin no other text: the rest of a
    label with white space in it."""

    def __init__(self) -> None:
        self.of_class: dict[str, Counter[str]] = defaultdict(Counter)

    def add(self, example: Example) -> None:
        word = next(iter(example.text.split(maxsplit=1)), "")
        self.of_class[str(example.label)][word] += 1

    def findings(self) -> Iterator[Finding]:
        if len(self.of_class) < 2:
            return
        everywhere: Counter[str] = sum(self.of_class.values(), Counter())
        for label, words in self.of_class.items():
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
