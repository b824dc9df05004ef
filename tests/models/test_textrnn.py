"""TextRNN against torch's own modules."""

from __future__ import annotations

import torch

from tests.models.small import (
    each_cell,
    each_depth,
    each_direction,
    each_pooling,
    padded_batch,
    random_texts,
    small_model,
)


@each_pooling
@each_direction
@each_depth
@each_cell
def test_logits_are_those_of_the_modules_one_after_another(
    cell: str, nonlinearity: str, num_layers: int, bidirectional: bool, pooling: str
) -> None:
    model = small_model(
        cell=cell, nonlinearity=nonlinearity, num_layers=num_layers, bidirectional=bidirectional, pooling=pooling
    )
    token_ids, lengths = padded_batch(random_texts([4, 1, 6]))

    outputs = model.encoder(model.embedding(token_ids), lengths)
    pooled = model.pooling(outputs, lengths)
    if pooling == "last":  # the last step of the backward direction is at the first word
        pooled[:, 5:] = outputs[0, :, 5:]
    last = model.head[-1]

    assert outputs.shape == (6, 3, 10 if bidirectional else 5)
    torch.testing.assert_close(model(token_ids, lengths), pooled @ last.weight.T + last.bias)


@each_pooling
def test_logits_depend_on_the_order_of_words(pooling: str) -> None:
    model = small_model(pooling=pooling)
    [text] = random_texts([6])

    logits = model(text.unsqueeze(1), torch.tensor([6]))
    of_reversed = model(text.flip(0).unsqueeze(1), torch.tensor([6]))

    assert (logits - of_reversed).abs().max() > 1e-3
