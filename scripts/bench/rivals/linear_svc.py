"""TF-IDF of character 1- to 3-grams or word 1- and 2-grams, and a linear support vector machine (scikit-learn)."""

from __future__ import annotations

import argparse

import joblib
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from scripts.bench.rivals.corpus import read_labelled, read_texts, run, write_labels

NGRAMS = {"char": (1, 3), "word": (1, 2)}


def vectorizer(unit: str) -> TfidfVectorizer:
    return TfidfVectorizer(analyzer=unit, ngram_range=NGRAMS[unit], sublinear_tf=True)


def train(options: argparse.Namespace) -> None:
    labels, texts = read_labelled(options.train)
    joblib.dump(make_pipeline(vectorizer(options.unit), LinearSVC()).fit(texts, labels), options.model)


def predict(options: argparse.Namespace) -> None:
    pipeline = joblib.load(options.model)
    write_labels(options.output, list(pipeline.predict(read_texts(options.input))))


if __name__ == "__main__":
    run(train, predict)
