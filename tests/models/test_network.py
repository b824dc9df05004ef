from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.models.small import each_architecture, each_network, each_pooling, padded_batch, random_texts, small_model
from textrnn.models.network import Network
from textrnn.texts.batching import Batch
from textrnn.training.optim import adversarial, cross_entropy, plain


class WithoutLogits(Network):
    pass


def test_an_architecture_without_logits_is_refused() -> None:
    with pytest.raises(TypeError, match="logits"):
        WithoutLogits()


@each_architecture
def test_the_embedding_offset_is_added_to_the_embeddings(architecture: str) -> None:
    """Adding the same vector at all positions is adding it to each row of the embedding table."""
    model = small_model(architecture=architecture, linear="none")
    token_ids, lengths = padded_batch(random_texts([4, 1, 6]))
    vector = torch.tensor([1.0, -2.0, 0.5, 3.0])

    logits = model(token_ids, lengths, vector.expand(*token_ids.shape, -1))

    assert not torch.allclose(logits, model(token_ids, lengths), atol=1e-2)
    model.embedding.table.weight = nn.Parameter(model.embedding.table.weight + vector)
    torch.testing.assert_close(logits, model(token_ids, lengths))


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


@pytest.mark.parametrize("kind", ["plain", "adversarial"])
@each_pooling
@each_network
def test_a_training_step_needs_no_value_on_the_host(
    architecture: str, cell: str, nonlinearity: str, pooling: str, kind: str
) -> None:
    model = small_model(
        architecture=architecture, cell=cell, nonlinearity=nonlinearity, num_layers=2, pooling=pooling, dropout=0.5,
        rare_dim=2,
    )  # fmt: skip
    model.to("meta").train()
    batch = Batch(*(torch.ones(shape, dtype=torch.long, device="meta") for shape in ((3, 40), (40,), (40,))))

    if kind == "plain":
        objective = plain(cross_entropy(class_weights=torch.ones(3, device="meta"), label_smoothing=0.1))
    else:
        objective = adversarial(cross_entropy(), norm=1.0, dim=4)

    # a tensor on the meta device has a shape but no values: any operation that needs one on the host is an error
    objective(model, batch, torch.Tensor.backward)

    assert all(parameter.grad is not None for parameter in model.parameters())
