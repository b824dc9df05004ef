"""What every architecture has in common: the interface between networks and their training."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch
from torch import nn

from textrnn.models.embedding import Embedding


def not_finite(tensors: Mapping[str, torch.Tensor]) -> str | None:
    """The name of the first tensor with a NaN or infinite number, None where there is none. It waits for the device.

    One pass in place: `isfinite` takes 30 times as long on a CPU, and memory of the tensor's size.
    """
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and tensor.numel():
            bounds = torch.stack(torch.aminmax(tensor.detach()))  # NaN where there is one
            if not bounds.isfinite().all():
                return name
    return None


class Network(nn.Module, ABC):
    """A text classifier whose weights are all trained by gradient descent.

    A new architecture is a subclass in a file of its own, a function in `models/build.py` that builds it from the
    config, and its name in `ModelConfig.architecture`.

    embedding: must have this name, as the optimizer gives the parameters whose names begin with "embedding." a learning
    rate of their own. Adversarial training uses its size, `embedding.table.embedding_dim`.
    """

    embedding: Embedding

    @abstractmethod
    def forward(
        self, token_ids: torch.Tensor, lengths: torch.Tensor, embedding_offset: torch.Tensor | None = None
    ) -> torch.Tensor:
        """token_ids (T, B) right-padded, lengths (B,) of at least 1 -> logits (B, num_classes). The logits of a text
        must depend neither on padding nor on the other texts of the batch.

        embedding_offset (T, B, dim): added to the embeddings. Adversarial training uses its gradient to find the worst
        perturbation, and passes that as the offset.
        """
