"""Raw files -> labels and texts, and the command line that all rivals share. Standard library only: it runs in every
rival's environment."""

from __future__ import annotations

import argparse
import csv
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class Labelled(NamedTuple):
    labels: list[str]
    texts: list[str]


def read_labelled(path: Path) -> Labelled:
    """A csv with the columns label and text, or `text<TAB>label` lines; packed by gzip or not."""
    with open_text(path) as stream:
        if ".csv" in path.suffixes:
            rows = [(row["label"], row["text"]) for row in csv.DictReader(stream)]
        else:
            rows = [(label, text) for text, _, label in (line.rstrip("\n").rpartition("\t") for line in stream)]
    labels, texts = zip(*rows, strict=True)
    return Labelled(list(labels), list(texts))


def read_texts(path: Path, encoding: str = "utf-8") -> list[str]:
    """One text a line; only a line feed ends it."""
    with open_text(path, encoding) as stream:
        return stream.read().removesuffix("\n").split("\n")


def open_text(path: Path, encoding: str = "utf-8"):
    # newline="\n": U+0085 or a lone carriage return inside a text is no line end
    return (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding=encoding, newline="\n")


def write_labels(path: Path, labels: list[str]) -> None:
    path.write_text("".join(f"{label}\n" for label in labels), encoding="utf-8")


def run(train: Callable[[argparse.Namespace], None], predict: Callable[[argparse.Namespace], None]) -> None:
    """`train --unit U --train FILE [--dev FILE] --model PATH` or `predict --unit U --model PATH --input FILE --output
    FILE`. unit: char or word. sizes: a JSON object, for recurrent models."""
    parser = argparse.ArgumentParser()
    parser.add_argument("verb", choices=["train", "predict"])
    parser.add_argument("--unit", choices=["char", "word"], required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--sizes", type=lambda text: argparse.Namespace(**json.loads(text)))
    for name in ("train", "dev", "input", "output"):
        parser.add_argument(f"--{name}", type=Path)
    options = parser.parse_args()
    {"train": train, "predict": predict}[options.verb](options)
