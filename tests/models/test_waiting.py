"""No model waits for the device: on the meta device, where tensors have shapes and no values, whatever would have to
look at a value on the host (a number, a truth, a shape that depends on values) is an error."""

from __future__ import annotations

import torch

from tests.models.small import each_architecture, each_cell, each_pooling, small_model
from textrnn.data.batching import Batch
from textrnn.training.objectives import cross_entropy, plain


@each_pooling
@each_cell
@each_architecture
def test_a_training_step_reads_no_value(architecture: str, cell: str, nonlinearity: str, pooling: str) -> None:
    model = small_model(
        architecture=architecture, cell=cell, nonlinearity=nonlinearity, num_layers=2, pooling=pooling, dropout=0.5
    )
    classes = model.head[-1].out_features
    model.to("meta").train()
    batch = Batch(*(torch.ones(shape, dtype=torch.long, device="meta") for shape in ((7, 4), (4,), (4,))))
    objective = plain(cross_entropy(class_weights=torch.ones(classes, device="meta"), label_smoothing=0.1))
    objective(model, batch, torch.Tensor.backward)
    assert all(parameter.grad is not None for parameter in model.parameters())
