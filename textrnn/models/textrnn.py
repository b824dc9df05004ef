"""TextRNN: embeddings, a recurrent encoder, pooling over time, a classifier on top."""

from __future__ import annotations

import torch

from textrnn.models.embedding import Embedding
from textrnn.models.encoder import RNNEncoder
from textrnn.models.head import classifier_head
from textrnn.models.network import Network
from textrnn.models.pooling import Pooling


class TextRNN(Network):
    """Logits of texts. A text's logits do not depend on the other texts of its batch or on padding.

    After Liu et al. 2016 ("Recurrent Neural Network for Text Classification with Multi-Task Learning", the single-task
    model), with a choice of pooling and, where fc_size is given, a dense layer with relu before the output.
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
        """token_ids (T, B) right-padded, lengths (B,) >= 1 -> logits (B, num_classes).

        embedding_offset (T, B, dim): added to the embeddings.
        """
        inputs = self.embedding.lookup(token_ids, embedding_offset)
        if self.pooling.kind == "attention":
            return self.head(self.pooling(self.encoder(inputs, lengths), lengths))
        readings = self.encoder.readings(inputs, lengths)
        return self.head(torch.cat([self.pooling(states, lengths) for states in readings], dim=-1))
