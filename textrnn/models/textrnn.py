"""TextRNN: embeddings, a recurrent encoder, pooling over time, and a classifier."""

from __future__ import annotations

import torch

from textrnn.models.embedding import Embedding
from textrnn.models.encoder import Encode, RNNEncoder
from textrnn.models.layers import Pooling, classifier_head
from textrnn.models.network import Network


class TextRNN(Network):
    """The single-task model of Liu et al. 2016, "Recurrent Neural Network for Text Classification with Multi-Task
    Learning", with a choice of pooling and, if fc_size is given, a dense layer with ReLU before the last linear layer.
    """

    def __init__(
        self, embedding: Embedding, encoder: RNNEncoder, *, pooling: str, hops: int, num_classes: int,
        fc_size: int | None, dropout: float,
    ) -> None:  # fmt: skip
        super().__init__()
        self.embedding = embedding
        self.encoder = encoder
        self.pooling = Pooling(pooling, encoder.output_size, hops=hops)
        self.head = classifier_head(encoder.output_size, num_classes, fc_size=fc_size, dropout=dropout)

    def text_vectors(self, inputs: torch.Tensor, lengths: torch.Tensor, encode: Encode) -> torch.Tensor:
        """As `Network.text_vectors`."""
        if self.pooling.kind == "attention":  # it scores a word by both directions' outputs at the word
            return self.pooling(self.encoder(inputs, lengths, encode=encode), lengths)
        # Other kinds treat each feature separately, so that backward outputs need not be in the order of the words.
        outputs = encode(self.encoder, inputs, lengths)
        return torch.cat([self.pooling(output, lengths) for output in outputs], dim=-1)
