"""Which networks a run trains, on which texts, and on which held-out texts each is judged."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from textrnn.config import Config
from textrnn.corpus.splits import Splits
from textrnn.models.build import build_network
from textrnn.models.network import Network
from textrnn.runtime.seeding import seed_weights
from textrnn.texts.ngrams import frequent_ngrams
from textrnn.texts.rows import rows_where
from textrnn.texts.transform import EncodedTexts

_BETWEEN_SEEDS = 1_000_003


class Part(NamedTuple):
    """One network's texts. held_out_rows: rows of all held-out texts that are its own, None where there are none.
    smallest: texts of the run's smallest part, by which batch size and epochs of all are chosen."""

    seed: int
    train: EncodedTexts
    held_out: EncodedTexts | None
    held_out_rows: np.ndarray | None
    smallest: int

    def own(self, margins: np.ndarray | None) -> np.ndarray | None:
        """Of the margins (n, classes) on all held-out texts those on its own; None where there are none."""
        return None if margins is None or self.held_out_rows is None else margins[self.held_out_rows]


def plan(splits: Splits, seed: int) -> list[Part]:
    """One network for all of train, judged on dev; or one for each fold, trained on the others and judged on it."""
    held_out = splits.held_out
    if splits.folds is None or held_out is None or held_out.folds is None:
        rows = None if held_out is None else np.arange(len(held_out.texts))
        return [Part(seed, splits.train, splits.dev, rows, len(splits.train))]
    smallest = len(splits.train) - int(np.bincount(splits.folds).max())
    parts = []
    for fold in range(int(splits.folds.max()) + 1):
        judged = rows_where(held_out.folds == fold)
        others = splits.train.rows(rows_where(splits.folds != fold))
        of_fold = (seed + _BETWEEN_SEEDS * fold) % 2**63
        parts.append(Part(of_fold, others, held_out.texts.rows(judged), judged, smallest))
    return parts


class NetworkBuilder:
    """Makes the networks of a run: equal ones but for their random weights. The n-grams are counted once."""

    def __init__(self, config: Config, splits: Splits, pretrained: np.ndarray | None) -> None:
        self.config, self.pretrained = config.model, pretrained
        self.sizes = {"vocab_size": len(splits.vocab), "num_classes": len(splits.labels)}
        self.ngram_keys = frequent_ngrams(
            splits.train, longest=self.config.ngrams, vocab_size=len(splits.vocab), at_most=self.config.max_ngrams
        )

    def build(self, seed: int, device: torch.device) -> Network:
        seed_weights(seed)
        network = build_network(self.config, **self.sizes, pretrained=self.pretrained, ngram_keys=self.ngram_keys)
        return network.to(device)
