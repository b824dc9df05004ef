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

LINEAR = "TF-IDF + LinearSVC"
TUNED = "TF-IDF + the better of LinearSVC and logistic regression"
DEFAULTS = "textrnn, defaults"
PLAIN = "textrnn, plain"


class Predicted(NamedTuple):
    """labels (n,) of the test texts; probabilities (n,) of these labels, or None if the program gives none."""

    labels: list[str]
    probabilities: list[float] | None = None


class Program(NamedTuple):
    """recipe: whatever decides the result, besides the seed. predict: trains, and labels the test texts."""

    name: str
    seed: int
    recipe: str
    predict: Callable[[Parts], Predicted]


def programs(task: Task) -> list[Program]:
    """The linear SVC, which the others are compared with, comes first."""
    config = config_of(task)
    compared = [Program(LINEAR, 0, repr(C), partial(predict_by_svc, task.unit))]
    if importlib.util.find_spec("fasttext") is None:
        print("fastText is left out: it is not installed (pip install -e '.[bench]')")
    else:
        compared.append(Program("fastText", 0, "2", partial(predict_by_fasttext, task.unit)))
    compared.append(Program(DEFAULTS, 1, recipe_of({}), partial(predict_by_preset, task.recipe, "best", 1)))
    recipe = recipe_of(read_yaml(config_file(task))) + "and on dev" + (" but for a tenth" if held_out(config) else "")
    for seed in range(1, task.seeds + 1):
        predict = partial(predict_by_recipe, task, config, seed)
        compared.append(Program(f"textrnn, {task.recipe}.yaml", seed, recipe, predict))
    return compared


def small_programs(task: SmallTask) -> list[Program]:
    compared = [Program(TUNED, 0, f"{FOLDS} {CHOICES!r}", partial(predict_by_tuned, task.unit))]
    for name, preset in ((DEFAULTS, "best"), (PLAIN, "plain")):
        recipe = recipe_of({} if preset == "best" else {"preset": preset})
        for seed in SEEDS:
            folder = "small-" + re.sub(r"\W+", "-", task.name)
            compared.append(Program(name, seed, recipe, partial(predict_by_preset, folder, preset, seed)))
    return compared


C = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0)


def predict_by_svc(unit: str, parts: Parts) -> Predicted:
    """TF-IDF of n-grams and a linear SVC; C is chosen on dev."""
    train, dev = parts["train"], parts["dev"]
    tfidf = vectorizer(unit)
    features, dev_features = tfidf.fit_transform(train.texts), tfidf.transform(dev.texts)
    scores = {c: LinearSVC(C=c).fit(features, train.labels).score(dev_features, dev.labels) for c in C}
    pipeline = make_pipeline(vectorizer(unit), LinearSVC(C=max(scores, key=scores.__getitem__)))
    pipeline.fit(train.texts + dev.texts, train.labels + dev.labels)
    return Predicted(pipeline.predict(parts["test"].texts).tolist())


RATES, EPOCHS = (0.1, 0.25, 0.5, 1.0), (5, 10, 25)


def predict_by_fasttext(unit: str, parts: Parts) -> Predicted:
    """fastText with bigrams; learning rate and epochs are chosen on dev."""
    from scripts.bench.rivals.fasttext_bigrams import fit, labels_of

    train, dev = parts["train"], parts["dev"]
    names = sorted({*train.labels, *dev.labels})  # a label of fastText has no spaces, so classes are numbered

    def model_of(part: Labelled, rate: float, epochs: int) -> Any:
        pairs = [(str(names.index(label)), text) for label, text in zip(*part, strict=True)]
        random.Random(1).shuffle(pairs)  # fastText reads them in order, and some corpora are sorted by class
        with tempfile.TemporaryDirectory() as folder:
            threads = int(os.environ["OMP_NUM_THREADS"])
            return fit(Path(folder) / "train.txt", pairs, unit, lr=rate, epoch=epochs, thread=threads)

    def labels(model: Any, texts: list[str]) -> list[str]:
        return [names[int(number)] for number in labels_of(model, texts, unit)]

    scores = {}
    for rate, epochs in product(RATES, EPOCHS):
        scores[rate, epochs] = accuracy_score(dev.labels, labels(model_of(train, rate, epochs), dev.texts))
    both = Labelled(train.labels + dev.labels, train.texts + dev.texts)
    return Predicted(labels(model_of(both, *max(scores, key=scores.__getitem__)), parts["test"].texts))


FOLDS = 3
CHOICES: list[dict[str, list[Any]]] = [
    {"model": [LinearSVC()], "model__C": [0.1, 0.25, 0.5, 1.0, 2.0, 4.0]},
    # one class against the rest, by liblinear: a fit on 3,000 posts of 20 Newsgroups takes 2 s, with lbfgs 42 s
    {
        "model": [OneVsRestClassifier(LogisticRegression(solver="liblinear", dual=True))],
        "model__estimator__C": [4.0, 16.0, 64.0],
    },
]


def predict_by_tuned(unit: str, parts: Parts) -> Predicted:
    """Model and C by the accuracy of cross-validation on the training texts, then fitted on all of them."""
    halves = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    with tempfile.TemporaryDirectory() as folder:  # of features, which are the same for each C
        pipeline = Pipeline([("features", vectorizer(unit)), ("model", LinearSVC())], memory=folder)
        search = GridSearchCV(pipeline, CHOICES, cv=halves).fit(parts["train"].texts, parts["train"].labels)
        return Predicted(list(search.predict(parts["test"].texts)))


def predict_by_preset(
    name: str, preset: str, seed: int, parts: Parts, *, unlabelled: Callable[[], Path] | None = None
) -> Predicted:
    """A preset is given nothing but a file of `label<TAB>text` for each part. unlabelled: makes the file of texts
    without labels."""
    name = f"{name}-{preset}-{seed}"
    folder = Path("plain", name).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for part, (labels, texts) in parts.items():
        if part == "test":  # only its predictions are used, and a label may be unknown in training
            labels = parts["train"].labels[:1] * len(texts)
        files[f"data.{part}"] = write_texts(folder / f"{part}.tsv", [*map("\t".join, zip(labels, texts, strict=True))])
    words: list[object] = ["--data", files.pop("data.train"), *(["--preset", preset] if preset != "best" else [])]
    words += [] if unlabelled is None else ["--unlabelled", unlabelled()]
    return train_and_eval(name, words, {**files, "train.seed": seed})


def predict_by_recipe(task: Task, config: Config, seed: int, parts: Parts) -> Predicted:
    settings = {"train.seed": seed, **on_train_and_dev(config)}
    return train_and_eval(f"{task.recipe}-{seed}", ["--config", config_file(task)], settings)


def train_and_eval(name: str, words: list[object], settings: dict[str, object]) -> Predicted:
    run = Path("runs") / name
    run_program(textrnn("train", *words, "--run-dir", run, "--force", settings=settings))
    run_program(textrnn("eval", run))
    header, *rows = (row.split("\t") for row in read_texts(run / "eval" / "test" / "predictions.tsv"))
    label, probability = header.index("predicted"), header.index("probability")
    return Predicted([row[label] for row in rows], [float(row[probability]) for row in rows])


def held_out(config: Config) -> float:
    """The share of train and dev on which a recipe learns how to mix network and linear model."""
    return 0.1 if config.model.linear == "mix" else 0.0


def on_train_and_dev(config: Config) -> dict[str, object]:
    """The settings that make a recipe train on dev as well."""
    data, share = config.data, {"data.dev_fraction": held_out(config)}
    if data.dev is None:
        return share
    files = [name for part in (data.train, data.dev) for name in ([part] if isinstance(part, str) else part or [])]
    return {"data.train": f"[{', '.join(files)}]", "data.dev": "null", **share}
