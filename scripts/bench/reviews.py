"""One epoch on IMDB: long English texts, word by word."""

from __future__ import annotations

from functools import partial

from scripts.bench.corpora import reviews
from scripts.bench.programs import Ours, fasttext, keras, linear_svc
from scripts.bench.tables import Findings
from scripts.bench.training import available, compare

TITLE = "One epoch on IMDB"
ABOUT = """\
25,000 reviews, a tenth of them held out for dev, at most 400 words each, a vocabulary of 30,000; bidirectional GRU
128/128, batches of 64, **one** epoch of the recurrent models, from the packed csv to the saved model, tokenizing
included. Keras is set as for the titles, and once more with all texts padded to 400 words, as its `TextVectorization`
does. fastText (10 epochs, bigrams) and TF-IDF of words and word pairs with a linear SVC train to their end. Accuracy is
on the 25,000 test reviews; after one epoch no recurrent model is done."""
KERAS_SIZES = {
    "vocab-size": 30000, "max-length": 400, "embedding-dim": 128, "hidden-size": 128, "dropout": 0.5,
    "batch-size": 64, "epochs": 1, "learning-rate": 2e-3, "clip-norm": 1.0, "dev-fraction": 0.1,
}  # fmt: skip

# imdb.yaml without what a rival does not have
PLAIN = {
    "data.max_length": 400, "model.ngrams": 1, "model.linear_ngrams": "null", "train.adversarial_norm": "null",
    "train.embedding_lr_multiplier": 1.0, "train.epochs": 1,
}  # fmt: skip


def measure() -> Findings:
    ours = {"textrnn, GRU alone": Ours("imdb", PLAIN)}
    rivals, skipped = available(
        {
            "Keras 3, bucketed": partial(keras, "word", KERAS_SIZES),
            "Keras 3, padded to 400": partial(keras, "word", KERAS_SIZES | {"padded": 1}),
            "fastText": partial(fasttext, "word"),
            "TF-IDF + LinearSVC": partial(linear_svc, "word"),
        }
    )
    table = compare("One epoch from the raw file to the saved model", reviews(), ours | rivals, {*ours, *rivals})
    return Findings([table], skipped)
