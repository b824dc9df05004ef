"""RCNN: the recurrent convolutional network of Lai et al. 2015."""

from __future__ import annotations

import torch
from torch import nn

from textrnn.models.embedding import Embedding
from textrnn.models.encoder import RNNEncoder
from textrnn.models.head import classifier_head
from textrnn.models.network import Network
from textrnn.models.pooling import Pooling
from textrnn.models.unique_inputs import Inputs, expand, steps_and_texts


class RCNN(Network):
    """Logits of texts (Lai, Xu, Liu and Zhao 2015, "Recurrent Convolutional Neural Networks for Text Classification").

    A word is [left context; embedding; right context] (equation 3), where neither context contains the word itself:
    the left one is the state after the word before it (1), the right one the state of the reversed reading after the
    word behind it (2); the first word's left and the last word's right context, from which the readings begin, are
    parameters. Then y2 = tanh(W2 x + b2) (4), pooling over time, the paper's being the maximum (5), and a linear layer
    to the logits (6), whose softmax (7) is the loss's part. W2 has twice as many rows as a context has units, as in the
    paper.

    The paper's recurrence is the cell "rnn"; "lstm" and "gru" take its place. Where several layers are asked for, each
    direction is stacked on itself alone, so that contexts stay free of the word.
    """

    def __init__(
        self, embedding: Embedding, encoder: RNNEncoder, *, pooling: str, num_classes: int, fc_size: int | None,
        dropout: float, hops: int = 1,
    ) -> None:  # fmt: skip
        super().__init__()
        if encoder.joined or encoder.directions != 2:
            raise ValueError("RCNN needs an encoder with two directions that are not joined")
        size = encoder.hidden_size
        self.embedding = embedding
        self.encoder = encoder
        self.first_left = nn.Parameter(torch.zeros(size))
        self.last_right = nn.Parameter(torch.zeros(size))
        self.combine = nn.Linear(2 * size + embedding.table.embedding_dim, 2 * size)
        self.pooling = Pooling(pooling, 2 * size, hops=hops)
        self.head = classifier_head(2 * size, num_classes, fc_size=fc_size, dropout=dropout)

    def forward(
        self, token_ids: torch.Tensor, lengths: torch.Tensor, embedding_offset: torch.Tensor | None = None
    ) -> torch.Tensor:
        """token_ids (T, B) right-padded, lengths (B,) >= 1 -> logits (B, num_classes).

        embedding_offset (T, B, dim): added to the embeddings.
        """
        inputs = self.embedding.lookup(token_ids, embedding_offset)
        left, right = self.contexts(inputs, lengths)
        words = torch.tanh(self.combine(torch.cat([left, expand(inputs), right], dim=-1)))
        return self.head(self.pooling(words, lengths))

    def contexts(self, inputs: Inputs, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Left and right contexts (T, B, hidden_size) of each word; what stands at padded positions has no meaning."""
        steps, batch_size = steps_and_texts(inputs)
        forward, backward = self.encoder.aligned(inputs, lengths, [self.first_left, self.last_right])
        first = self.first_left.to(forward.dtype).expand(1, batch_size, -1)
        left = torch.cat([first, forward[:-1]])
        # one step earlier, with the parameter where each text ends
        is_last = (torch.arange(steps, device=lengths.device).unsqueeze(1) == lengths - 1).unsqueeze(-1)
        behind = torch.cat([backward[1:], backward[-1:]])
        return left, torch.where(is_last, self.last_right.to(backward.dtype), behind)
