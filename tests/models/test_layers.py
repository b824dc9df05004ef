from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from tests.models.small import (
    POOLINGS,
    each_architecture,
    padded_batch,
    random_texts,
    randomize,
    small_model,
)  # fmt: skip
from textrnn.models.layers import Dropout, Pooling, classifier_head

SHAPE = (101, 7, 33)  # the number of values is no multiple of 4, the number of values that share a draw


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_a_share_of_p_is_zero_and_the_rest_is_scaled(p: float, dtype: torch.dtype) -> None:
    dropped = Dropout(p)(torch.ones(SHAPE, dtype=dtype))

    assert (dropped.dtype, dropped.shape) == (dtype, SHAPE)
    share = float((dropped == 0).double().mean())
    assert share == pytest.approx(p, abs=5 * (p * (1 - p) / dropped.numel()) ** 0.5)  # five standard deviations
    kept = dropped[dropped != 0].double()
    torch.testing.assert_close(
        kept, torch.full_like(kept, 1 / (1 - p)), rtol=0.01 if dtype == torch.bfloat16 else 1e-4, atol=0
    )


@pytest.mark.parametrize("p", [0.99999, 0.9999999])
def test_p_close_to_one_is_rounded_to_a_probability_that_keeps_some_values(p: float) -> None:
    dropped = Dropout(p)(torch.ones(1 << 22))

    kept = dropped[dropped != 0]
    # Each value is kept with probability 2^-16: 64 of them on average, with a standard deviation of 8.
    assert 24 <= len(kept) <= 104
    assert kept.unique().tolist() == [2.0**16]


def test_values_are_dropped_independently_of_their_neighbours() -> None:
    kept = (Dropout(0.5)(torch.ones(400_000)) != 0).double() - 0.5

    for distance in (1, 2, 3, 4, 8):
        covariance = float((kept[:-distance] * kept[distance:]).mean())
        assert abs(covariance) < 0.25 * 5 / 400_000**0.5


def test_the_mask_depends_on_the_seed_and_differs_between_calls() -> None:
    dropout, values = Dropout(0.5), torch.ones(SHAPE)
    torch.manual_seed(3)
    first, second = dropout(values), dropout(values)
    torch.manual_seed(3)

    assert torch.equal(dropout(values), first)
    assert not torch.equal(first, second)


def test_the_gradient_is_dropped_and_scaled_like_the_values() -> None:
    values = torch.randn(SHAPE, requires_grad=True)

    dropped = Dropout(0.25)(values)
    dropped.sum().backward()

    assert (values.grad == 0).any()
    torch.testing.assert_close(values.grad * values, dropped)


def test_values_are_returned_unchanged_in_evaluation_mode_and_for_p_zero() -> None:
    values = torch.randn(SHAPE)

    assert Dropout(0.5).eval()(values) is values
    assert Dropout(0.0)(values) is values


# --- pooling

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


@any_padding
@pytest.mark.parametrize("hops", [1, 3])
def test_attention_follows_equations_5_to_7_of_yang_et_al_with_a_new_query_in_each_hop(
    hops: int, padding: float
) -> None:
    pooling = Pooling("attention", 2, hops=hops)
    words = torch.tensor(LONG)

    keys = torch.tanh(words @ pooling.key.weight.T + pooling.key.bias)
    query = pooling.query.weight[0]
    result = (keys @ query).softmax(0) @ words
    for _ in range(hops - 1):
        query = pooling.next_query.weight @ query + result
        result = (keys @ query).softmax(0) @ words

    torch.testing.assert_close(pooling(_outputs(padding), LENGTHS)[0], result)
    torch.testing.assert_close(pooling(_outputs(padding), LENGTHS)[1], torch.tensor(SHORT[0]))


def test_only_attention_has_weights() -> None:
    counts = {kind: sum(p.numel() for p in Pooling(kind, 4).parameters()) for kind in POOLINGS}

    assert counts == {"last": 0, "mean": 0, "max": 0, "attention": 4 * 4 + 4 + 4}


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="median"):
        Pooling("median", 2)


# --- the classifier


@pytest.mark.parametrize("fc_size", [None, 7])
def test_fc_size_adds_a_dense_layer_with_relu_to_a_linear_map(fc_size: int | None) -> None:
    head = classifier_head(6, 3, fc_size=fc_size, dropout=0.5).eval()
    randomize(head)
    *dense, last = (module for module in head if isinstance(module, nn.Linear))
    hidden = vectors = torch.randn(4, 6)

    for layer in dense:
        hidden = (vectors @ layer.weight.T + layer.bias).clamp(min=0)
        assert hidden.shape == (4, fc_size) and (hidden == 0).any() and (hidden > 0).any()

    assert len(dense) == (fc_size is not None)
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
