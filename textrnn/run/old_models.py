"""Networks of models saved in versions 0 and 1 of the format: n-grams and the linear path were hashed then."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from textrnn.config import Config
from textrnn.errors import CheckpointError
from textrnn.models.build import build_network
from textrnn.models.hashed_linear import LinearPath, WithLinearPath
from textrnn.run.tensors import check_finite, difference, fill, read_model_tensors


class OldParts(NamedTuple):
    """Keys of the section `model` that were dropped after version 1 of the format."""

    ngram_buckets: int
    linear_ngrams: int | None
    linear_buckets: int
    linear_scale: float


def load_old_network(path: Path, config: Config, old: OldParts, *, vocab_size: int, num_classes: int) -> nn.Module:
    """The network, with its linear path where it has one. Raises CheckpointError where the file is missing, damaged or
    of another model."""
    with torch.device("meta"):
        model: nn.Module = build_network(
            config.model, vocab_size=vocab_size, num_classes=num_classes, ngram_buckets=old.ngram_buckets
        )
        if old.linear_ngrams is not None:
            linear = LinearPath(num_classes, ngrams=old.linear_ngrams, buckets=old.linear_buckets)
            model = WithLinearPath(model, linear, scale=old.linear_scale)  # type: ignore[arg-type]
    tensors, _ = read_model_tensors(path)
    tensors = {name.replace("embedding.ngram_table.", "embedding.ngrams."): each for name, each in tensors.items()}
    wrong = difference(tensors, model.state_dict())
    if wrong is not None:
        raise CheckpointError(
            f"{path}: {wrong}: the file does not belong to the config.yaml, vocab.txt and labels.txt next to it, or "
            f"another version of textrnn saved it"
        )
    check_finite(path, tensors)
    fill(model, tensors)
    return model
