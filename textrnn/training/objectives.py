"""What training minimizes. An objective runs the forward and backward passes of a batch. It passes each loss, summed
over the batch's texts, to `backward` once; the gradients add up. It returns the loss to report, without a graph.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from textrnn.texts.batching import Batch

Loss = Callable[[torch.Tensor, Batch], torch.Tensor]  # logits (n, classes), the batch of the texts -> ()
Forward = Callable[..., torch.Tensor]  # as `Network.forward`
Backward = Callable[[torch.Tensor], None]
Objective = Callable[[Forward, Batch, Backward], torch.Tensor]


def cross_entropy(*, class_weights: torch.Tensor | None = None, label_smoothing: float = 0.0) -> Loss:
    """Summed cross-entropy, each text times its weight, and each class of its target times the weight of the class;
    smoothing after Szegedy et al. 2016. class_weights (classes,): None for 1 each."""
    total, by_text = (
        nn.CrossEntropyLoss(class_weights, label_smoothing=label_smoothing, reduction=reduction)
        for reduction in ("sum", "none")
    )

    def loss(logits: torch.Tensor, batch: Batch) -> torch.Tensor:
        if batch.weights is None:
            return total(logits, batch.targets)
        return (batch.weights * by_text(logits, batch.targets)).sum()

    return loss


def plain(loss: Loss) -> Objective:
    """The loss of the batch."""

    def objective(network: Forward, batch: Batch, backward: Backward) -> torch.Tensor:
        value = loss(network(batch.token_ids, batch.lengths).float(), batch)
        backward(value)
        return value.detach()

    return objective


def adversarial(loss: Loss, *, norm: float, dim: int) -> Objective:
    """The loss of the batch, which is reported, plus its loss with the embeddings of each text moved by a vector of
    length `norm` in the direction that increases it most (Miyato, Dai and Goodfellow 2017, equations 3 to 5).

    That direction is the gradient with respect to an offset of zeros, a by-product of the first backward pass: so two
    passes are enough. dim: the size of the embeddings.
    """

    def objective(network: Forward, batch: Batch, backward: Backward) -> torch.Tensor:
        offset = torch.zeros(*batch.token_ids.shape, dim, device=batch.token_ids.device, requires_grad=True)
        value = loss(network(batch.token_ids, batch.lengths, offset).float(), batch)
        backward(value)
        assert offset.grad is not None
        length = offset.grad.square().sum((0, 2), keepdim=True).sqrt_()
        offset = offset.grad * (norm / (length + 1e-12))
        backward(loss(network(batch.token_ids, batch.lengths, offset).float(), batch))
        return value.detach()

    return objective
