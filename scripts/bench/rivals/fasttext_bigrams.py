"""fastText with bigrams: 10 epochs at a learning rate of 0.5. Chinese is given to it character by character."""

from __future__ import annotations

import argparse
import re

import fasttext

from scripts.bench.rivals.corpus import read_labelled, read_texts, run, write_labels

LABEL = "__label__"
WORD = re.compile(r"\w+|[^\w\s]")


def spaced(text: str, unit: str) -> str:
    """fastText splits at spaces only."""
    return " ".join("".join(text.split()) if unit == "char" else WORD.findall(text.lower()))


def train(options: argparse.Namespace) -> None:
    lines = options.model.with_suffix(".txt")
    pairs = zip(*read_labelled(options.train), strict=True)
    lines.write_text(
        "".join(f"{LABEL}{label} {spaced(text, options.unit)}\n" for label, text in pairs), encoding="utf-8"
    )
    model = fasttext.train_supervised(
        str(lines), wordNgrams=2, epoch=10, lr=0.5, thread=options.threads, seed=1, verbose=0
    )
    model.save_model(str(options.model))


def predict(options: argparse.Namespace) -> None:
    model = fasttext.load_model(str(options.model))
    labels, _ = model.predict([spaced(text, options.unit) for text in read_texts(options.input)])
    write_labels(options.output, [first.removeprefix(LABEL) for (first,) in labels])


if __name__ == "__main__":
    run(train, predict)
