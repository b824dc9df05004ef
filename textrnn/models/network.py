"""What training needs of an architecture."""

from __future__ import annotations

import torch
from torch import nn

from textrnn.models.embedding import Embedding


class Network(nn.Module):
    """A text classifier that gradients train: token ids in, logits out."""

    embedding: Embedding

    def forward(
        self, token_ids: torch.Tensor, lengths: torch.Tensor, embedding_offset: torch.Tensor | None = None
    ) -> torch.Tensor:
        """token_ids (T, B) right-padded, lengths (B,) >= 1 -> logits (B, num_classes).

        embedding_offset (T, B, dim): added to the embeddings.
        """
        raise NotImplementedError
