"""The seven tasks of the shipped recipes, and twelve small ones, always the same: their texts as plain files."""

from __future__ import annotations

import csv
import random
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.model_selection import StratifiedKFold

from scripts.bench.corpora import ROOT, dataset, unpack
from scripts.bench.rivals.corpus import Labelled, open_text, read_labelled, read_texts
from textrnn.config import Config, load_config
from textrnn.corpus.build import build_source
from textrnn.corpus.splits import stratified_split
from textrnn.reading.reader import read_examples

Parts = dict[str, Labelled]  # train, dev and test

# A file of a shipped config, and what it is a copy of.
FILES = {
    "thucnews/train.txt": "thucnews_titles/train.dedup.txt",
    "thucnews/dev.txt": "thucnews_titles/dev.txt",
    "thucnews/test.txt": "thucnews_titles/test.txt",
    "thucnews/class.txt": "thucnews_titles/class.txt",
    "mr/train.tsv": "mr/train.tsv",
    "mr/test.tsv": "mr/test.tsv",
    "imdb/train.csv": "imdb/train.csv.gz",
    "imdb/test.csv": "imdb/test.csv.gz",
    "online_shopping/train.csv": "online_shopping/train.csv.gz",
    "online_shopping/dev.csv": "online_shopping/dev.csv",
    "online_shopping/test.csv": "online_shopping/test.csv",
}


@dataclass(frozen=True)
class Task:
    """recipe: a config of configs/. unit: what a linear model counts, char or word. measure: accuracy or macro-F1."""

    name: str
    recipe: str
    unit: str
    measure: str = "accuracy"
    seeds: int = 1


TASKS = [
    Task("THUCNews titles", "thucnews_accurate", "char", seeds=3),
    Task("IMDB", "imdb", "word"),
    Task("20 Newsgroups, four categories", "20newsgroups_four", "word", "macro-F1"),
    Task("20 Newsgroups, 20 classes", "20newsgroups", "word"),
    Task("online_shopping, category", "online_shopping_category", "char"),
    Task("online_shopping, sentiment", "online_shopping_sentiment", "char"),
    Task("MR", "mr", "word", seeds=3),
]


def prepare(folder: Path) -> Path:
    """All corpora under folder/data, at the paths of the shipped configs. Raises Missing without the raw files."""
    data = folder / "data"
    if (data / "ready").exists():
        return folder
    for name, source in FILES.items():
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        unpack(dataset(source), data / name)
    script = ROOT / "scripts" / "prepare_20newsgroups.py"
    archive = dataset("20ng/20news-bydate.tar.gz")
    subprocess.run([sys.executable, script, archive, "--output", data / "20ng"], check=True, capture_output=True)
    (data / "ready").touch()
    return folder


def splits(config: Config) -> Parts:
    """train, dev and test as a recipe's config reads them; without dev, it is held out of train."""
    data = config.data
    paths = {"train": data.train, "dev": data.dev, "test": data.test}
    parts = {
        name: on_one_line((example.label, example.text) for example in read_examples(build_source(part, data)))
        for name, part in paths.items()
        if part is not None
    }
    if "dev" not in parts:
        labels, texts = whole = parts["train"]
        numbers = np.unique(labels, return_inverse=True)[1]
        hashes = np.fromiter(map(hash, texts), np.int64, len(texts))
        train, dev = stratified_split(numbers, hashes, data.dev_fraction, config.train.seed)
        parts |= {"train": chosen(whole, train), "dev": chosen(whole, dev)}
    return parts


def config_file(task: Task) -> Path:
    return ROOT / "configs" / f"{task.recipe}.yaml"


def config_of(task: Task) -> Config:
    return load_config(config_file(task))


def on_one_line(pairs: Iterable[tuple[str, str]]) -> Labelled:
    """(label, text) pairs, with each text on one line."""
    labels, texts = zip(*pairs, strict=True)
    return Labelled(list(labels), [" ".join(text.split()) for text in texts])


def chosen(part: Labelled, rows: Iterable[int]) -> Labelled:
    rows = list(rows)
    return Labelled([part.labels[row] for row in rows], [part.texts[row] for row in rows])


def drawn(part: Labelled, count: int) -> Labelled:
    """That many rows of a part, at random but always the same ones."""
    return chosen(part, random.Random(count).sample(range(len(part.texts)), min(count, len(part.texts))))


TEST_ROWS = 5000
SEEDS = (1, 2, 3)
Fold = tuple[Labelled, Labelled]  # train and test


@dataclass(frozen=True)
class SmallTask:
    """unit: what a linear model counts, char or word. corpus: reads training and test texts; the test texts of several
    folds are scored together. rows: how many training texts are drawn from the corpus, None for all."""

    name: str
    unit: str
    corpus: Callable[[], list[Fold]]
    rows: int | None = None

    @property
    def in_record(self) -> str:
        return f"small: {self.name}"

    def folds(self) -> list[Fold]:
        if self.rows is None:
            return self.corpus()
        return [(drawn(train, self.rows), drawn(test, TEST_ROWS)) for train, test in self.corpus()]


def trec() -> list[Fold]:
    train, test = (lines(f"trec/TREC.{name}.all", " ", "latin-1") for name in ("train", "test"))
    return [(train, test)]


def hotels() -> list[Fold]:
    """chnsenticorp: dev belongs to train, as no program is given a dev set here."""
    train, dev, test = (table(f"chnsenticorp/{name}", "review") for name in ("train.csv.gz", "dev.csv", "test.csv"))
    return [(Labelled(train.labels + dev.labels, train.texts + dev.texts), test)]


def movies() -> list[Fold]:
    return [(lines("mr/train.tsv"), lines("mr/test.tsv"))]


def documents() -> list[Fold]:
    """The cnews sample, which has no test part, in five folds."""
    whole = lines("cnews_sample/cnews.test.txt.gz")
    folds = StratifiedKFold(5, shuffle=True, random_state=0).split(whole.texts, whole.labels)
    return [(chosen(whole, train), chosen(whole, test)) for train, test in folds]


def titles() -> list[Fold]:
    train, test = (read_labelled(dataset(f"thucnews_titles/{name}.txt")) for name in ("train.dedup", "test"))
    return [(train, test)]


def reviews() -> list[Fold]:
    return [(table("imdb/train.csv.gz"), table("imdb/test.csv.gz"))]


def goods() -> list[Fold]:
    """online_shopping by category."""
    return [tuple(table(f"online_shopping/{name}", "review", "cat") for name in ("train.csv.gz", "test.csv"))]


def groups() -> list[Fold]:
    """20 Newsgroups by date, headers included."""
    parts: dict[str, list[tuple[str, str]]] = {"20news-bydate-train": [], "20news-bydate-test": []}
    with tarfile.open(dataset("20ng/20news-bydate.tar.gz")) as archive:
        files = [member for member in archive if member.isfile()]
        for member in sorted(files, key=lambda member: member.name):
            split, label, _ = member.name.split("/")[-3:]
            stream = archive.extractfile(member)
            assert stream is not None
            parts[split].append((label, stream.read().decode("latin-1")))
    train, test = map(on_one_line, parts.values())
    return [(train, test)]


DRAWN = (
    ("THUCNews titles", "char", titles),
    ("IMDB", "word", reviews),
    ("online_shopping, category", "char", goods),
    ("20 Newsgroups", "word", groups),
)
SMALL = [
    SmallTask("TREC", "word", trec),
    SmallTask("ChnSentiCorp, hotels", "char", hotels),
    SmallTask("MR", "word", movies),
    *(SmallTask(f"{name}, {rows:,} rows", unit, read, rows) for name, unit, read in DRAWN for rows in (1000, 3000)),
    SmallTask("cnews sample, five folds", "char", documents),
]


def lines(name: str, separator: str = "\t", encoding: str = "utf-8") -> Labelled:
    """A file of `label<separator>text` lines."""
    return on_one_line(line.split(separator, 1) for line in read_texts(dataset(name), encoding))


def table(name: str, text: str = "text", label: str = "label") -> Labelled:
    """A csv file with these columns."""
    with open_text(dataset(name)) as stream:
        return on_one_line((row[label], row[text]) for row in csv.DictReader(stream))
