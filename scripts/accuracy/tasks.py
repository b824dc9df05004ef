"""The seven tasks on which accuracy is measured: a recipe, its corpus, and the same texts as plain files for others."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scripts.bench.corpora import ROOT, dataset, unpack
from scripts.bench.rivals.corpus import Labelled
from textrnn.config import Config, DataConfig, Paths, load_config
from textrnn.data.build import build_source
from textrnn.data.division import stratified_split
from textrnn.data.reader import read_examples

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
