"""How large the saved models are and training states are."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from scripts.accuracy.tasks import drawn, movies
from scripts.bench.corpora import Corpus, reviews, titles, work_folder, write_texts
from scripts.bench.programs import Program, available, fasttext, linear_svc, ours
from scripts.bench.report import number, table

ROWS = 3000


def measure_sizes() -> list[str]:
    """Sizes do not depend on how long a network is trained: one epoch will do."""
    rows, missing = [], []
    for name, unit, corpus in (
        (f"{ROWS:,} review sentences (MR)", "word", sentences()),
        ("THUCNews titles", "char", titles()),
        ("IMDB", "word", reviews()),
    ):
        wanted: dict[str, Callable[[], Program]] = {
            "textrnn": partial(ours, None, {"train.epochs": 1, **columns(corpus.train)}),
            "fastText": partial(fasttext, unit), "SVC": partial(linear_svc, unit),
        }  # fmt: skip
        programs, absent = available(wanted)
        missing += [each for each in absent if each not in missing]
        found = {}
        for program in wanted:
            if program in programs:
                folder = work_folder("sizes", name, program)
                programs[program].run_training(corpus, folder)
                found[program] = size(folder / "run" / "model" if program == "textrnn" else folder)
        state = size(work_folder("sizes", name, "textrnn") / "run" / "resume")
        cells = [found.get("textrnn", 0), state, found.get("fastText", 0), found.get("SVC", 0)]
        rows.append([name, *(number(each / 1e6) if each else "" for each in cells)])
    header = ["corpus", "textrnn, MB", "its training state, MB", "fastText, MB", "TF-IDF + LinearSVC (joblib), MB"]
    return [table("Sizes of saved models, trained with the defaults", header, rows), *missing]


def columns(train: Path) -> dict[str, object]:
    """Where `text<TAB>label` is not what the program expects."""
    return {} if ".csv" in train.suffixes else {"data.format": "tsv", "data.text_column": 0, "data.label_column": 1}


def sentences() -> Corpus:
    """`text<TAB>label` lines of sentences that are always the same."""
    train = drawn(movies()[0], ROWS)
    lines = [f"{' '.join(text.split())}\t{label}" for text, label in zip(train.texts, train.labels, strict=True)]
    path = write_texts(work_folder("sizes") / "sentences.tsv", lines)
    return Corpus(path, path)


def size(folder: Path) -> int:
    """Bytes of all files in a folder, apart from the copy of the training texts that fastText is given."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and path.name != "model.txt")
