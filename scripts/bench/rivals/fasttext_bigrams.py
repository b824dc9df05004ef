"""fastText with bigrams: 10 epochs at a learning rate of 0.5. Chinese is given to it character by character."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import fasttext

from scripts.bench.rivals.corpus import read_labelled, read_texts, run, write_labels

LABEL = "__label__"
WORD = re.compile(r"\w+|[^\w\s]")


def spaced(text: str, unit: str) -> str:
    """fastText splits at spaces only."""
    return " ".join("".join(text.split()) if unit == "char" else WORD.findall(text.lower()))


def fit(lines: Path, pairs: Iterable[tuple[str, str]], unit: str, **options: Any) -> Any:
    """A model of (label, text) pairs, which are written into the file `lines` for it."""
    content = "".join(f"{LABEL}{label} {spaced(text, unit)}\n" for label, text in pairs)
    lines.write_text(content, encoding="utf-8", newline="\n")
    return fasttext.train_supervised(str(lines), wordNgrams=2, seed=1, verbose=0, **options)


def labels_of(model: Any, texts: list[str], unit: str) -> list[str]:
    labels, _ = model.predict([spaced(text, unit) for text in texts])
    return [first.removeprefix(LABEL) for (first,) in labels]


def train(options: argparse.Namespace) -> None:
    pairs = zip(*read_labelled(options.train), strict=True)
    lines = options.model.with_suffix(".txt")
    fit(lines, pairs, options.unit, lr=0.5, epoch=10, thread=options.threads).save_model(str(options.model))


def predict(options: argparse.Namespace) -> None:
    model = fasttext.load_model(str(options.model))
    write_labels(options.output, labels_of(model, read_texts(options.input), options.unit))


if __name__ == "__main__":
    run(train, predict)
