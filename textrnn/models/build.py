"""Config -> network. The modules it builds take plain arguments and know nothing of the config."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from textrnn.config import ModelConfig
from textrnn.models.embedding import Embedding
from textrnn.models.encoder import RNNEncoder
from textrnn.models.network import Network
from textrnn.models.ngrams import NgramEmbedding
from textrnn.models.pooling import Pooling
from textrnn.models.rcnn import RCNN
from textrnn.models.tdnn import TDNN
from textrnn.models.textrnn import TextRNN

DEFAULT_EMBEDDING_DIM = 96


def build_network(
    config: ModelConfig,
    *,
    vocab_size: int,
    num_classes: int,
    pretrained: np.ndarray | None = None,
    ngram_keys: Sequence[np.ndarray] = (),
) -> Network:
    """A network with fresh weights, drawn from torch's global random state, on torch's default device.

    pretrained: word vectors (vocab_size, dim); a row of NaN means that the token has none. ngram_keys: of the n-grams
    that have a vector, for each length from 2 to config.ngrams; see `texts.ngrams`.
    """
    # Modules are created in a fixed order, as each draws its weights from the random state that the one before it left.
    dim = config.embedding_dim or (DEFAULT_EMBEDDING_DIM if pretrained is None else pretrained.shape[1])
    ngrams = None
    if config.ngrams > 1:
        keys = [torch.tensor(np.asarray(each, np.int64)) for each in ngram_keys]
        ngrams = NgramEmbedding(
            keys or [torch.zeros(0)] * (config.ngrams - 1), vocab_size, dim, table_dim=_narrower(config.ngram_dim, dim)
        )
    embedding = Embedding(
        vocab_size, dim, dropout=config.embedding_dropout, pretrained=pretrained, frozen=config.freeze_embedding,
        rare_dim=_narrower(config.rare_dim, dim) if pretrained is None else None, ngrams=ngrams,
    )  # fmt: skip
    build = {"textrnn": _build_textrnn, "rcnn": _build_rcnn, "tdnn": _build_tdnn}[config.architecture]
    return build(config, embedding, num_classes)


def _narrower(size: int | None, dim: int) -> int | None:
    return size if size is not None and size < dim else None


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


def _build_tdnn(config: ModelConfig, embedding: Embedding, num_classes: int) -> TDNN:
    return TDNN(
        embedding,
        hidden_size=(1 + config.bidirectional) * config.hidden_size,  # as many outputs as a recurrent layer has
        num_layers=config.num_layers,
        centred=config.bidirectional,
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
