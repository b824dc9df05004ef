"""The paths of the real corpora, and of the files that the bench makes of them."""

from __future__ import annotations

import gzip
import os
import re
import shutil
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
WORK = ROOT / "build" / "bench"


class Missing(Exception):
    """Something that a measurement needs is missing. The message contains the remedy."""


class Corpus(NamedTuple):
    """Raw files. Without dev, it is held out of train."""

    train: Path
    test: Path
    dev: Path | None = None


def titles() -> Corpus:
    """THUCNews titles: `title<TAB>id`, 10 classes."""
    train, test, dev = (dataset(f"thucnews_titles/{name}.txt") for name in ("train.dedup", "test", "dev"))
    return Corpus(train, test, dev)


def reviews() -> Corpus:
    """IMDB: csv, packed, 2 classes."""
    return Corpus(dataset("imdb/train.csv.gz"), dataset("imdb/test.csv.gz"))


def dataset(name: str) -> Path:
    """The path of a corpus's file. Raises Missing if there is no such file."""
    folder = os.environ.get("TEXTRNN_DATASETS")
    if not folder:
        raise Missing("TEXTRNN_DATASETS is not set: name the folder of the real corpora")
    path = Path(folder) / name
    if not path.is_file():
        raise Missing(f"no such file: {path}")
    return path.resolve()


def work_folder(*names: str) -> Path:
    """A folder of the bench's own with these names, in letters that any program reads."""
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
