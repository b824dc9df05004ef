"""The seven tasks of the shipped recipes, and twelve small ones, always the same: their texts as plain files."""

from __future__ import annotations

import csv
import random
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from sklearn.model_selection import StratifiedKFold

from scripts.bench.corpora import ROOT, dataset, unpack
from scripts.bench.rivals.corpus import Labelled, open_text, read_labelled
from textrnn.config import Config, DataConfig, Paths, load_config
from textrnn.corpus.build import build_source
from textrnn.corpus.division import stratified_split
from textrnn.reading.reader import read_examples

Parts = dict[str, Labelled]  # train, dev and test

# Where the shipped configs look for a file, and what it is a copy of.
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
    """All corpora under folder/data, where the shipped configs look for them. Raises Missing without the raw files."""
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
    """train, dev and test as a recipe's config reads them; dev held out of train where there is none."""
    data = config.data
    found = {
        name: read_part(paths, data)
        for name, paths in (("train", data.train), ("dev", data.dev), ("test", data.test))
        if paths is not None
    }
    if "dev" not in found:
        labels, texts = found["train"]
        numbers = np.unique(labels, return_inverse=True)[1]
        hashes = np.fromiter(map(hash, texts), np.int64, len(texts))
        halves = stratified_split(numbers, hashes, data.dev_fraction, config.train.seed)
        for name, rows in zip(("train", "dev"), halves, strict=True):
            found[name] = Labelled([labels[row] for row in rows], [texts[row] for row in rows])
    return found


def read_part(paths: Paths, data: DataConfig) -> Labelled:
    """Each text on one line."""
    examples = list(read_examples(build_source(paths, data)))
    return Labelled([example.label for example in examples], [" ".join(example.text.split()) for example in examples])


def config_file(task: Task) -> Path:
    return ROOT / "configs" / f"{task.recipe}.yaml"


def config_of(task: Task) -> Config:
    return load_config(config_file(task))


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
