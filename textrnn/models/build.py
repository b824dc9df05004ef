"""Config -> model. The modules it builds take plain arguments and know nothing of the config."""

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
) -> Network | WithLinearPath:
    """A model with fresh weights. The network's are drawn from torch's global random state, a linear path's are zero.

    pretrained: word vectors (vocab_size, dim); a row of NaN means that the token has none.
    """
    network = build_network(config, vocab_size=vocab_size, num_classes=num_classes, pretrained=pretrained)
    if config.linear_ngrams is None:
        return network
    linear = LinearPath(num_classes, ngrams=config.linear_ngrams, buckets=config.linear_buckets)
    return WithLinearPath(network, linear, scale=config.linear_scale)


def least_weights(config: ModelConfig, vocab_size: int, num_classes: int) -> int:
    """A number of weights that a model has or exceeds, but not by much: so it can be told before memory is taken that
    the sizes in a config are not those of a file."""
    dim, size = config.embedding_dim or DEFAULT_EMBEDDING_DIM, config.hidden_size
    count = vocab_size * dim + size * dim + config.num_layers * size * size + (config.fc_size or 0)
    if config.ngrams > 1:
        count += config.ngram_buckets * dim
    if config.linear_ngrams is not None:
        count += config.linear_buckets * num_classes
    return count


def network_of(model: nn.Module) -> Network:
    """The part of a model that gradients train."""
    return model.network if isinstance(model, WithLinearPath) else model  # type: ignore[return-value]


def build_network(config: ModelConfig, *, vocab_size: int, num_classes: int, pretrained: np.ndarray | None) -> Network:
    """`build_model` without the linear path."""
    # Modules are created in a fixed order, as each draws its weights from the random state that the one before it left.
    embedding = Embedding(
        vocab_size,
        config.embedding_dim or (DEFAULT_EMBEDDING_DIM if pretrained is None else pretrained.shape[1]),
        dropout=config.embedding_dropout,
        pretrained=pretrained,
        frozen=config.freeze_embedding,
        ngrams=config.ngrams,
        buckets=config.ngram_buckets,
    )
    build = {"textrnn": _build_textrnn, "rcnn": _build_rcnn}[config.architecture]
    return build(config, embedding, num_classes)


def _build_textrnn(config: ModelConfig, embedding: Embedding, num_classes: int) -> TextRNN:
    encoder = _build_encoder(config, embedding, bidirectional=config.bidirectional, concat_directions=True)
    pooling = Pooling(config.pooling, encoder.output_size, hops=config.attention_hops)
    return TextRNN(embedding, encoder, pooling, num_classes=num_classes, fc_size=config.fc_size, dropout=config.dropout)


def _build_rcnn(config: ModelConfig, embedding: Embedding, num_classes: int) -> RCNN:
    return RCNN(
        embedding,
        _build_encoder(config, embedding, bidirectional=True, concat_directions=False),
        pooling=config.pooling,
        num_classes=num_classes,
        fc_size=config.fc_size,
        dropout=config.dropout,
        hops=config.attention_hops,
    )


def _build_encoder(
    config: ModelConfig, embedding: Embedding, *, bidirectional: bool, concat_directions: bool
) -> RNNEncoder:
    return RNNEncoder(
        embedding.table.embedding_dim,
        config.hidden_size,
        cell=config.cell,
        nonlinearity=config.nonlinearity,
        num_layers=config.num_layers,
        bidirectional=bidirectional,
        dropout=config.dropout,
        concat_directions=concat_directions,
    )
