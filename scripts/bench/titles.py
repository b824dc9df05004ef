"""Whole training on THUCNews titles: short Chinese texts, character by character."""

from __future__ import annotations

from functools import partial

from scripts.bench.corpora import ROOT, titles
from scripts.bench.programs import Ours, fasttext, keras, linear_svc
from scripts.bench.tables import Findings
from scripts.bench.training import available, compare

TITLE = "Training on THUCNews titles"
ABOUT = """\
33,494 titles of 10 classes, 10,000 for dev and 10,000 for test. Seconds from the raw file to the saved best model, the
start of the program, tokenizing and vocabulary included. Keras has the model of `configs/thucnews.yaml`: the same
tokens (within 0.3 %), sizes, dropout, batches, epochs, learning rate and clipping, masked embeddings, batches bucketed
by length and padded no further than their longest text (compiled with XLA it is three to five times slower), the best
epoch on dev kept. fastText (bigrams, 10 epochs, learning rate 0.5, characters apart) and TF-IDF of character 1- to
3-grams with a linear SVC stand beside them for reference."""
KERAS_SIZES = {
    "vocab-size": 5000, "max-length": 32, "embedding-dim": 128, "hidden-size": 128, "dropout": 0.5,
    "batch-size": 64, "epochs": 8, "learning-rate": 2e-3, "clip-norm": 1.0,
}  # fmt: skip
CONFIGS = ["thucnews", "thucnews_fast"]


def measure() -> Findings:
    corpus = titles()
    ours = {f"textrnn, {name}.yaml": Ours(name) for name in CONFIGS if (ROOT / f"configs/{name}.yaml").exists()}
    rivals, skipped = available(
        {
            "Keras 3": partial(keras, "char", KERAS_SIZES),
            "fastText": partial(fasttext, "char"),
            "TF-IDF + LinearSVC": partial(linear_svc, "char"),
        }
    )
    once = {*ours, "Keras 3"}
    table = compare("Training from the raw file to the saved best model", corpus, ours | rivals, once)
    return Findings([table], skipped)
