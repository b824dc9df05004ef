"""Config -> network. The modules that it builds take plain arguments and do not know the config."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from textrnn.config import ModelConfig
from textrnn.config.sections import DEFAULT_EMBEDDING_DIM
from textrnn.models.embedding import Embedding, NgramEmbedding
from textrnn.models.encoder import RNNEncoder
from textrnn.models.network import Network
from textrnn.models.rcnn import RCNN
from textrnn.models.tdnn import TDNN
from textrnn.models.textrnn import TextRNN


def build_network(
    config: ModelConfig, *, vocab_size: int, num_classes: int, pretrained: np.ndarray | None = None,
    ngram_keys: Sequence[np.ndarray] = (),
) -> Network:  # fmt: skip
    """A network with fresh weights, drawn from torch's global random state, on torch's default device.

    pretrained: word vectors (vocab_size, dim); a row of NaN means that the token has none. ngram_keys: for each length
    from 2 to config.ngrams, the keys of the n-grams that have a vector; see `texts.ngrams`.
    """
    # Modules are created in a fixed order, since each draws its weights from the random state that the previous left.
    dim = config.embedding_dim or (DEFAULT_EMBEDDING_DIM if pretrained is None else pretrained.shape[1])
    ngrams = None
    if config.ngrams > 1:
        keys = [torch.tensor(np.asarray(key, np.int64)) for key in ngram_keys or [np.zeros(0)] * (config.ngrams - 1)]
        ngrams = NgramEmbedding(keys, vocab_size, dim, table_dim=_narrow_dim(config.ngram_dim, dim))
    embedding = Embedding(
        vocab_size, dim, dropout=config.embedding_dropout, pretrained=pretrained, frozen=config.freeze_embedding,
        rare_dim=_narrow_dim(config.rare_dim, dim) if pretrained is None else None, ngrams=ngrams,
    )  # fmt: skip
    top: dict[str, Any] = {
        "pooling": config.pooling, "hops": config.attention_hops, "num_classes": num_classes,
        "fc_size": config.fc_size, "dropout": config.dropout,
    }  # fmt: skip
    if config.architecture == "tdnn":
        width = (1 + config.bidirectional) * config.hidden_size  # the number of outputs of a recurrent layer
        layers = config.num_layers
        return TDNN(embedding, hidden_size=width, num_layers=layers, centred=config.bidirectional, **top)
    is_rcnn = config.architecture == "rcnn"
    encoder = RNNEncoder(
        dim, config.hidden_size, cell=config.cell, nonlinearity=config.nonlinearity, num_layers=config.num_layers,
        bidirectional=config.bidirectional or is_rcnn, dropout=config.dropout, concat_directions=not is_rcnn,
    )  # fmt: skip
    return RCNN(embedding, encoder, **top) if is_rcnn else TextRNN(embedding, encoder, **top)


def _narrow_dim(size: int | None, dim: int) -> int | None:
    return size if size is not None and size < dim else None
