"""Twelve small tasks: whole corpora of a few thousand texts, and draws from larger ones, which are always the same."""

from __future__ import annotations

import csv
import random
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sklearn.model_selection import StratifiedKFold

from scripts.bench.corpora import dataset
from scripts.bench.rivals.corpus import Labelled, open_text, read_labelled

TEST_ROWS = 5000
SEEDS = (1, 2, 3)
Fold = tuple[Labelled, Labelled]  # train and test


@dataclass(frozen=True)
class SmallTask:
    """unit: what a linear model counts, char or word. folds: of training and test texts; of several, all test texts
    are scored together."""

    name: str
    unit: str
    folds: Callable[[], list[Fold]]

    @property
    def in_record(self) -> str:
        return f"small: {self.name}"


def drawn(part: Labelled, count: int) -> Labelled:
    """That many rows of a part, at random but always the same ones."""
    rows = random.Random(count).sample(range(len(part.texts)), min(count, len(part.texts)))
    return Labelled([part.labels[row] for row in rows], [part.texts[row] for row in rows])


def draw(corpus: Callable[[], Fold], count: int) -> list[Fold]:
    train, test = corpus()
    return [(drawn(train, count), drawn(test, TEST_ROWS))]


def whole(corpus: Callable[[], Fold]) -> list[Fold]:
    return [corpus()]


def trec() -> Fold:
    train, test = (_rows(dataset(f"trec/TREC.{name}.all"), " ", "latin-1") for name in ("train", "test"))
    return train, test


def hotels() -> Fold:
    """chnsenticorp: dev belongs to train, as no program is given a dev set here."""
    parts = {
        name: _table(dataset(f"chnsenticorp/{name}"), "review") for name in ("train.csv.gz", "dev.csv", "test.csv")
    }
    train, dev, test = parts.values()
    return Labelled(train.labels + dev.labels, train.texts + dev.texts), test


def movies() -> Fold:
    return _rows(dataset("mr/train.tsv"), "\t"), _rows(dataset("mr/test.tsv"), "\t")


def documents() -> list[Fold]:
    """The cnews sample, which has no test part, in five folds."""
    whole = _rows(dataset("cnews_sample/cnews.test.txt.gz"), "\t")
    halves = StratifiedKFold(5, shuffle=True, random_state=0).split(whole.texts, whole.labels)
    return [(_chosen(whole, train), _chosen(whole, test)) for train, test in halves]


def titles() -> Fold:
    train, test = (read_labelled(dataset(f"thucnews_titles/{name}.txt")) for name in ("train.dedup", "test"))
    return train, test


def reviews() -> Fold:
    train, test = (read_labelled(dataset(f"imdb/{name}.csv.gz")) for name in ("train", "test"))
    return _on_one_line(train), _on_one_line(test)


def goods() -> Fold:
    """online_shopping by category."""
    train, test = (_table(dataset(f"online_shopping/{name}"), "review", "cat") for name in ("train.csv.gz", "test.csv"))
    return train, test


def groups() -> Fold:
    """20 Newsgroups by date, headers included."""
    parts = {"train": Labelled([], []), "test": Labelled([], [])}
    with tarfile.open(dataset("20ng/20news-bydate.tar.gz")) as archive:
        for member in sorted((each for each in archive if each.isfile()), key=lambda each: each.name):
            split, label, _ = member.name.split("/")[-3:]
            stream = archive.extractfile(member)
            assert stream is not None
            part = parts[split.rpartition("-")[2]]
            part.labels.append(label)
            part.texts.append(stream.read().decode("latin-1"))
    return _on_one_line(parts["train"]), _on_one_line(parts["test"])


SMALL = [
    SmallTask("TREC", "word", partial(whole, trec)),
    SmallTask("ChnSentiCorp, hotels", "char", partial(whole, hotels)),
    SmallTask("MR", "word", partial(whole, movies)),
    *(
        SmallTask(f"{name}, {count:,} rows", unit, partial(draw, corpus, count))
        for name, unit, corpus in (
            ("THUCNews titles", "char", titles),
            ("IMDB", "word", reviews),
            ("online_shopping, category", "char", goods),
            ("20 Newsgroups", "word", groups),
        )
        for count in (1000, 3000)
    ),
    SmallTask("cnews sample, five folds", "char", documents),
]


def _rows(path: Path, separator: str, encoding: str = "utf-8") -> Labelled:
    """`label<separator>text` lines."""
    if encoding == "utf-8":
        with open_text(path) as stream:
            lines = stream.read().removesuffix("\n").split("\n")
    else:
        lines = path.read_bytes().decode(encoding).removesuffix("\n").split("\n")
    pairs = [line.partition(separator) for line in lines]
    return _on_one_line(Labelled([label for label, _, _ in pairs], [text for _, _, text in pairs]))


def _table(path: Path, text: str, label: str = "label") -> Labelled:
    with open_text(path) as stream:
        rows = list(csv.DictReader(stream))
    return _on_one_line(Labelled([row[label] for row in rows], [row[text] for row in rows]))


def _chosen(part: Labelled, rows: Iterator[int]) -> Labelled:
    return Labelled(*zip(*((part.labels[row], part.texts[row]) for row in rows), strict=True))


def _on_one_line(part: Labelled) -> Labelled:
    return Labelled(part.labels, [" ".join(text.split()) for text in part.texts])
