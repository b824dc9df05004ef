#!/usr/bin/env python3
"""How well `textrnn check` finds wrong labels: a share of the labels of real corpora is changed at random, and the
average precision of each ranking of the texts is measured."""

from __future__ import annotations

import argparse
import os
import sys
import tarfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sklearn.metrics import average_precision_score

from textrnn.checking.suspects import FOLDS, calibrated, find_label_errors
from textrnn.corpus.division import folds_of_texts
from textrnn.linear.fit import quick_margins
from textrnn.linear.model import Folding
from textrnn.reading.reader import read_examples
from textrnn.reading.source import Source

RANKINGS = [
    "random", "predicted other, by its probability", "normalized margin", "confident joint first, by margin",
    "probability of the own label (check)",
]  # fmt: skip
Labelled = tuple[list[str], list[str]]


def titles(folder: Path) -> Labelled:
    path = folder / "thucnews_titles" / "train.dedup.txt"
    return of_source(Source([str(path)], text_column=0, label_column=1))


def online_shopping(folder: Path) -> Labelled:
    path = folder / "online_shopping" / "train.csv.gz"
    return of_source(Source([str(path)], text_column="review", label_column="cat"))


def newsgroups(folder: Path) -> Labelled:
    texts, labels = [], []
    with tarfile.open(folder / "20ng" / "20news-bydate.tar.gz") as archive:
        for member in archive:
            split, _, rest = member.name.partition("/")
            file = archive.extractfile(member) if member.isfile() and split == "20news-bydate-train" else None
            if file is not None:
                texts.append(file.read().decode("latin-1"))
                labels.append(rest.split("/")[0])
    return texts, labels


CORPORA = {"THUCNews titles": titles, "online_shopping, category": online_shopping, "20 Newsgroups": newsgroups}


def of_source(source: Source) -> Labelled:
    examples = list(read_examples(source))
    return [example.text for example in examples], [str(example.label) for example in examples]


def with_wrong_labels(labels: np.ndarray, share: float, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Labels (n,) of which a share is changed to another class, each as likely, and which ones (n,) bool are."""
    wrong = np.zeros(len(labels), dtype=bool)
    wrong[random.permutation(len(labels))[: round(share * len(labels))]] = True
    classes = int(labels.max()) + 1
    return np.where(wrong, (labels + random.integers(1, classes, len(labels))) % classes, labels), wrong


def scores(margins: np.ndarray, labels: np.ndarray) -> list[np.ndarray]:
    """For each of RANKINGS but the first, a number (n,) for each text: the higher, the likelier its label is wrong."""
    rows, probabilities = np.arange(len(labels)), calibrated(margins, labels)
    own = probabilities[rows, labels].copy()
    errors = find_label_errors(margins, labels)
    other = probabilities[rows, errors.suggested]
    is_other = other > own
    margin = other - own
    return [np.where(is_other, other, 0), margin, margin + 2 * errors.suspect, -errors.confidence]


def measure(texts: Sequence[str], names: Sequence[str], share: float, seed: int, rows: int) -> list[float]:
    """The average precision of each ranking; then precision and recall of the labels that `check` counts as wrong."""
    random = np.random.default_rng(seed)
    drawn = np.sort(random.permutation(len(texts))[:rows])
    folding = Folding(lowercase=True, normalize=True)
    texts, right = [folding(texts[row]) for row in drawn], np.unique(np.asarray(names), return_inverse=True)[1][drawn]
    labels, wrong = with_wrong_labels(right, share, random)
    folds = folds_of_texts(labels, np.asarray([hash(text) for text in texts]), FOLDS, seed)
    margins = quick_margins(texts, labels, folds, int(right.max()) + 1, seed=seed)
    found = [average_precision_score(wrong, each) for each in [random.random(len(wrong)), *scores(margins, labels)]]
    suspect = find_label_errors(margins, labels).suspect
    return [*map(float, found), float(wrong[suspect].mean()), float(suspect[wrong].mean())]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=float, default=0.05, help="of labels that are changed (default 0.05)")
    parser.add_argument("--rows", type=int, default=1 << 62, help="drawn of each corpus at random (default: all)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[2, 3])
    options = parser.parse_args()
    folder = os.environ.get("TEXTRNN_DATASETS")
    if not folder:
        sys.exit("error: set TEXTRNN_DATASETS to the folder with the raw corpora")
    columns, numbers, counts = [], [], []
    for name, read in CORPORA.items():
        texts, labels = read(Path(folder))
        begin = time.process_time()
        found = [measure(texts, labels, options.share, seed, options.rows) for seed in options.seeds]
        columns.append(name)
        numbers.append(found)
        counts.append((min(options.rows, len(texts)), (time.process_time() - begin) / len(options.seeds)))
    print(f"| ranking | {' | '.join(columns)} |")
    print("|---" * (len(columns) + 1) + "|")
    print(f"| texts | {' | '.join(f'{rows:,}' for rows, _ in counts)} |")
    for at, ranking in enumerate([*RANKINGS, "counted as wrong: precision", "counted as wrong: recall"]):
        cells = [", ".join(f"{each[at]:.3f}" for each in found) for found in numbers]
        print(f"| {ranking} | {' | '.join(cells)} |")
    print(f"| processor seconds a seed | {' | '.join(f'{seconds:.0f}' for _, seconds in counts)} |")


if __name__ == "__main__":
    main()
