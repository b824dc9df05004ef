from __future__ import annotations

import pytest
import torch
from torch import nn

from textrnn.config import ModelConfig
from textrnn.models.build import build_model
from textrnn.training.optim import build_optimizer, clip_gradients, learning_rate_at


def rates(schedule: str, warmup: float, total: int = 10) -> list[float]:
    return [
        learning_rate_at(step, total_steps=total, peak=1.0, schedule=schedule, warmup=warmup)
        for step in range(1, total + 1)
    ]


def test_schedules() -> None:
    assert rates("constant", 0.0) == [1.0] * 10
    assert rates("linear", 0.0) == pytest.approx([1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1])
    assert rates("constant", 0.4) == pytest.approx([0.25, 0.5, 0.75] + [1.0] * 7)
    assert rates("cosine", 0.0, 4) == pytest.approx([1.0, 0.5 + 0.5**1.5, 0.5, 0.5 - 0.5**1.5])


def test_weights_decay_and_embeddings_and_biases_do_not() -> None:
    model = build_model(ModelConfig(embedding_dim=4, hidden_size=4), vocab_size=9, num_classes=2)
    optimizer = build_optimizer(model, learning_rate=0.1, weight_decay=0.5)
    decayed = {id(parameter) for group in optimizer.param_groups[:1] for parameter in group["params"]}
    assert optimizer.param_groups[1]["weight_decay"] == 0.0
    for name, parameter in model.named_parameters():
        assert (id(parameter) in decayed) == ("weight" in name and not name.startswith("embedding")), name


def test_clipping_scales_the_joint_norm() -> None:
    model = nn.Linear(1, 1)
    model.weight.grad, model.bias.grad = torch.tensor([[3.0]]), torch.tensor([4.0])
    assert clip_gradients(model, None) == pytest.approx(5.0)
    assert model.weight.grad.item() == 3.0
    assert clip_gradients(model, 1.0) == pytest.approx(5.0)
    assert model.weight.grad.item() == pytest.approx(0.6, abs=1e-4)
    assert model.bias.grad.item() == pytest.approx(0.8, abs=1e-4)
