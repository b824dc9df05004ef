"""Config -> model; below this file there are only plain arguments."""

from __future__ import annotations

import numpy as np
from torch import nn

from textrnn.config import ModelConfig
from textrnn.models.embedding import Embedding
from textrnn.models.encoder import RNNEncoder
from textrnn.models.linear import LinearPath, WithLinearPath
from textrnn.models.network import Network
from textrnn.models.pooling import Pooling
from textrnn.models.rcnn import RCNN
from textrnn.models.textrnn import TextRNN

DEFAULT_EMBEDDING_DIM = 96


def build_model(
    config: ModelConfig, *, vocab_size: int, num_classes: int, pretrained: np.ndarray | None = None
) -> TextRNN | RCNN | WithLinearPath:
    """A model with fresh weights, drawn from torch's global random state; a linear path's are zeros.

    pretrained: (vocab_size, dim) vectors, NaN rows where there is none.
    """
    network = build_network(config, vocab_size=vocab_size, num_classes=num_classes, pretrained=pretrained)
    if config.linear_ngrams is None:
        return network
    linear = LinearPath(num_classes, ngrams=config.linear_ngrams, buckets=config.linear_buckets)
    return WithLinearPath(network, linear, scale=config.linear_scale)


def network_of(model: nn.Module) -> Network:
    """The part of a model that gradients train."""
    return model.network if isinstance(model, WithLinearPath) else model  # type: ignore[return-value]


def build_network(
    config: ModelConfig, *, vocab_size: int, num_classes: int, pretrained: np.ndarray | None
) -> TextRNN | RCNN:
    dim = config.embedding_dim or (DEFAULT_EMBEDDING_DIM if pretrained is None else pretrained.shape[1])
    is_rcnn = config.architecture == "rcnn"
    embedding = Embedding(
        vocab_size,
        dim,
        dropout=config.embedding_dropout,
        pretrained=pretrained,
        frozen=config.freeze_embedding,
        ngrams=config.ngrams,
        buckets=config.ngram_buckets,
    )
    encoder = RNNEncoder(
        dim,
        config.hidden_size,
        cell=config.cell,
        nonlinearity=config.nonlinearity,
        num_layers=config.num_layers,
        bidirectional=config.bidirectional or is_rcnn,
        dropout=config.dropout,
        joined=not is_rcnn,
    )
    if is_rcnn:
        return RCNN(
            embedding,
            encoder,
            pooling=config.pooling,
            num_classes=num_classes,
            fc_size=config.fc_size,
            dropout=config.dropout,
            hops=config.attention_hops,
        )
    pooling = Pooling(config.pooling, encoder.output_size, hops=config.attention_hops)
    return TextRNN(embedding, encoder, pooling, num_classes=num_classes, fc_size=config.fc_size, dropout=config.dropout)
