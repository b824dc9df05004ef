#!/usr/bin/env python3
"""Measures how many labels `textrnn next` saves: a linear model is trained on 100 texts of a pool, a strategy chooses
50 more, again and again, and the accuracy on other texts of the same training file is compared with that of random
choice."""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from scipy import sparse
from sklearn.cluster import KMeans

from textrnn.active.selection import CANDIDATES, COMPONENTS, most_useful, uncertainty
from textrnn.commands.next import MOST_CHARACTERS, MOST_TEXTS
from textrnn.linear.fit import candidate_kinds, out_of_fold_margins
from textrnn.linear.model import Folding, both_sides
from textrnn.linear.ngrams import count_ngrams
from textrnn.linear.projection import count_frequent, project
from textrnn.linear.regression import regression
from textrnn.reading.reader import read_examples
from textrnn.reading.source import Source

POOL, JUDGED = 10_000, 4_000  # texts
START, STEP, ROUNDS = 100, 50, 8
REGRESSION = (100, 30.0)  # components and C
SCALE = 3.0  # of LIBLINEAR's margins, to the size of logits


@dataclass(frozen=True)
class Task:
    """Texts, of which the first POOL are the pool and the others are judged, and their labels."""

    texts: list[str]
    labels: np.ndarray

    @property
    def classes(self) -> int:
        return int(self.labels.max()) + 1

    @cached_property
    def counts(self) -> sparse.csr_matrix:
        """Of the simplest n-grams of the linear model, those in two texts or more."""
        return count_ngrams(candidate_kinds(self.texts)[0][0], self.texts, sys.maxsize)[1]

    @cached_property
    def projected(self) -> np.ndarray:
        """The texts projected by PPMI (n, components)."""
        kind = candidate_kinds(self.texts)[-1][0]
        vocabulary, counts = count_frequent(kind, self.texts)
        return project(kind, vocabulary, counts, 0)[1].of(counts)

    def logits(self, model: str, labelled: np.ndarray) -> np.ndarray:
        """Logits (n, classes) of all texts by a model trained on the rows `labelled`."""
        if model == "tf-idf":
            chosen = np.isin(np.arange(len(self.texts)), labelled)
            folds = -chosen.astype(np.int64)  # only fold 0 is held out, all that is not labelled
            (margins,) = out_of_fold_margins(
                [self.counts], self.labels, folds, self.classes, [1.0], chosen=chosen, balanced=False, seed=0
            )
            margins[labelled] = 0  # they are not held out
            return SCALE * margins
        weight, bias = regression(
            self.projected[labelled], self.labels[labelled], self.classes, REGRESSION, balanced=False
        )
        return both_sides(self.projected[:, : len(weight)] @ weight + bias)


def read(folder: Path, corpus: str) -> Task:
    titles = folder / "thucnews_titles" / "train.dedup.txt"
    source = Source([str(titles)], text_column=0, label_column=1)
    if corpus == "imdb":
        source = Source([str(folder / "imdb" / "train.csv.gz")])
    labels = {example.text: str(example.label) for example in read_examples(source)}
    texts = list(labels)
    drawn = [texts[row] for row in np.random.default_rng(0).permutation(len(texts))[: POOL + JUDGED]]
    ids = np.unique([labels[text] for text in drawn], return_inverse=True)[1]
    return Task([*map(Folding(lowercase=True, normalize=True), drawn)], ids)


def choose(
    strategy: str, task: Task, logits: np.ndarray, labelled: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """STEP rows of the pool that are not yet labelled."""
    pool = np.setdiff1d(np.arange(POOL), labelled)
    if strategy == "random":
        return random.choice(pool, STEP, replace=False)
    shares = np.exp(logits[pool] - logits[pool].max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    if strategy == "entropy":
        return pool[np.argsort((shares * np.log(shares + 1e-12)).sum(axis=1))[:STEP]]
    values = uncertainty(shares)
    order = np.argsort(-values, kind="stable")
    if strategy == "margin":
        return pool[order[:STEP]]
    if strategy == "k-means":  # Zhdanov 2019, "Diverse mini-batch active learning"
        order = order[: 2 * CANDIDATES * STEP]
        vectors = task.projected[pool[order], :COMPONENTS]
        vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(1e-9)
        seed = int(random.integers(1 << 30))
        clusters = KMeans(STEP, n_init=1, random_state=seed).fit(vectors, sample_weight=values[order] + 1e-6)
        nearest = np.square(vectors[:, None] - clusters.cluster_centers_).sum(axis=2).argmin(axis=0)
        return pool[order[np.unique(nearest)]]
    order = order[:MOST_TEXTS]
    order = order[np.cumsum([len(task.texts[row]) for row in pool[order]]) <= MOST_CHARACTERS]
    return pool[order[most_useful([task.texts[row] for row in pool[order]], values[order], STEP)]]


def accuracies(strategy: str, task: Task, model: str, draw: int) -> list[float]:
    """The accuracy on the judged texts after START, START + STEP, ... labels."""
    random = np.random.default_rng(draw)
    labelled = random.choice(POOL, START, replace=False)
    scores = []
    for number in range(ROUNDS + 1):
        logits = task.logits(model, labelled)
        scores.append(float((logits[POOL:].argmax(axis=1) == task.labels[POOL:]).mean()))
        if number < ROUNDS:
            labelled = np.concatenate([labelled, choose(strategy, task, logits, labelled, random)])
    return scores


def labels_needed(scores: np.ndarray, target: float) -> str:
    """The number of labels with which the scores reach the target, between the rounds by a straight line."""
    reached = np.flatnonzero(scores >= target)
    if not len(reached):
        return f"> {START + ROUNDS * STEP}"
    after = int(reached[0])
    if after == 0:
        return str(START)
    share = (target - scores[after - 1]) / (scores[after] - scores[after - 1])
    return f"{START + STEP * (after - 1 + share):.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", choices=["titles", "imdb"])
    parser.add_argument("model", choices=["tf-idf", "ppmi"])
    parser.add_argument("--strategies", default="random,margin,entropy,k-means,next", help="random first")
    parser.add_argument("--draws", type=int, default=3)
    options = parser.parse_args()
    folder = os.environ.get("TEXTRNN_DATASETS")
    if folder is None:
        sys.exit("error: set TEXTRNN_DATASETS to the folder with the raw corpora")
    task = read(Path(folder), options.corpus)
    counts = [START + STEP * number for number in range(0, ROUNDS + 1, 2)]
    print(
        f"| {options.corpus}, {options.model} |", *(f"{count} |" for count in counts), "as random 300 | as random 500 |"
    )
    print("|---|" + "---:|" * (len(counts) + 2))
    base = None
    for strategy in options.strategies.split(","):
        begin = time.perf_counter()
        scores = np.mean([accuracies(strategy, task, options.model, draw) for draw in range(options.draws)], axis=0)
        base = scores if base is None else base
        cells = [f"{100 * score:.1f}" for score in scores[::2]]
        cells += [labels_needed(scores, base[(count - START) // STEP]) for count in (300, 500)]
        print(f"| {strategy} |", *(f"{cell} |" for cell in cells), flush=True)
        print(f"{strategy}: {time.perf_counter() - begin:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
