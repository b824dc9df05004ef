"""TextRNN: embeddings, a recurrent encoder, pooling over time, and a classifier."""

from __future__ import annotations

import torch

from textrnn.models.embedding import Embedding
from textrnn.models.encoder import RNNEncoder
from textrnn.models.head import classifier_head
from textrnn.models.network import Network
from textrnn.models.pooling import Pooling


class TextRNN(Network):
    """The single-task model of Liu et al. 2016, "Recurrent Neural Network for Text Classification with Multi-Task
    Learning", with a choice of pooling and, if fc_size is given, a dense layer with ReLU before the last linear layer.
    """

    def __init__(
        self, embedding: Embedding, encoder: RNNEncoder, pooling: Pooling, *, num_classes: int, fc_size: int | None,
        dropout: float,
    ) -> None:  # fmt: skip
        super().__init__()
        self.embedding = embedding
        self.encoder = encoder
        self.pooling = pooling
        self.head = classifier_head(encoder.output_size, num_classes, fc_size=fc_size, dropout=dropout)

    def forward(
        self, token_ids: torch.Tensor, lengths: torch.Tensor, embedding_offset: torch.Tensor | None = None
    ) -> torch.Tensor:
        """As `Network.forward`."""
        inputs = self.embedding.lookup(token_ids, embedding_offset)
        if self.pooling.kind == "attention":  # it scores a word by the outputs of both directions at that word
            return self.head(self.pooling(self.encoder(inputs, lengths), lengths))
        # Other kinds treat each feature by itself: the backward outputs need not be put back in the order of the words.
        outputs = self.encoder.direction_outputs(inputs, lengths)
        return self.head(torch.cat([self.pooling(each, lengths) for each in outputs], dim=-1))
