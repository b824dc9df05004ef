from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.models.small import each_architecture, padded_batch, random_texts, randomize, small_model
from textrnn.models.head import classifier_head


def test_without_fc_size_logits_are_a_linear_map() -> None:
    head = classifier_head(6, 3, fc_size=None, dropout=0.5).eval()
    randomize(head)
    last = head[-1]
    vectors = torch.randn(4, 6)

    torch.testing.assert_close(head(vectors), vectors @ last.weight.T + last.bias)


def test_fc_size_adds_a_dense_layer_with_relu() -> None:
    head = classifier_head(6, 3, fc_size=7, dropout=0.5).eval()
    randomize(head)
    dense, last = (module for module in head if isinstance(module, nn.Linear))
    vectors = torch.randn(4, 6)

    hidden = (vectors @ dense.weight.T + dense.bias).clamp(min=0)

    assert hidden.shape == (4, 7)
    assert (hidden == 0).any()
    assert (hidden > 0).any()
    torch.testing.assert_close(head(vectors), hidden @ last.weight.T + last.bias)


@each_architecture
@pytest.mark.parametrize("fc_size", [None, 50])
def test_dropout_is_applied_to_the_input_of_the_last_layer_in_training_only(
    architecture: str, fc_size: int | None
) -> None:
    model = small_model(architecture=architecture, fc_size=fc_size, hidden_size=25, dropout=0.5, embedding_dropout=0.0)
    seen: list[torch.Tensor] = []
    model.head[-1].register_forward_hook(lambda module, given, result: seen.append(given[0]))
    batch = padded_batch(random_texts([4, 1, 6]))

    model.eval()(*batch)
    model.train()(*batch)

    [before, after] = seen
    dropped = (after == 0) & (before != 0)
    assert 0.3 < dropped[before != 0].float().mean() < 0.7
    torch.testing.assert_close(after, torch.where(dropped, 0, 2 * before))  # 2 = 1 / (1 - dropout)
