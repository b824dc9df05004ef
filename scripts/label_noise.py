#!/usr/bin/env python3
"""Measures how well `textrnn check` finds wrong labels: a share of the labels of real corpora is changed at random, and
the average precision of each ranking of the texts is measured."""

from __future__ import annotations

import argparse
import os
import sys
import tarfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from sklearn.metrics import average_precision_score

from textrnn.checking.suspects import FOLDS, calibrated, find_label_errors
from textrnn.corpus.splits import folds_of_texts
from textrnn.linear.fit import quick_margins
from textrnn.linear.model import Folding
from textrnn.reading.reader import read_examples
from textrnn.reading.source import Source

Labelled = tuple[list[str], list[str]]  # texts and labels


def read_corpora(folder: Path) -> Iterator[tuple[str, Labelled]]:
    titles, shopping = folder / "thucnews_titles" / "train.dedup.txt", folder / "online_shopping" / "train.csv.gz"
    yield "THUCNews titles", read(Source([str(titles)], text_column=0, label_column=1))
    yield "online_shopping, category", read(Source([str(shopping)], text_column="review", label_column="cat"))
    yield "20 Newsgroups", read_newsgroups(folder / "20ng" / "20news-bydate.tar.gz")


def read(source: Source) -> Labelled:
    examples = list(read_examples(source))
    return [example.text for example in examples], [str(example.label) for example in examples]


def read_newsgroups(path: Path) -> Labelled:
    texts, labels = [], []
    with tarfile.open(path) as archive:
        for member in archive:
            split, _, rest = member.name.partition("/")
            file = archive.extractfile(member) if member.isfile() and split == "20news-bydate-train" else None
            if file is not None:
                texts.append(file.read().decode("latin-1"))
                labels.append(rest.split("/")[0])
    return texts, labels


def with_wrong_labels(labels: np.ndarray, share: float, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The labels (n,) after a share of them was changed to another class drawn at random, and which ones (n,) bool
    were."""
    wrong = np.zeros(len(labels), dtype=bool)
    wrong[random.permutation(len(labels))[: round(share * len(labels))]] = True
    classes = int(labels.max()) + 1
    return np.where(wrong, (labels + random.integers(1, classes, len(labels))) % classes, labels), wrong


def measure(texts: Sequence[str], names: Sequence[str], share: float, seed: int, rows: int) -> dict[str, float]:
    """The average precision of each ranking; then precision and recall of the labels that `check` counts as wrong."""
    random = np.random.default_rng(seed)
    drawn = np.sort(random.permutation(len(texts))[:rows])
    folding = Folding(lowercase=True, normalize=True)
    texts, right = [folding(texts[row]) for row in drawn], np.unique(np.asarray(names), return_inverse=True)[1][drawn]
    labels, wrong = with_wrong_labels(right, share, random)
    folds = folds_of_texts(labels, np.asarray([hash(text) for text in texts]), FOLDS, seed)
    margins = quick_margins(texts, labels, folds, int(right.max()) + 1, seed=seed)
    errors = find_label_errors(margins, labels)
    other = calibrated(margins, labels)[np.arange(len(labels)), errors.suggested]
    margin = other - errors.confidence
    rankings = {  # the higher, the likelier a text's label is wrong
        "random": random.random(len(wrong)),
        "predicted other, by its probability": np.where(errors.is_other, other, 0),
        "normalized margin": margin,
        "confident joint first, by margin": margin + 2 * errors.suspect,
        "probability of the own label (check)": -errors.confidence,
    }
    measures = {name: average_precision_score(wrong, ranking) for name, ranking in rankings.items()}
    return measures | {
        "counted as wrong: precision": wrong[errors.suspect].mean(),
        "counted as wrong: recall": errors.suspect[wrong].mean(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=float, default=0.05, help="of labels that are changed (default 0.05)")
    parser.add_argument("--rows", type=int, default=1 << 62, help="drawn of each corpus at random (default: all)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[2, 3])
    options = parser.parse_args()
    folder = os.environ.get("TEXTRNN_DATASETS")
    if not folder:
        sys.exit("error: set TEXTRNN_DATASETS to the folder with the raw corpora")
    rows: dict[str, list[str]] = defaultdict(list)  # name -> a cell for each corpus
    for corpus, (texts, labels) in read_corpora(Path(folder)):
        rows["ranking"].append(corpus)
        begin = time.process_time()
        measures = [measure(texts, labels, options.share, seed, options.rows) for seed in options.seeds]
        seconds = (time.process_time() - begin) / len(options.seeds)
        rows["texts"].append(f"{min(options.rows, len(texts)):,}")
        for name in measures[0]:
            rows[name].append(", ".join(f"{measured[name]:.3f}" for measured in measures))
        rows["processor seconds a seed"].append(f"{seconds:.0f}")
    for name, cells in rows.items():
        print(f"| {name} | {' | '.join(cells)} |")
        if name == "ranking":
            print("|---" * (len(cells) + 1) + "|")


if __name__ == "__main__":
    main()
