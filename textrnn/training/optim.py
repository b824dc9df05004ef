"""What training minimizes, and how: objectives, the optimizer, the learning rate over time, the clipping of gradients.

An objective runs the forward and backward passes of a batch. It passes each loss, summed over the batch's documents, to
`backward` once; the gradients add up. It returns the loss to report, without a graph.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from textrnn.models.network import Network
from textrnn.texts.batching import Batch

Loss = nn.Module  # of logits (n, classes) and labels (n,)
Forward = Callable[..., torch.Tensor]  # as `Network.forward`
Backward = Callable[[torch.Tensor], None]
Objective = Callable[[Forward, Batch, Backward], torch.Tensor]


def cross_entropy(*, class_weights: torch.Tensor | None = None, label_smoothing: float = 0.0) -> Loss:
    """Summed cross-entropy, each document times the weight of its class; smoothing after Szegedy et al. 2016."""
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
    """(num_classes,): n / (classes present x documents of the class), whose mean over the documents is 1; 0 for a class
    without documents (King and Zeng 2001, as in scikit-learn)."""
    counts = np.bincount(labels, minlength=num_classes)
    weights = np.divide(len(labels), np.count_nonzero(counts) * counts, out=np.zeros(num_classes), where=counts > 0)
    return torch.from_numpy(weights).float()


class LazyAdamW(torch.optim.AdamW):
    """AdamW (Loshchilov and Hutter 2019) that updates only the rows of a sparse gradient, so that a step costs as much
    as the rows that its batch reads. While the gradient of a row is zero, neither the row nor its moments change.
    Sparse parameters have no weight decay."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        sparse = []
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None and parameter.grad.is_sparse:
                    self._update_rows(parameter, parameter.grad.coalesce(), group)
                    sparse.append((parameter, parameter.grad))
                    parameter.grad = None
        result = super().step(closure)
        for parameter, gradient in sparse:
            parameter.grad = gradient
        return result

    def _update_rows(self, parameter: torch.Tensor, gradient: torch.Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        if not state:
            state["step"] = torch.zeros((), device=parameter.device)
            state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(parameter), torch.zeros_like(parameter)
        state["step"] += 1
        learns = gradient.values().any(dim=1)  # n-grams that end in padding have a zero gradient
        rows, values = gradient.indices()[0][learns], gradient.values()[learns]
        (beta1, beta2), step = group["betas"], state["step"]
        mean = state["exp_avg"][rows].lerp_(values, 1 - beta1)
        square = state["exp_avg_sq"][rows].lerp_(values.square(), 1 - beta2)
        state["exp_avg"].index_copy_(0, rows, mean)
        state["exp_avg_sq"].index_copy_(0, rows, square)
        size = (square / (1 - beta2**step)).sqrt_().add_(group["eps"])
        parameter.index_add_(0, rows, mean.div_(size).mul_(-group["lr"] / (1 - beta1**step)))


def build_optimizer(
    model: Network, *, learning_rate: float, weight_decay: float, embedding_lr_multiplier: float = 1.0
) -> LazyAdamW:
    """Decay acts on weight matrices only: on embeddings it would pull rare words to zero at every step in which they do
    not occur, and biases need none.

    embedding_lr_multiplier: the embeddings' learning rate as a multiple of that of the rest, since a rare word's vector
    takes part in few steps. Each group has it as `lr_multiplier`.
    """
    embeddings = [parameter for parameter in model.embedding.parameters() if parameter.requires_grad]
    rest = [parameter for name, parameter in model.named_parameters() if not name.startswith("embedding.")]
    matrices = [parameter for parameter in rest if parameter.ndim >= 2]
    others = [parameter for parameter in rest if parameter.ndim < 2]
    groups = [
        {"params": parameters, "weight_decay": decay, "lr": learning_rate * factor, "lr_multiplier": factor}
        for parameters, decay, factor in (
            (matrices, weight_decay, 1.0),
            (others, 0.0, 1.0),
            (embeddings, 0.0, embedding_lr_multiplier),
        )
        if parameters
    ]
    return LazyAdamW(groups, lr=learning_rate, fused=True)


def learning_rate_at(step: int, *, total_steps: int, peak: float, schedule: str, warmup: float) -> float:
    """The rate of step 1, 2, ..., total_steps: up to `peak` over the share `warmup` of them, then constant, or down to
    nearly 0 by a line or half a cosine (Loshchilov and Hutter 2017)."""
    warm_steps = math.ceil(warmup * total_steps)
    if step <= warm_steps:
        return peak * step / warm_steps
    if schedule == "constant":
        return peak
    done = (step - 1 - warm_steps) / max(total_steps - warm_steps, 1)
    return peak * (1 - done if schedule == "linear" else (1 + math.cos(math.pi * done)) / 2)


def clip_gradients(model: nn.Module, max_norm: float | None) -> torch.Tensor:
    """Scale all gradients so that their joint 2-norm is at most max_norm (Pascanu et al. 2013, algorithm 1); None
    leaves them. Returns the norm before, (), on the device."""
    gradients = []
    for parameter in model.parameters():
        if parameter.grad is not None and parameter.grad.is_sparse:
            parameter.grad = parameter.grad.coalesce()
            gradients.append(parameter.grad._values())  # themselves, not the copy that values() gives
        elif parameter.grad is not None:
            gradients.append(parameter.grad)
    norm = nn.utils.get_total_norm(gradients, foreach=True)
    if max_norm is not None:
        torch._foreach_mul_(gradients, (max_norm / (norm + 1e-6)).clamp(max=1.0))
    return norm
