"""Where the real corpora lie that the bench reads, and what it makes of them under build/bench."""

from __future__ import annotations

import gzip
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from scripts.bench.rivals.corpus import read_labelled

ROOT = Path(__file__).parents[2]
WORK = ROOT / "build" / "bench"


class Missing(Exception):
    """What a part cannot be measured without; the message says what to do."""


@dataclass(frozen=True)
class Corpus:
    """Raw files of a corpus. names: the labels behind the ids in the files, or None where they are names already."""

    train: Path
    test: Path
    dev: Path | None = None
    names: Path | None = None


def titles() -> Corpus:
    """THUCNews titles: `title<TAB>id`, 10 classes."""
    folder = "thucnews_titles"
    train, test, dev, names = (dataset(f"{folder}/{name}.txt") for name in ("train.dedup", "test", "dev", "class"))
    return Corpus(train, test, dev, names)


def reviews() -> Corpus:
    """IMDB: csv, packed, 2 classes."""
    return Corpus(dataset("imdb/train.csv.gz"), dataset("imdb/test.csv.gz"))


def shop_reviews() -> Path:
    """online_shopping: csv, packed, Chinese."""
    return dataset("online_shopping/train.csv.gz")


def dataset(name: str) -> Path:
    """Raises Missing where there is no such file."""
    folder = os.environ.get("TEXTRNN_DATASETS")
    if not folder:
        raise Missing("TEXTRNN_DATASETS is not set: name the folder of the real corpora")
    path = Path(folder) / name
    if not path.is_file():
        raise Missing(f"no such file: {path}")
    return path.resolve()


def work_folder(*names: str) -> Path:
    """A folder of the bench's own for what these names say, in letters that any program reads."""
    folder = WORK.joinpath(*(re.sub(r"[^a-zA-Z0-9]+", "-", name) for name in names))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def unpack(source: Path, target: Path) -> Path:
    """A copy of a file that may be packed."""
    with (gzip.open if source.suffix == ".gz" else open)(source, "rb") as stream, target.open("wb") as out:
        shutil.copyfileobj(stream, out)
    return target


def write_texts(path: Path, texts: list[str]) -> Path:
    """One text a line."""
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8", newline="\n")
    return path


def true_labels(corpus: Corpus, *, named: bool) -> list[str]:
    """The labels of the test file, by name or as they stand there."""
    labels = read_labelled(corpus.test).labels
    if not named or corpus.names is None:
        return labels
    names = corpus.names.read_text(encoding="utf-8").split()
    return [names[int(label)] for label in labels]


def accuracy(predicted: list[str], true: list[str]) -> float:
    return sum(one == other for one, other in zip(predicted, true, strict=True)) / len(true)
