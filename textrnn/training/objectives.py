"""What training minimizes. An objective runs the forward and backward passes of a batch. It passes each loss, summed
over the batch's texts, to `backward` once; the gradients add up. It returns the loss to report, without a graph.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from textrnn.texts.batching import Batch

Loss = nn.Module  # logits (n, classes), labels (n,) -> ()
Forward = Callable[..., torch.Tensor]  # as `Network.forward`
Backward = Callable[[torch.Tensor], None]
Objective = Callable[[Forward, Batch, Backward], torch.Tensor]


def cross_entropy(*, class_weights: torch.Tensor | None = None, label_smoothing: float = 0.0) -> Loss:
    """Summed cross-entropy, each text times the weight of its class; smoothing after Szegedy et al. 2016."""
    return nn.CrossEntropyLoss(weight=class_weights, label_smoothing=label_smoothing, reduction="sum")


def plain(loss: Loss) -> Objective:
    """The loss of the batch."""

    def objective(network: Forward, batch: Batch, backward: Backward) -> torch.Tensor:
        value = loss(network(batch.token_ids, batch.lengths).float(), batch.labels)
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
        value = loss(network(batch.token_ids, batch.lengths, offset).float(), batch.labels)
        backward(value)
        assert offset.grad is not None
        length = offset.grad.square().sum((0, 2), keepdim=True).sqrt_()
        offset = offset.grad * (norm / (length + 1e-12))
        backward(loss(network(batch.token_ids, batch.lengths, offset).float(), batch.labels))
        return value.detach()

    return objective


def balanced_weights(labels: np.ndarray, num_classes: int) -> torch.Tensor:
    """(num_classes,): n / (classes present x texts of the class), whose mean over the texts is 1; 0 for a class without
    texts (King and Zeng 2001, as in scikit-learn)."""
    counts = np.bincount(labels, minlength=num_classes)
    weights = np.divide(len(labels), np.count_nonzero(counts) * counts, out=np.zeros(num_classes), where=counts > 0)
    return torch.from_numpy(weights).float()
