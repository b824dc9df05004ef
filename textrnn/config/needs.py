"""Preconditions for keys to have an effect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class Needs(NamedTuple):
    """A precondition of a key: if `met` is false and the value is not the default, the user is warned.

    met: called with the whole Config. reason: with `{section.key}` for the value of another key. result: the
    effect of the key then.
    """

    met: Callable[[Any], bool]
    reason: str
    result: str = "has no effect"


CSV = Needs(lambda c: c.data.format in ("auto", "csv"), "data.format is {data.format}, not csv")
DEV = Needs(lambda c: c.data.dev is not None or c.data.dev_fraction != 0, "there is no dev set")
CELL = Needs(lambda c: c.model.architecture != "tdnn", "tdnn has no recurrent cell")
RNN = Needs(lambda c: c.model.cell == "rnn" or not CELL.met(c), "model.cell is {model.cell}, not rnn")
NOT_RCNN = Needs(lambda c: c.model.architecture != "rcnn", "rcnn always reads both directions")
ATTENTION = Needs(lambda c: c.model.pooling == "attention", "model.pooling is {model.pooling}, not attention")
LINEAR = Needs(lambda c: c.model.linear != "none", "model.linear is none")
NGRAMS = Needs(lambda c: c.model.ngrams > 1, "model.ngrams is 1")
JIEBA = Needs(lambda c: c.tokenizer.kind == "jieba", "tokenizer.kind is {tokenizer.kind}, not jieba")
NO_DEV_FILE = Needs(lambda c: c.data.dev is None, "data.dev is given")
FOLDS = Needs(lambda c: c.train.folds == 1 or c.data.dev is None, "data.dev is given")
FOLDS_OF_TRAIN = Needs(lambda c: c.train.folds == 1 or c.data.dev_fraction is None, "data.dev_fraction is given")
FLOAT32 = Needs(lambda c: c.train.precision != "bfloat16", "train.precision is {train.precision}")
TRAINED_EMBEDDING = Needs(
    lambda c: not c.model.freeze_embedding or c.model.ngrams > 1, "model.freeze_embedding is true"
)
RANDOM = Needs(lambda c: c.model.pretrained is None or c.model.rare_dim is None, "model.pretrained is given")
PRETRAINED = Needs(
    lambda c: c.model.pretrained is not None, "model.pretrained is not given", "keeps embeddings at their random values"
)
