"""The optimizer, the learning rate over time, and the clipping of gradients."""

from __future__ import annotations

import math

import torch
from torch import nn


def build_optimizer(model: nn.Module, *, learning_rate: float, weight_decay: float) -> torch.optim.AdamW:
    """AdamW (Loshchilov and Hutter 2019). Decay acts on weight matrices only: on embeddings it would pull rare words to
    zero at every step in which they do not occur, and biases need none."""
    trained = [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
    decayed = [p for name, p in trained if p.ndim >= 2 and not name.startswith("embedding.")]
    others = [p for name, p in trained if p.ndim < 2 or name.startswith("embedding.")]
    groups = [{"params": decayed, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=learning_rate, fused=True)


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
    gradients = [parameter for parameter in model.parameters() if parameter.grad is not None]
    return nn.utils.clip_grad_norm_(gradients, math.inf if max_norm is None else max_norm, foreach=True)
