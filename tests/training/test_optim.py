from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from tests.models.small import padded_batch, random_texts, small_model
from textrnn.texts.batching import Batch
from textrnn.texts.targets import Targets, weights_by_class
from textrnn.training.objectives import adversarial, cross_entropy, plain
from textrnn.training.optim import LazyAdamW, build_optimizer, clip_gradients, learning_rate_at


class Fixed(nn.Module):
    def forward(self, token_ids: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        return torch.tensor([[math.log(3.0), 0.0], [0.0, 0.0]])


BATCH = Batch(torch.ones(1, 2, dtype=torch.long), torch.ones(2, dtype=torch.long), torch.tensor([0, 1]))


def value(**options: object) -> float:
    losses: list[float] = []
    reported = plain(cross_entropy(**options))(Fixed(), BATCH, lambda loss: losses.append(loss.item()))
    assert losses == [reported.item()]
    return losses[0]


def test_cross_entropy_is_summed_weighted_by_class_and_smoothed() -> None:
    assert value() == pytest.approx(-math.log(0.75) - math.log(0.5))
    weighted = value(class_weights=torch.tensor([2.0, 1.0]))
    assert weighted == pytest.approx(-2 * math.log(0.75) - math.log(0.5))
    smoothed = value(label_smoothing=0.2)
    assert smoothed == pytest.approx(-0.9 * math.log(0.75) - 0.1 * math.log(0.25) - math.log(0.5))


def test_balanced_weights_average_to_one_over_the_documents() -> None:
    weights = weights_by_class("balanced", Targets(np.array([0, 0, 0, 1])), 3)
    assert weights is not None
    assert weights.tolist() == pytest.approx([4 / 6, 2.0, 0.0])
    assert weights[[0, 0, 0, 1]].mean() == pytest.approx(1.0)


def test_adversarial_offsets_increase_the_loss_more_than_random_ones_and_gradients_add_up() -> None:
    model = small_model(dropout=0.0, embedding_dropout=0.0).double()
    batch = Batch(*padded_batch(random_texts([4, 1, 6])), torch.tensor([0, 1, 2]))
    offsets, losses = [], []

    def backward(loss: torch.Tensor) -> None:
        loss.backward()
        losses.append(loss.item())

    hook = model.register_forward_pre_hook(lambda module, given: offsets.append(given[2]))
    assert adversarial(cross_entropy(), norm=0.01, dim=4)(model, batch, backward).item() == losses[0]
    hook.remove()
    gradients = [parameter.grad.clone() for parameter in model.parameters()]

    assert offsets[1].square().sum((0, 2)).sqrt().tolist() == pytest.approx([0.01] * 3)
    assert not offsets[1][1:, 1].any()  # padding
    random = [torch.randn_like(offsets[1]).masked_fill(offsets[1] == 0, 0) for _ in range(20)]
    others = [offset * 0.01 / offset.square().sum((0, 2), keepdim=True).sqrt() for offset in random]
    with torch.no_grad():
        tried = [cross_entropy()(model(batch.token_ids, batch.lengths, offset), batch).item() for offset in others]
    assert losses[1] > max(tried) > losses[0]

    model.zero_grad()
    for offset in (None, offsets[1]):
        cross_entropy()(model(batch.token_ids, batch.lengths, offset), batch).backward()
    for gradient, parameter in zip(gradients, model.parameters(), strict=True):
        torch.testing.assert_close(gradient, parameter.grad)


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


def test_only_matrices_decay_and_embeddings_learn_at_a_rate_of_their_own() -> None:
    model = small_model(ngrams=2, ngram_dim=3)
    optimizer = build_optimizer(model, learning_rate=0.1, weight_decay=0.5, embedding_lr_multiplier=5.0)
    group_of = {id(parameter): group for group in optimizer.param_groups for parameter in group["params"]}
    for name, parameter in model.named_parameters():
        group, is_embedding = group_of[id(parameter)], name.startswith("embedding.")
        assert (group["lr"], group["lr_multiplier"]) == ((0.5, 5.0) if is_embedding else (0.1, 1.0)), name
        assert group["weight_decay"] == (0.5 if "weight" in name and not is_embedding else 0.0), name


def test_clipping_scales_the_joint_norm() -> None:
    model = nn.Linear(1, 1)
    model.weight.grad, model.bias.grad = torch.tensor([[3.0]]), torch.tensor([4.0])
    assert clip_gradients(model, None) == pytest.approx(5.0)
    assert model.weight.grad.item() == 3.0
    assert clip_gradients(model, 1.0) == pytest.approx(5.0)
    assert model.weight.grad.item() == pytest.approx(0.6, abs=1e-4)
    assert model.bias.grad.item() == pytest.approx(0.8, abs=1e-4)


def trained_tables(rows_of_steps: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """The weights of a table that had gradients in these rows, after LazyAdamW, and after torch's AdamW."""
    start, targets = torch.randn(6, 3), torch.randn(6, 3)
    found = []
    for kind, sparse in ((LazyAdamW, True), (torch.optim.AdamW, False)):
        table = nn.Embedding.from_pretrained(start.clone(), freeze=False, sparse=sparse)
        optimizer = kind([{"params": [table.weight], "weight_decay": 0.0}], lr=0.1, fused=True)
        for rows in rows_of_steps:
            optimizer.zero_grad()
            (table(torch.tensor(rows)) - targets[rows]).square().sum().backward()
            optimizer.step()
        found.append(table.weight.detach())
    return found[0], found[1]


def test_rows_that_are_read_in_each_step_move_as_adamw_moves_them() -> None:
    lazy, dense = trained_tables([[1, 4, 4], [4, 1], [1, 1, 4]])
    torch.testing.assert_close(lazy, dense)


def test_rows_that_are_read_to_no_effect_stay() -> None:
    table = nn.Embedding.from_pretrained(torch.ones(3, 2), freeze=False, sparse=True)
    optimizer = LazyAdamW([table.weight], lr=0.1)
    table(torch.tensor([0, 1])).sum().backward()
    optimizer.step()
    before = table.weight.detach().clone()
    optimizer.zero_grad()
    (table(torch.tensor([0, 1])) * torch.tensor([[0.0], [1.0]])).sum().backward()
    optimizer.step()
    assert torch.equal(table.weight[0], before[0]) and not torch.equal(table.weight[1], before[1])


def test_rows_that_are_not_read_stay() -> None:
    torch.manual_seed(0)
    once, _ = trained_tables([[0, 1]])
    torch.manual_seed(0)
    lazy, dense = trained_tables([[0, 1], [2]])
    assert torch.equal(lazy[:2], once[:2]) and not torch.equal(dense[:2], once[:2])  # AdamW goes on moving them


def test_clipping_counts_sparse_gradients_by_row() -> None:
    table = nn.Embedding.from_pretrained(torch.zeros(3, 1), freeze=False, sparse=True)
    (table(torch.tensor([1, 1, 2])) * torch.tensor([[1.0], [2.0], [4.0]])).sum().backward()
    assert clip_gradients(table, 1.0) == pytest.approx(5.0)
    torch.testing.assert_close(table.weight.grad.to_dense().flatten(), torch.tensor([0.0, 0.6, 0.8]), atol=1e-4, rtol=0)
