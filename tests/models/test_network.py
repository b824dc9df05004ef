from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.models.small import each_architecture, padded_batch, random_texts, small_model
from textrnn.models.network import Network


class WithoutForward(Network):
    pass


def test_an_architecture_without_forward_is_refused() -> None:
    with pytest.raises(TypeError, match="forward"):
        WithoutForward()


@each_architecture
def test_an_architecture_is_a_network(architecture: str) -> None:
    assert isinstance(small_model(architecture=architecture), Network)


@each_architecture
def test_the_embedding_offset_is_added_to_the_embeddings(architecture: str) -> None:
    """Adding the same vector at all positions is adding it to each row of the embedding table."""
    model = small_model(architecture=architecture, linear="none")
    token_ids, lengths = padded_batch(random_texts([4, 1, 6]))
    vector = torch.tensor([1.0, -2.0, 0.5, 3.0])

    found = model(token_ids, lengths, vector.expand(*token_ids.shape, -1))

    assert not torch.allclose(found, model(token_ids, lengths), atol=1e-2)
    model.embedding.table.weight = nn.Parameter(model.embedding.table.weight + vector)
    torch.testing.assert_close(found, model(token_ids, lengths))


@each_architecture
def test_the_embedding_offset_has_a_gradient_at_real_positions_only(architecture: str) -> None:
    model = small_model(architecture=architecture, pooling="mean").double()
    token_ids, lengths = padded_batch(random_texts([4, 1, 6]), extra=2)
    offset = torch.zeros(*token_ids.shape, 4, dtype=torch.float64, requires_grad=True)

    model(token_ids, lengths, offset).pow(2).sum().backward()

    assert offset.grad is not None
    is_real = torch.arange(len(token_ids)).unsqueeze(1) < lengths
    assert offset.grad[is_real].all()
    assert not offset.grad[~is_real].any()
