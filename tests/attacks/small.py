"""A training so small that it takes a third of a second, with n-grams and a linear path."""

from __future__ import annotations

from tests.conftest import TINY, sets

SMALL = [
    *TINY, *sets(
        "model.ngrams=2", "model.linear=mix", "model.max_ngrams=64",
        "train.adversarial_norm=1.5", "train.patience=null",
    ),
]  # fmt: skip
OPTIONS = ["--data", "train.tsv", "--set", "data.test=test.tsv", *SMALL]
