from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from textrnn.config import ModelConfig
from textrnn.models.build import build_network
from textrnn.training.optim import LazyAdamW, build_optimizer, clip_gradients, learning_rate_at


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
    model = build_network(
        ModelConfig(embedding_dim=4, hidden_size=4, ngrams=2, ngram_dim=3, linear="none"), vocab_size=9, num_classes=2
    )
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


def test_a_lazy_optimizer_goes_on_from_its_state() -> None:
    def stepped(optimizer: LazyAdamW, table: nn.Embedding, row: int) -> None:
        optimizer.zero_grad()
        table(torch.tensor([row])).square().sum().backward()
        optimizer.step()

    tables = [nn.Embedding.from_pretrained(torch.ones(3, 2), freeze=False, sparse=True) for _ in range(2)]
    optimizers = [LazyAdamW([table.weight], lr=0.1) for table in tables]
    for row in (0, 1):
        stepped(optimizers[0], tables[0], row)
    tables[1].load_state_dict(tables[0].state_dict())
    optimizers[1].load_state_dict(copy.deepcopy(optimizers[0].state_dict()))
    for optimizer, table in zip(optimizers, tables, strict=True):
        stepped(optimizer, table, 1)
    assert torch.equal(tables[0].weight, tables[1].weight)
    assert torch.equal(tables[0].weight[2], torch.ones(2))


def test_clipping_counts_sparse_gradients_by_row() -> None:
    table = nn.Embedding.from_pretrained(torch.zeros(3, 1), freeze=False, sparse=True)
    (table(torch.tensor([1, 1, 2])) * torch.tensor([[1.0], [2.0], [4.0]])).sum().backward()
    assert clip_gradients(table, 1.0) == pytest.approx(5.0)
    torch.testing.assert_close(table.weight.grad.to_dense().flatten(), torch.tensor([0.0, 0.6, 0.8]), atol=1e-4, rtol=0)
