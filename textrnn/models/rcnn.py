"""RCNN: the recurrent convolutional network of Lai et al. 2015."""

from __future__ import annotations

import torch
from torch import nn

from textrnn.models.embedding import Embedding
from textrnn.models.encoder import Encode, RNNEncoder, in_text_order
from textrnn.models.layers import Pooling, classifier_head
from textrnn.models.network import Network


class RCNN(Network):
    """The classifier of Lai, Xu, Liu and Zhao 2015, "Recurrent Convolutional Neural Networks for Text Classification".

    Each word is represented by [left context; embedding; right context] (equation 3). The left context is the output of
    the forward direction at the word before it (1), the right context that of the backward direction at the word after
    it (2). The left context of the first word and the right context of the last one are trained parameters: the initial
    states of the two directions. A dense layer with tanh follows, of twice as many units as a context (4), pooling over
    time, which in the paper is max pooling (5), and the linear layer that yields the logits (6). The softmax (7) is
    part of the loss. The paper's recurrence is the cell "rnn".

    With several layers, each direction is a separate stack, because contexts would otherwise depend on the word.

    Raises ValueError if `encoder` does not have two separate directions.
    """

    def __init__(
        self, embedding: Embedding, encoder: RNNEncoder, *, pooling: str, hops: int, num_classes: int,
        fc_size: int | None, dropout: float,
    ) -> None:  # fmt: skip
        super().__init__()
        if encoder.concat_directions or encoder.num_directions != 2:
            raise ValueError("RCNN needs an encoder with bidirectional=True and concat_directions=False")
        size = encoder.hidden_size
        self.embedding = embedding
        self.encoder = encoder
        self.first_left = nn.Parameter(torch.zeros(size))
        self.last_right = nn.Parameter(torch.zeros(size))
        self.combine = nn.Linear(2 * size + embedding.table.embedding_dim, 2 * size)
        self.pooling = Pooling(pooling, 2 * size, hops=hops)
        self.head = classifier_head(2 * size, num_classes, fc_size=fc_size, dropout=dropout)

    def text_vectors(self, inputs: torch.Tensor, lengths: torch.Tensor, encode: Encode) -> torch.Tensor:
        """As `Network.text_vectors`."""
        left, right = self.contexts(inputs, lengths, encode)
        words = torch.tanh(self.combine(torch.cat([left, inputs, right], dim=-1)))
        return self.pooling(words, lengths)

    def contexts(
        self, inputs: torch.Tensor, lengths: torch.Tensor, encode: Encode = RNNEncoder.direction_outputs
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """inputs (T, B, dim), lengths (B,) -> left and right contexts (T, B, hidden_size) of each word. Values at
        padded positions are undefined."""
        outputs = encode(self.encoder, inputs, lengths, [self.first_left, self.last_right])
        forward, backward = in_text_order(outputs, lengths)
        left = torch.cat([self.first_left.to(forward.dtype).expand(1, len(lengths), -1), forward[:-1]])
        shifted = torch.cat([backward[1:], backward[-1:]])  # the last step is never used: every text has ended there
        is_last = (torch.arange(len(inputs), device=lengths.device).unsqueeze(1) == lengths - 1).unsqueeze(-1)
        return left, torch.where(is_last, self.last_right.to(backward.dtype), shifted)
