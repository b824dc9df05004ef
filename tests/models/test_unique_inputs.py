from __future__ import annotations

import torch

from textrnn.models.unique_inputs import UniqueInputs, expand, map_positions, steps_and_texts

ROWS = torch.tensor([[0, 1, 1], [2, 0, 1]])
VECTORS = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
EXPANDED = torch.tensor([[[1.0, 2], [3, 4], [3, 4]], [[5, 6], [1, 2], [3, 4]]])


def test_expand_puts_each_vector_at_its_positions() -> None:
    assert torch.equal(expand(UniqueInputs(ROWS, VECTORS)), EXPANDED)


def test_expand_returns_a_tensor_unchanged() -> None:
    assert expand(EXPANDED) is EXPANDED


def test_both_forms_have_the_same_number_of_steps_and_texts() -> None:
    assert steps_and_texts(UniqueInputs(ROWS, VECTORS)) == steps_and_texts(EXPANDED) == (2, 3)


def test_map_positions_changes_the_positions_and_keeps_the_vectors() -> None:
    unique = map_positions(UniqueInputs(ROWS, VECTORS), lambda tensor: tensor.flip(0)[:, 1:])

    assert isinstance(unique, UniqueInputs)
    assert unique.vectors is VECTORS
    assert torch.equal(expand(unique), EXPANDED.flip(0)[:, 1:])
    assert torch.equal(expand(map_positions(EXPANDED, lambda tensor: tensor.flip(0)[:, 1:])), EXPANDED.flip(0)[:, 1:])
