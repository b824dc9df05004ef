"""What the topics measure, on sizes so small that it takes no time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from scripts.memory_span import Variant, build, draw
from scripts.theory import bptt, clipping, exploding, gates, rcnn, reading_order


@pytest.mark.parametrize("seed", [1, 2])
def test_back_propagation_by_hand_equals_autograd_and_finite_differences(seed: int) -> None:
    weights, x = bptt.draw(seed)
    hand, automatic = bptt.by_hand(weights, x, 1), bptt.by_autograd(weights, x, 1)
    for name in [*bptt.Weights._fields, "states"]:
        np.testing.assert_allclose(getattr(hand, name), getattr(automatic, name), atol=1e-15)
    np.testing.assert_allclose(hand.parts_of_W.sum(axis=0), hand.W, atol=1e-15)

    def loss(W: np.ndarray) -> float:
        h = np.zeros(bptt.UNITS)
        for word in x:
            h = np.tanh(weights.U @ word + W @ h + weights.b)
        logits = weights.V @ h
        return float(np.log(np.exp(logits).sum()) - logits[1])

    nudge = np.zeros_like(weights.W)
    nudge[2, 0] = 1e-6
    slope = (loss(weights.W + nudge) - loss(weights.W - nudge)) / 2e-6
    assert slope == pytest.approx(hand.W[2, 0], abs=1e-9)


@pytest.mark.parametrize("gain", [0.8, 1.0, 1.25])
def test_without_an_activation_the_gradient_is_a_power_of_the_gain(gain: float) -> None:
    expected = [[gain**k] * 2 for k in (1, 10, 50, 100)]
    np.testing.assert_allclose(exploding.norms(0, gain, seed=1), expected, rtol=1e-9)


@pytest.mark.parametrize("case", [1, 2, 3])
def test_no_activation_stretches_more_than_the_matrix(case: int) -> None:
    largest = np.array(exploding.norms(case, 1.0, seed=1))[:, 0]
    assert (largest <= 1 + 1e-9).all() and (np.diff(largest) < 0).all()
    assert largest[-1] < (0.9 if case == 1 else 1e-6)


def test_clipping_changes_nothing_where_no_norm_is_beyond_the_limit() -> None:
    free, clipped = (
        clipping.outcome("rnn-tanh", "SGD", 1e-4, limit, span=2, steps=3, seed=1) for limit in (None, 100.0)
    )
    assert free == clipped
    assert 0 < free.largest < 1 and free.exceeding == 0


@pytest.mark.parametrize("variant", [Variant("lstm", forget_bias=1.0), Variant("gru")])
def test_the_gates_are_those_of_the_network(variant: Variant) -> None:
    torch.manual_seed(1)
    network = build(variant, hidden_size=5)
    tokens, _ = draw(2, 3, torch.Generator().manual_seed(1))
    rnn, inputs = gates.cell_of(network), network.embedding(tokens)
    h = c = torch.zeros(2, 5)
    for x in inputs:
        _, _, h, c = gates.one_step(rnn, x, h, c)
    torch.testing.assert_close(h, rnn(inputs)[0][-1])


@pytest.mark.parametrize("variant", [Variant("lstm", forget_bias=1.0), Variant("gru")])
def test_without_recurrent_weights_the_gradient_is_the_product_of_the_gates(variant: Variant) -> None:
    torch.manual_seed(1)
    network = build(variant, hidden_size=5)
    with torch.no_grad():
        gates.cell_of(network).weight_hh_l0.zero_()
    keep, write, jacobians = gates.passage(network, draw(2, 3, torch.Generator().manual_seed(1))[0])
    assert keep.shape == write.shape == (4, 2, 5)
    torch.testing.assert_close(jacobians, torch.diag_embed(keep[1:].prod(dim=0)))


@pytest.mark.parametrize("num_layers", [1, 2])
def test_a_context_of_an_rcnn_contains_the_words_on_its_side_alone(num_layers: int) -> None:
    for changed, places in enumerate(rcnn.what_changes(num_layers)):
        assert places == ["R"] * changed + ["*"] + ["L"] * (len(rcnn.WORDS) - changed - 1)


@dataclass
class Case:
    place: int
    bidirectional: bool


@pytest.mark.parametrize("case", [Case(30, False), Case(30, True), Case(0, True)])
def test_what_a_direction_read_last_is_learnt_at_any_length(case: Case) -> None:
    found = reading_order.score(case.place, "last", bidirectional=case.bidirectional, span=30, steps=40, seed=1)
    assert found > 0.9
