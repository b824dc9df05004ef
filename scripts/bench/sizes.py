"""Sizes of saved models and training states."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from scripts.accuracy.tasks import drawn, movies
from scripts.bench.corpora import Corpus, reviews, titles, work_folder, write_texts
from scripts.bench.programs import Program, available, fasttext, ours, rival
from scripts.bench.report import number, table

ROWS = 3000


def measure_sizes() -> list[str]:
    """The sizes after one epoch, since training does not change them."""
    rows, missing = [], []
    for name, unit, corpus in (
        (f"{ROWS:,} review sentences (MR)", "word", sentences()),
        ("THUCNews titles", "char", titles()),
        ("IMDB", "word", reviews()),
    ):
        makers: dict[str, Callable[[], Program]] = {
            "textrnn": partial(ours, None, {"train.epochs": 1, **columns(corpus.train)}),
            "fastText": partial(fasttext, unit), "SVC": partial(rival, "linear_svc", unit),
        }  # fmt: skip
        programs, absent = available(makers)
        missing += [sentence for sentence in absent if sentence not in missing]
        sizes = {}
        for key, program in programs.items():
            folder = work_folder("sizes", name, key)
            program.run_training(corpus, folder)
            sizes[key] = size(folder / "run" / "model" if key == "textrnn" else folder)
            if key == "textrnn":
                sizes["state"] = size(folder / "run" / "resume")
        cells = [sizes.get(key, 0) for key in ("textrnn", "state", "fastText", "SVC")]
        rows.append([name, *(number(cell / 1e6) if cell else "" for cell in cells)])
    header = ["corpus", "textrnn, MB", "its training state, MB", "fastText, MB", "TF-IDF + LinearSVC (joblib), MB"]
    return [table("Sizes of saved models, trained with the defaults", header, rows), *missing]


def columns(train: Path) -> dict[str, object]:
    """The settings of `text<TAB>label` lines, which are not what the program expects."""
    return {} if ".csv" in train.suffixes else {"data.format": "tsv", "data.text_column": 0, "data.label_column": 1}


def sentences() -> Corpus:
    """`text<TAB>label` lines of sentences that are always the same."""
    [(train, _)] = movies()
    lines = [f"{text}\t{label}" for label, text in zip(*drawn(train, ROWS), strict=True)]
    path = write_texts(work_folder("sizes") / "sentences.tsv", lines)
    return Corpus(path, path)


def size(folder: Path) -> int:
    """Bytes of all files in a folder, apart from the copy of the training texts that fastText is given."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and path.name != "model.txt")
