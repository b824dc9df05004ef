from __future__ import annotations

import pytest
import torch
from torch import nn

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
def test_logits_are_those_of_the_parts_one_after_another(
    cell: str, nonlinearity: str, num_layers: int, bidirectional: bool, pooling: str
) -> None:
    model = small_model(
        cell=cell, nonlinearity=nonlinearity, num_layers=num_layers, bidirectional=bidirectional, pooling=pooling
    )
    token_ids, lengths = padded_batch(random_texts([4, 1, 6]))

    states = model.encoder(model.embedding(token_ids), lengths)
    pooled = model.pooling(states, lengths)
    if pooling == "last":  # the backward reading ends at the first word
        pooled[:, 5:] = states[0, :, 5:]
    output = model.head[-1]

    assert states.shape == (6, 3, 10 if bidirectional else 5)
    torch.testing.assert_close(model(token_ids, lengths), pooled @ output.weight.T + output.bias)


def test_a_dense_layer_with_relu_stands_before_the_output() -> None:
    model = small_model(fc_size=7, pooling="mean")
    token_ids, lengths = padded_batch(random_texts([4, 1, 6]))
    dense, output = (part for part in model.head if isinstance(part, nn.Linear))

    pooled = model.pooling(model.encoder(model.embedding(token_ids), lengths), lengths)
    hidden = (pooled @ dense.weight.T + dense.bias).clamp(min=0)

    assert (hidden == 0).any()
    assert (hidden > 0).any()
    torch.testing.assert_close(model(token_ids, lengths), hidden @ output.weight.T + output.bias)


@pytest.mark.parametrize("fc_size", [None, 50])
def test_dropout_falls_on_what_the_last_linear_layer_reads_in_training_alone(fc_size: int | None) -> None:
    model = small_model(fc_size=fc_size, hidden_size=25, dropout=0.5, embedding_dropout=0.0)
    seen: list[torch.Tensor] = []
    model.head[-1].register_forward_hook(lambda module, given, result: seen.append(given[0]))
    batch = padded_batch(random_texts([4, 1, 6]))

    model.eval()(*batch)
    model.train()(*batch)

    [whole, dropped] = seen
    lost = (dropped == 0) & (whole != 0)
    assert 0.3 < lost[whole != 0].float().mean() < 0.7
    torch.testing.assert_close(dropped, torch.where(lost, 0, 2 * whole))  # 2 = 1 / (1 - dropout)


@each_direction
def test_a_single_text_of_one_token_has_logits(bidirectional: bool) -> None:
    logits = small_model(bidirectional=bidirectional, pooling="last")(torch.tensor([[2]]), torch.tensor([1]))

    assert logits.shape == (1, 3)
    assert logits.isfinite().all()


@each_pooling
def test_the_order_of_words_counts(pooling: str) -> None:
    model = small_model(pooling=pooling)
    [text] = random_texts([6])

    there = model(text.unsqueeze(1), torch.tensor([6]))
    back = model(text.flip(0).unsqueeze(1), torch.tensor([6]))

    assert (there - back).abs().max() > 1e-3
