"""Few labels and many texts without: tasks, programs and their table."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from sklearn.decomposition import TruncatedSVD
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.semi_supervised import SelfTrainingClassifier

from scripts.accuracy.programs import (
    CHOICES,
    DEFAULTS,
    FOLDS,
    TUNED,
    Predicted,
    Program,
    predict_by_preset,
    predict_by_tuned,
)
from scripts.accuracy.record import newest, recipe_of
from scripts.accuracy.tasks import TEST_ROWS, Fold, chosen, drawn, goods, groups, reviews, titles
from scripts.bench.corpora import dataset, write_texts
from scripts.bench.report import percent, table
from scripts.bench.rivals.corpus import Labelled, read_texts
from scripts.bench.rivals.linear_svc import vectorizer

DRAWS = (1, 2, 3)
SELF_TRAINING = "TF-IDF + self-training"
LSA = "LSA + logistic regression"
LINEAR_TOO = "textrnn, --preset linear --unlabelled"
OURS = "textrnn, --unlabelled"


@dataclass(frozen=True)
class Corpus:
    """unit: what a linear model counts, char or word. more: further texts without labels."""

    name: str
    unit: str
    read: Callable[[], list[Fold]]
    more: str | None = None

    @property
    def short_name(self) -> str:
        """For files."""
        return self.name.split()[0]

    @cache  # noqa: B019 - there are four, which live as long as the program
    def parts(self) -> tuple[Labelled, Labelled, list[str]]:
        """train, test, and the texts that are given without labels: those of train and `more`."""
        ((train, test),) = self.read()
        more = [] if self.more is None else [" ".join(text.split()) for text in read_texts(dataset(self.more))]
        return train, drawn(test, TEST_ROWS), train.texts + more


IMDB = Corpus("IMDB", "word", reviews, "imdb/unsup.txt.gz")
TITLES = Corpus("THUCNews titles", "char", titles)
SHOPPING = Corpus("online_shopping, category", "char", goods)
GROUPS = Corpus("20 Newsgroups", "word", groups)


@dataclass(frozen=True)
class FewTask:
    """As many labels of each class, drawn from the training texts."""

    corpus: Corpus
    labels: int
    draw: int

    @property
    def in_record(self) -> str:
        return f"few: {self.corpus.name}, {self.labels} labels, draw {self.draw}"

    def folds(self) -> list[Fold]:
        train, test, _ = self.corpus.parts()
        rows = defaultdict(list)
        for row, label in enumerate(train.labels):
            rows[label].append(row)
        choice = random.Random(f"{self.labels} {self.draw}")
        names = sorted(rows)
        sizes = [self.labels // len(names) + (place < self.labels % len(names)) for place in range(len(names))]
        balanced = [row for name, size in zip(names, sizes, strict=True) for row in choice.sample(rows[name], size)]
        return [(chosen(train, sorted(balanced)), test)]


FEW = [
    *(FewTask(*parts) for parts in product((TITLES, IMDB), (100, 500, 2500), DRAWS)),
    *(FewTask(*parts) for parts in product((SHOPPING, GROUPS), (500,), DRAWS)),
]


def few_programs(task: FewTask) -> list[Program]:
    corpus, draw = task.corpus, task.draw
    folder = f"few-{corpus.short_name}-{task.labels}"
    files = partial(unlabelled_file, corpus)
    return [
        Program(TUNED, 0, f"{FOLDS} {CHOICES!r}", partial(predict_by_tuned, corpus.unit)),
        Program(SELF_TRAINING, 0, "1", partial(predict_by_self_training, corpus)),
        Program(LSA, 0, f"{COMPONENTS} {LSA_C} 200,000 terms", partial(predict_by_lsa, corpus)),
        Program(
            LINEAR_TOO, draw, recipe_of({"preset": "linear"}) + "unlabelled",
            partial(predict_by_preset, folder + "-unlabelled", "linear", draw, unlabelled=files),
        ),
        Program(DEFAULTS, draw, recipe_of({}), partial(predict_by_preset, folder, "best", draw)),
        Program(
            OURS, draw, recipe_of({}) + "unlabelled",
            partial(predict_by_preset, folder + "-unlabelled", "best", draw, unlabelled=files),
        ),
    ]  # fmt: skip


def unlabelled_file(corpus: Corpus) -> Path:
    path = Path("plain", f"{corpus.short_name}-unlabelled.txt").absolute()
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        write_texts(path, corpus.parts()[2])
    return path


@cache
def all_tfidf(corpus: Corpus) -> tuple[Any, Any]:
    """The vectorizer, fitted on the texts without labels, and their values."""
    fitted = vectorizer(corpus.unit)
    return fitted, fitted.fit_transform(corpus.parts()[2])


def predict_by_self_training(corpus: Corpus, parts: dict[str, Labelled]) -> Predicted:
    """Yarowsky 1995, as scikit-learn has it, with its own settings and the logistic regression of C = 16."""
    tfidf, values = all_tfidf(corpus)
    names = sorted({*parts["train"].labels})
    known = dict(zip(parts["train"].texts, map(names.index, parts["train"].labels), strict=True))
    targets = np.array([known.get(text, -1) for text in corpus.parts()[2]])
    model = SelfTrainingClassifier(LogisticRegression(C=16.0, max_iter=300)).fit(values, targets)
    return Predicted([names[number] for number in model.predict(tfidf.transform(parts["test"].texts))])


COMPONENTS = 300
LSA_C = (1.0, 10.0, 100.0, 1000.0)


@cache
def lsa(corpus: Corpus) -> Pipeline:
    """Deerwester et al. 1990. With all bigrams of 75,000 reviews, the decomposition took more than 23 GB."""
    frequent = vectorizer(corpus.unit).set_params(min_df=3, max_features=200_000)
    return make_pipeline(frequent, TruncatedSVD(COMPONENTS, random_state=0)).fit(corpus.parts()[2])


def predict_by_lsa(corpus: Corpus, parts: dict[str, Labelled]) -> Predicted:
    """C by the accuracy of cross-validation on the labelled texts."""
    train, test = (lsa(corpus).transform(parts[part].texts) for part in ("train", "test"))
    search = GridSearchCV(LogisticRegression(max_iter=1000), {"C": LSA_C}, cv=FOLDS)
    return Predicted(list(search.fit(train, parts["train"].labels).predict(test)))


def few_accuracies(evaluations: list[dict[str, Any]]) -> dict[tuple[str, int, str], list[float]]:
    """(corpus, labels, program) -> the accuracy of each draw that all programs have evaluated."""
    return {key: [line["accuracy"] for line in lines] for key, lines in _by_program(evaluations).items()}


def few_results(evaluations: list[dict[str, Any]]) -> list[str]:
    """A row for each corpus and number of labels: the mean of the draws that all programs have evaluated."""
    lines = _by_program(evaluations)
    programs = list(dict.fromkeys(program for _, _, program in lines))
    rows = []
    for corpus, labels in dict.fromkeys((corpus, labels) for corpus, labels, _ in lines):
        cells = [lines[corpus, labels, program] for program in programs]
        rows.append([
            f"{corpus}, {labels:,}", str(len(cells[0])),
            *(percent(fmean(line["accuracy"] for line in cell)) for cell in cells),
            f"{fmean(line['seconds'] for line in cells[-1]):.0f}",
        ])  # fmt: skip
    note = (
        "`make accuracy ONLY=few`: accuracy on 5,000 test texts, mean of the draws; as many labels of each class. The "
    )
    note += "texts without labels are all training texts, for IMDB also its 50,000 of no class. "
    note += "The last column is training and test of the last program."
    return [table("Few labels, many texts", ["corpus, labels", "draws", *programs, "s"], rows), note]


def _by_program(evaluations: list[dict[str, Any]]) -> dict[tuple[str, int, str], list[dict[str, Any]]]:
    """(corpus, labels, program) -> the last evaluation, by its newest recipe, of each draw that all programs have."""
    by_seed = newest(evaluations, {task.in_record for task in FEW})
    last = {(task, program): line for (task, program, _), line in by_seed.items()}
    evaluated = {program for _, program in last}
    programs = [name for name in (TUNED, SELF_TRAINING, LSA, DEFAULTS, LINEAR_TOO, OURS) if name in evaluated]
    result = {}
    for corpus, labels in dict.fromkeys((task.corpus, task.labels) for task in FEW):
        tasks = [FewTask(corpus, labels, draw).in_record for draw in DRAWS]
        tasks = [task for task in tasks if all((task, name) in last for name in programs)]
        if tasks:
            result |= {(corpus.name, labels, name): [last[task, name] for task in tasks] for name in programs}
    return result
