# ruff: noqa: E402 - what torch reads of the environment must be set before it is loaded
"""`python -m scripts.bench.forward_passes RUN FILE`: the seconds that the forward passes alone take of predicting a
file, in batches as `textrnn predict` makes them."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from textrnn.runtime.process import tune_torch

tune_torch()  # as the program does, before torch is loaded

import torch

from scripts.bench.rivals.corpus import read_texts
from textrnn.classifier import TextClassifier
from textrnn.commands.predict import WINDOW_TEXTS
from textrnn.data.batching import Batch, collate, inference_batches
from textrnn.inference import DEFAULT_BATCH_SIZE


def main(run: str, file: str) -> None:
    classifier = TextClassifier.load(run)
    batches = batches_of(classifier, read_texts(Path(file)))
    model = classifier.model
    with torch.inference_mode():
        for batch in batches[:5]:
            model(batch.token_ids, batch.lengths)  # the first calls are slower
        begin = time.perf_counter()
        for batch in batches:
            model(batch.token_ids, batch.lengths)
        print(time.perf_counter() - begin)


def batches_of(classifier: TextClassifier, texts: list[str]) -> list[Batch]:
    batches = []
    for at in range(0, len(texts), WINDOW_TEXTS):
        encoded = classifier.transform.encode(texts[at : at + WINDOW_TEXTS])
        batches += [collate(encoded, rows) for rows in inference_batches(encoded.lengths, DEFAULT_BATCH_SIZE)]
    return batches


if __name__ == "__main__":
    main(*sys.argv[1:])
