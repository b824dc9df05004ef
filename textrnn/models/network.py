"""The interface of all architectures, between networks and their training."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import nn

from textrnn.models.embedding import Embedding
from textrnn.models.encoder import Encode, RNNEncoder


def not_finite(tensors: Mapping[str, torch.Tensor]) -> str | None:
    """The name of the first tensor with a NaN or infinite number, None if all are finite. It waits for the device.

    It makes one pass without a copy: `isfinite` takes 30 times as long on a CPU, and memory of the tensor's size.
    """
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and tensor.numel():
            bounds = torch.stack(torch.aminmax(tensor.detach()))  # NaN if any number is NaN
            if not bounds.isfinite().all():
                return name
    return None


class Network(nn.Module, ABC):
    """A text classifier whose weights are all trained by gradient descent.

    embedding: must have this name, because the optimizer gives parameters whose names begin with "embedding." their own
    learning rate. Adversarial training uses its size, `embedding.table.embedding_dim`. head: text vectors -> logits.
    """

    embedding: Embedding
    head: nn.Module

    @property
    def parameter_count(self) -> int:
        return sum(parameter.numel() for parameter in self.parameters())

    def forward(
        self, token_ids: torch.Tensor, lengths: torch.Tensor, embedding_offset: torch.Tensor | None = None,
        encode: Encode = RNNEncoder.direction_outputs,
    ) -> torch.Tensor:  # fmt: skip
        """token_ids (T, B) right-padded, lengths (B,) of at least 1 -> logits (B, num_classes). The logits of a text
        depend neither on padding nor on the other texts of the batch.

        embedding_offset (T, B, dim): added to the embeddings, for adversarial training. encode: computes the
        encoder's outputs; `models/threaded.py` has faster ways.
        """
        inputs = self.embedding(token_ids)
        if embedding_offset is not None:
            inputs = inputs + embedding_offset
        return self.logits(inputs, lengths, encode)

    def logits(self, inputs: torch.Tensor, lengths: torch.Tensor, encode: Encode) -> torch.Tensor:
        """`forward` from the embeddings (T, B, dim) on."""
        return self.head(self.text_vectors(inputs, lengths, encode))

    @abstractmethod
    def text_vectors(self, inputs: torch.Tensor, lengths: torch.Tensor, encode: Encode) -> torch.Tensor:
        """Embeddings (T, B, dim) -> the input of the head (B, size), which is the states of a text, pooled over time. A
        network without an encoder ignores `encode`."""


class Headless(Network):
    """A network whose logits are its text vectors, so that all that computes logits computes these."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.embedding, self.network, self.head = network.embedding, network, nn.Identity()

    def text_vectors(self, inputs: torch.Tensor, lengths: torch.Tensor, encode: Encode) -> torch.Tensor:
        """As `Network.text_vectors`."""
        return self.network.text_vectors(inputs, lengths, encode)


class Ensemble(nn.Module):
    """One or more networks, whose logits are averaged."""

    def __init__(self, networks: Iterable[Network]) -> None:
        super().__init__()
        self.networks: Sequence[Network] = nn.ModuleList(networks)  # type: ignore[assignment]


def average_logits(logits: Sequence[torch.Tensor]) -> torch.Tensor:
    """Logits (B, num_classes) of one or more networks -> their mean in float32."""
    return torch.stack([values.float() for values in logits]).mean(dim=0) if len(logits) > 1 else logits[0].float()
