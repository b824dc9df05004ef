"""What is compared on the small tasks: the best linear model that cross-validation finds, and textrnn's presets."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline
from sklearn.svm import LinearSVC

from scripts.accuracy.programs import DEFAULTS, Predicted, our_predictions, setting
from scripts.accuracy.record import recipe_of
from scripts.accuracy.small import SEEDS, SmallTask
from scripts.bench.corpora import write_texts
from scripts.bench.rivals.corpus import Labelled
from scripts.bench.rivals.linear_svc import vectorizer

PLAIN = "textrnn, plain"
TUNED = "TF-IDF + the better of LinearSVC and logistic regression"
FOLDS = 3
CHOICES: list[dict[str, list[Any]]] = [
    {"model": [LinearSVC()], "model__C": [0.1, 0.25, 0.5, 1.0, 2.0, 4.0]},
    # one class against the rest, by liblinear: a fit on 3,000 posts of 20 Newsgroups takes 2 s, with lbfgs 42 s
    {
        "model": [OneVsRestClassifier(LogisticRegression(solver="liblinear", dual=True))],
        "model__estimator__C": [4.0, 16.0, 64.0],
    },
]
Predict = Callable[[Labelled, list[str]], Predicted]  # training texts, texts to label -> what is predicted


def small_programs(task: SmallTask) -> list[tuple[str, int, str, Predict]]:
    """(name, seed, whatever else decides the result, predict)."""
    found: list[tuple[str, int, str, Predict]] = [(TUNED, 0, f"{FOLDS} {CHOICES!r}", partial(tuned_labels, task.unit))]
    name = re.sub(r"\W+", "-", task.name)
    for program, preset in ((DEFAULTS, "best"), (PLAIN, "plain")):
        recipe = recipe_of({} if preset == "best" else {"preset": preset})
        for seed in SEEDS:
            found.append((program, seed, recipe, partial(labels_by_preset, f"{name}-{preset}-{seed}", preset, seed)))
    return found


def tuned_labels(unit: str, train: Labelled, texts: list[str]) -> Predicted:
    """Model and C by the accuracy of cross-validation on the training texts, then fitted on all of them."""
    halves = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    with tempfile.TemporaryDirectory() as folder:  # of features, which are the same for each C
        pipeline = Pipeline([("features", vectorizer(unit)), ("model", LinearSVC())], memory=folder)
        search = GridSearchCV(pipeline, CHOICES, cv=halves).fit(train.texts, train.labels)
        return Predicted(list(search.predict(texts)))


def labels_by_preset(name: str, preset: str, seed: int, train: Labelled, texts: list[str]) -> Predicted:
    """A preset is given nothing but a file of `label<TAB>text`, as by `textrnn train --data FILE --preset plain`."""
    folder = Path("small", name).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    known = train.labels[0]  # labels of the texts do not matter: only what is predicted is looked at
    files = {
        part: write_texts(folder / f"{part}.tsv", list(map("\t".join, zip(labels, found, strict=True))))
        for part, labels, found in (("train", train.labels, train.texts), ("test", [known] * len(texts), texts))
    }
    words = ["--data", files["train"], *setting("data.test", files["test"]), *setting("train.seed", seed)]
    if preset != "best":
        words += ["--preset", preset]
    return our_predictions(f"small-{name}", words)
