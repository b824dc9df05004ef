from __future__ import annotations

import math

import pytest
import torch

from tests.models.small import POOLINGS, each_pooling
from textrnn.models.pooling import Pooling

# Two texts, of three words and of one; two features a state; what stands behind the end of the second is set below.
LONG = [[1.0, 4.0], [3.0, -2.0], [2.0, 1.0]]
SHORT = [[-5.0, 6.0]]
LENGTHS = torch.tensor([3, 1])


def _states(padding: float) -> torch.Tensor:
    """(4, 2, 2): one step more than the longest text has."""
    states = torch.full((4, 2, 2), padding)
    states[:3, 0] = torch.tensor(LONG)
    states[:1, 1] = torch.tensor(SHORT)
    return states


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
def test_only_real_words_are_pooled(kind: str, long: list[float], short: list[float], padding: float) -> None:
    pooled = Pooling(kind, 2)(_states(padding), LENGTHS)

    assert pooled.tolist() == [long, short]


def _attention_to_the_sign_of_the_first_feature() -> Pooling:
    """Where the first feature is positive the score is log(3) / 2, where it is negative -log(3) / 2."""
    pooling = Pooling("attention", 2)
    with torch.no_grad():
        pooling.key.weight.copy_(torch.tensor([[100.0, 0.0], [0.0, 0.0]]))  # tanh(100) is 1
        pooling.key.bias.zero_()
        pooling.query.weight.copy_(torch.tensor([[math.log(3) / 2, 0.0]]))
    return pooling


@any_padding
def test_attention_weighs_words_by_the_softmax_of_their_scores(padding: float) -> None:
    states = _states(padding)
    states[:2, 0] = torch.tensor([[1.0, 8.0], [-1.0, 4.0]])

    pooled = _attention_to_the_sign_of_the_first_feature()(states, torch.tensor([2, 1]))

    # weights 3/4 and 1/4 in the first text, 1 in the second
    torch.testing.assert_close(pooled, torch.tensor([[0.5, 7.0], [-5.0, 6.0]]))


@any_padding
def test_attention_weights_sum_to_one_over_the_real_words(padding: float) -> None:
    states = _states(padding)
    for text, length in enumerate(LENGTHS):
        states[:length, text, 1] = 1.0  # the average of ones is the sum of the weights

    pooled = Pooling("attention", 2)(states, LENGTHS)

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
def test_a_hop_asks_with_what_the_one_before_found(padding: float) -> None:
    pooling = Pooling("attention", 2, hops=3)
    words = torch.tensor(LONG)

    keys = torch.tanh(words @ pooling.key.weight.T + pooling.key.bias)
    query, found = pooling.query.weight[0], torch.zeros(2)
    for hop in range(3):
        query = query if hop == 0 else pooling.next_query.weight @ query + found
        found = (keys @ query).softmax(0) @ words

    torch.testing.assert_close(pooling(_states(padding), LENGTHS)[0], found)
    torch.testing.assert_close(pooling(_states(padding), LENGTHS)[1], torch.tensor(SHORT[0]))


@each_pooling
def test_no_gradient_reaches_padded_positions(pooling: str) -> None:
    states = _states(0.5).requires_grad_()

    Pooling(pooling, 2)(states, LENGTHS).pow(2).sum().backward()

    assert states.grad is not None
    assert not states.grad[3:, 0].any()
    assert not states.grad[1:, 1].any()
    assert states.grad[0, 1].all()


def test_attention_alone_has_weights() -> None:
    counts = {kind: sum(p.numel() for p in Pooling(kind, 4).parameters()) for kind in POOLINGS}

    assert counts == {"last": 0, "mean": 0, "max": 0, "attention": 4 * 4 + 4 + 4}


def test_a_kind_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="median"):
        Pooling("median", 2)
