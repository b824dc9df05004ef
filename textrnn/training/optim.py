"""The optimizer, the learning rate over time, and the clipping of gradients."""

from __future__ import annotations

import inspect
import math
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from textrnn.models.network import Network


class LazyAdamW(torch.optim.AdamW):
    """AdamW (Loshchilov and Hutter 2019) that updates only the rows of a sparse gradient, so that a step costs as much
    as the rows that its batch reads. While the gradient of a row is zero, neither the row nor its moments change.
    Sparse parameters have no weight decay.

    torch wraps these methods of its optimizers for torch.compile, whose import takes a second in each process: they are
    called without their wrappers.
    """

    add_param_group = inspect.unwrap(Optimizer.add_param_group)
    zero_grad = inspect.unwrap(Optimizer.zero_grad)
    state_dict = inspect.unwrap(Optimizer.state_dict)
    load_state_dict = inspect.unwrap(Optimizer.load_state_dict)

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        sparse = []
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None and parameter.grad.is_sparse:
                    self._update_rows(parameter, parameter.grad.coalesce(), group)
                    sparse.append((parameter, parameter.grad))
                    parameter.grad = None
        result = inspect.unwrap(torch.optim.AdamW.step)(self, closure)
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
    vectors = [parameter for parameter in rest if parameter.ndim < 2]
    groups = [
        {"params": parameters, "weight_decay": decay, "lr": learning_rate * factor, "lr_multiplier": factor}
        for parameters, decay, factor in (
            (matrices, weight_decay, 1.0),
            (vectors, 0.0, 1.0),
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
