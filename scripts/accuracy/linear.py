"""Linear models: C, or learning rate and epochs, chosen on dev, then trained on train and dev together."""

from __future__ import annotations

import os
import random
import tempfile
from itertools import product
from pathlib import Path
from typing import Any

from sklearn.metrics import accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from scripts.accuracy.tasks import Parts
from scripts.bench.corpora import write_texts
from scripts.bench.rivals.corpus import Labelled
from scripts.bench.rivals.linear_svc import vectorizer

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
