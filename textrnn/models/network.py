"""What every architecture has in common: the interface between networks and their training."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import nn

from textrnn.models.embedding import Embedding


class Network(nn.Module, ABC):
    """A text classifier whose weights are all trained by gradient descent.

    A new architecture is a subclass in a file of its own, a function in `models/build.py` that builds it from the
    config, and its name in `ModelConfig.architecture`.

    embedding: the optimizer gives its parameters a learning rate of their own, and finds the others by their names not
    beginning with "embedding.". Adversarial training needs its width, `embedding.table.embedding_dim`.
    """

    embedding: Embedding

    @abstractmethod
    def forward(
        self, token_ids: torch.Tensor, lengths: torch.Tensor, embedding_offset: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Logits (B, num_classes), which must not depend on the padding or on the other texts of the batch.

        token_ids: (T, B), right-padded. lengths: (B,), at least 1. embedding_offset: (T, B, dim), added to the
        embeddings; adversarial training takes its gradient and perturbs the embeddings with it.
        """
