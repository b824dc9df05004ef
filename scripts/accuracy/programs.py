"""The programs that are compared: linear models, fastText, and textrnn with its presets and shipped recipes."""

from __future__ import annotations

import importlib.util
import os
import random
import re
import tempfile
from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.svm import LinearSVC

from scripts.accuracy.record import recipe_of
from scripts.accuracy.tasks import SEEDS, Parts, SmallTask, Task, config_file, config_of
from scripts.bench.corpora import write_texts
from scripts.bench.rivals.corpus import Labelled, read_texts
from scripts.bench.rivals.linear_svc import vectorizer
from scripts.bench.timing import run_program, textrnn
from textrnn.config import Config, read_yaml

C = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0)
RATES, EPOCHS = (0.1, 0.25, 0.5, 1.0), (5, 10, 25)


def svc_labels(unit: str, parts: Parts) -> list[str]:
    """TF-IDF of n-grams and a linear SVC; C is chosen on dev."""
    train, dev = parts["train"], parts["dev"]
    counted = vectorizer(unit)
    features, dev_features = counted.fit_transform(train.texts), counted.transform(dev.texts)
    scores = {c: LinearSVC(C=c).fit(features, train.labels).score(dev_features, dev.labels) for c in C}
    pipeline = make_pipeline(vectorizer(unit), LinearSVC(C=max(scores, key=scores.__getitem__)))
    pipeline.fit(train.texts + dev.texts, train.labels + dev.labels)
    return pipeline.predict(parts["test"].texts).tolist()


def fasttext_labels(unit: str, parts: Parts) -> list[str]:
    """fastText with bigrams; learning rate and epochs are chosen on dev."""
    import fasttext

    from scripts.bench.rivals.fasttext_bigrams import LABEL, spaced

    train, dev = parts["train"], parts["dev"]
    numbers = {label: str(at) for at, label in enumerate(sorted({*train.labels, *dev.labels}))}
    names = {f"{LABEL}{number}": label for label, number in numbers.items()}

    def trained(part: Labelled, rate: float, epochs: int) -> Any:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "train.txt"
            pairs = list(zip(*part, strict=True))
            random.Random(1).shuffle(pairs)  # fastText reads them in order, and some corpora are sorted by class
            write_texts(file, [f"{LABEL}{numbers[label]} {spaced(text, unit)}" for label, text in pairs])
            threads = int(os.environ["OMP_NUM_THREADS"])
            return fasttext.train_supervised(
                str(file), wordNgrams=2, lr=rate, epoch=epochs, thread=threads, seed=1, verbose=0
            )

    def labels(model: Any, texts: list[str]) -> list[str]:
        return [names[first] for (first,) in model.predict([spaced(text, unit) for text in texts])[0]]

    scores = {}
    for rate, epochs in product(RATES, EPOCHS):
        scores[rate, epochs] = accuracy_score(dev.labels, labels(trained(train, rate, epochs), dev.texts))
    both = Labelled(train.labels + dev.labels, train.texts + dev.texts)
    return labels(trained(both, *max(scores, key=scores.__getitem__)), parts["test"].texts)


LINEAR = "TF-IDF + LinearSVC"
DEFAULTS = "textrnn, defaults"


class Program(NamedTuple):
    """recipe: whatever decides the result, besides the seed. labels: trains, and labels the test texts."""

    name: str
    seed: int
    recipe: str
    labels: Callable[[Parts], list[str]]


def programs(task: Task) -> list[Program]:
    """The linear SVC, which the others are compared with, comes first."""
    config = config_of(task)
    found = [Program(LINEAR, 0, repr(C), partial(svc_labels, task.unit))]
    if importlib.util.find_spec("fasttext") is None:
        print("fastText is left out: it is not installed (pip install -e '.[bench]')")
    else:
        found.append(Program("fastText", 0, "2", partial(fasttext_labels, task.unit)))
    found.append(Program(DEFAULTS, 1, recipe_of({}), partial(labels_by_defaults, task)))
    recipe = recipe_of(read_yaml(config_file(task))) + "and on dev" + (" but for a tenth" if held_out(config) else "")
    for seed in range(1, task.seeds + 1):
        labels = partial(labels_by_recipe, task, config, seed)
        found.append(Program(f"textrnn, {task.recipe}.yaml", seed, recipe, labels))
    return found


def labels_by_defaults(task: Task, parts: Parts) -> list[str]:
    """The defaults are given nothing but the names of three `label<TAB>text` files."""
    folder = Path("plain", task.recipe).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        name: write_texts(folder / f"{name}.tsv", list(map("\t".join, zip(*part, strict=True))))
        for name, part in parts.items()
    }
    settings = {"data.dev": files["dev"], "data.test": files["test"]}
    return our_predictions(f"{task.recipe}-defaults", ["--data", files["train"]], settings).labels


def labels_by_recipe(task: Task, config: Config, seed: int, parts: Parts) -> list[str]:
    settings = {"train.seed": seed, **on_train_and_dev(config)}
    return our_predictions(f"{task.recipe}-{seed}", ["--config", config_file(task)], settings).labels


class Predicted(NamedTuple):
    """labels (n,) of the test texts; probabilities (n,) of these labels, or None if the program gives none."""

    labels: list[str]
    probabilities: list[float] | None = None


def our_predictions(name: str, words: list[object], settings: dict[str, object]) -> Predicted:
    run = Path("runs") / name
    run_program(textrnn("train", *words, "--run-dir", run, "--force", settings=settings))
    run_program(textrnn("eval", run))
    header, *rows = read_texts(run / "eval" / "test" / "predictions.tsv")
    label, probability = (header.split("\t").index(column) for column in ("predicted", "probability"))
    columns = [row.split("\t") for row in rows]
    return Predicted([row[label] for row in columns], [float(row[probability]) for row in columns])


def held_out(config: Config) -> float:
    """The share of train and dev from which a recipe learns how network and linear model decide."""
    return 0.1 if config.model.linear == "mix" else 0.0


def on_train_and_dev(config: Config) -> dict[str, object]:
    """The settings that make a recipe train on dev too."""
    data, share = config.data, {"data.dev_fraction": held_out(config)}
    if data.dev is None:
        return share
    files = [name for part in (data.train, data.dev) for name in ([part] if isinstance(part, str) else part or [])]
    return {"data.train": f"[{', '.join(files)}]", "data.dev": "null", **share}


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
    words = ["--data", files["train"], *(["--preset", preset] if preset != "best" else [])]
    return our_predictions(f"small-{name}", words, {"data.test": files["test"], "train.seed": seed})
