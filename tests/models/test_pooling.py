from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from tests.models.small import (
    POOLINGS,
    each_architecture,
    each_pooling,
    padded_batch,
    random_texts,
    randomize,
    small_model,
)  # fmt: skip
from textrnn.models.pooling import Pooling, classifier_head

# The outputs, of two features, for a text of three words and a text of one.
LONG = [[1.0, 4.0], [3.0, -2.0], [2.0, 1.0]]
SHORT = [[-5.0, 6.0]]
LENGTHS = torch.tensor([3, 1])


def _outputs(padding: float) -> torch.Tensor:
    """(4, 2, 2): both texts, with `padding` at padded positions; one step more than the longest text has."""
    outputs = torch.full((4, 2, 2), padding)
    outputs[:3, 0] = torch.tensor(LONG)
    outputs[:1, 1] = torch.tensor(SHORT)
    return outputs


any_padding = pytest.mark.parametrize("padding", [0.0, 1e30, -1e30, math.inf, -math.inf, math.nan])


@any_padding
@pytest.mark.parametrize(
    ("kind", "long", "short"),
    [
        ("last", [2, 1], [-5, 6]),
        ("mean", [2, 1], [-5, 6]),
        ("max", [3, 4], [-5, 6]),
    ],
)
def test_only_real_positions_are_pooled(kind: str, long: list[float], short: list[float], padding: float) -> None:
    pooled = Pooling(kind, 2)(_outputs(padding), LENGTHS)

    assert pooled.tolist() == [long, short]


def _attention_to_the_sign_of_the_first_feature() -> Pooling:
    """Scores are log(3) / 2 for words whose first feature is positive, and -log(3) / 2 where it is negative."""
    pooling = Pooling("attention", 2)
    with torch.no_grad():
        pooling.key.weight.copy_(torch.tensor([[100.0, 0.0], [0.0, 0.0]]))  # tanh(100) is 1
        pooling.key.bias.zero_()
        pooling.query.weight.copy_(torch.tensor([[math.log(3) / 2, 0.0]]))
    return pooling


@any_padding
def test_attention_weights_are_the_softmax_of_the_scores(padding: float) -> None:
    outputs = _outputs(padding)
    outputs[:2, 0] = torch.tensor([[1.0, 8.0], [-1.0, 4.0]])

    pooled = _attention_to_the_sign_of_the_first_feature()(outputs, torch.tensor([2, 1]))

    # The weights are 3/4 and 1/4 in the first text, and 1 in the second.
    torch.testing.assert_close(pooled, torch.tensor([[0.5, 7.0], [-5.0, 6.0]]))


@any_padding
def test_attention_weights_sum_to_one_over_real_positions(padding: float) -> None:
    outputs = _outputs(padding)
    for text, length in enumerate(LENGTHS):
        outputs[:length, text, 1] = 1.0  # the weighted mean of ones is the sum of the weights

    pooled = Pooling("attention", 2)(outputs, LENGTHS)

    torch.testing.assert_close(pooled[:, 1], torch.ones(2))


def test_attention_follows_equations_5_to_7_of_yang_et_al() -> None:
    pooling = Pooling("attention", 2)
    words = torch.tensor(LONG)

    u = torch.tanh(words @ pooling.key.weight.T + pooling.key.bias)
    scores = torch.exp(u @ pooling.query.weight[0])
    alpha = scores / scores.sum()
    expected = (alpha[:, None] * words).sum(0)

    torch.testing.assert_close(pooling(words.unsqueeze(1), torch.tensor([3]))[0], expected)


@any_padding
def test_the_query_of_a_hop_is_the_last_result_plus_a_map_of_the_last_query(padding: float) -> None:
    pooling = Pooling("attention", 2, hops=3)
    words = torch.tensor(LONG)

    keys = torch.tanh(words @ pooling.key.weight.T + pooling.key.bias)
    query = pooling.query.weight[0]
    result = (keys @ query).softmax(0) @ words
    for _ in range(2):
        query = pooling.next_query.weight @ query + result
        result = (keys @ query).softmax(0) @ words

    torch.testing.assert_close(pooling(_outputs(padding), LENGTHS)[0], result)
    torch.testing.assert_close(pooling(_outputs(padding), LENGTHS)[1], torch.tensor(SHORT[0]))


@each_pooling
def test_no_gradient_reaches_padded_positions(pooling: str) -> None:
    outputs = _outputs(0.5).requires_grad_()

    Pooling(pooling, 2)(outputs, LENGTHS).pow(2).sum().backward()

    assert outputs.grad is not None
    assert not outputs.grad[3:, 0].any()
    assert not outputs.grad[1:, 1].any()
    assert outputs.grad[0, 1].all()


def test_only_attention_has_weights() -> None:
    counts = {kind: sum(p.numel() for p in Pooling(kind, 4).parameters()) for kind in POOLINGS}

    assert counts == {"last": 0, "mean": 0, "max": 0, "attention": 4 * 4 + 4 + 4}


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="median"):
        Pooling("median", 2)


# --- the classifier


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
