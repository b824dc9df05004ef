"""Norms of gradients, by hand for networks of one and three units, by autograd for all others; and short trainings."""

from __future__ import annotations

import math
from copy import deepcopy
from functools import partial
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from torch import nn

from tests.models.small import encoded, random_texts, small_model
from textrnn.config import TrainConfig
from textrnn.gradients.measure import (
    Training,
    curve_of,
    gradient_norms,
    last_step_logits,
    long_texts,
    steps_to_hundredth,
    texts_behind,
    train_briefly,
)
from textrnn.models.rcnn import RCNN
from textrnn.models.textrnn import TextRNN
from textrnn.texts.transform import EncodedTexts

CPU = torch.device("cpu")
LN2, LN3 = math.log(2), math.log(3)


def network_of(units: int, cell: str, vectors: list[list[float]]) -> TextRNN:
    """One layer, one direction, read at the last step, two classes, in float64; all weights zero but the vectors of the
    tokens 2, 3, ..., one for each."""
    options = {"embedding_dim": len(vectors[0]), "hidden_size": units, "bidirectional": False, "pooling": "last"}
    network = small_model(cell=cell, **options).double()
    assert isinstance(network, TextRNN)
    network.head[-1] = nn.Linear(units, 2, dtype=torch.float64)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        network.embedding.table.weight[2 : 2 + len(vectors)] = torch.tensor(vectors, dtype=torch.float64)
    return network


def set_weights(network: TextRNN, inputs: Any, recurrent: Any, head: Any, head_bias: Any) -> None:
    """Of the rows of the cell that are named last in torch's order, and of the head."""
    (rnn,) = network.encoder.layers[0]
    with torch.no_grad():
        for weight, values in (
            (rnn.weight_ih_l0, inputs), (rnn.weight_hh_l0, recurrent),
            (network.head[-1].weight, head), (network.head[-1].bias, head_bias),
        ):  # fmt: skip
            values = torch.tensor(values, dtype=torch.float64)
            weight[len(weight) - len(values) :] = values


def norms_of(network: Any, *texts: list[int], labels: list[int], **options: Any) -> np.ndarray:
    return gradient_norms(network, encoded(texts, labels), device=CPU, **options)


def test_the_gate_of_a_gru_by_hand() -> None:
    """With gates that do not depend on anything both are 1/2: h = n / 2 + h' / 2, where n = tanh(x). The derivative of
    the last state with respect to x, k steps before, is (1/2)^k 1/2 (1 - n^2), whatever was read in between.

    n is 4/5, 3/5, 0 and 3/5, as tanh(ln 2) = 3/5 and tanh(ln 3) = 4/5: the states are 0.4, 0.5, 0.25 and 0.425. The
    logits are 2 h + ln 3 - 0.85 = ln 3 and 0, so the first class has the probability 3/4. The derivative of the loss
    with respect to h is (3/4 - 1) 2 = -1/2 for a text of the first class, and 3/2 for one of the other.
    """
    network = network_of(1, "gru", [[LN3], [LN2], [0.0], [LN2]])
    set_weights(network, [[1.0]], [[0.0]], [[2.0], [0.0]], [LN3 - 0.85, 0.0])
    of_state = [0.5 * 0.64, 0.25 * 1.0, 0.125 * 0.64, 0.0625 * 0.36]
    expected = np.array([[0.5 * each for each in of_state], [1.5 * each for each in of_state]])
    assert norms_of(network, [2, 3, 4, 5], [2, 3, 4, 5], labels=[0, 1]) == pytest.approx(expected, abs=1e-12)


def test_three_units_are_a_product_of_jacobians() -> None:
    vectors = np.array([[0.5, -1.0], [0.3, 0.2], [-0.7, 0.9], [1.1, 0.4]])
    inputs = np.array([[0.4, -0.6], [0.9, 0.1], [-0.3, 0.8]])
    recurrent = np.array([[0.5, -0.4, 0.2], [0.1, 0.7, -0.3], [-0.6, 0.2, 0.4]])
    head, head_bias = np.array([[1.0, -0.5, 0.3], [-0.2, 0.8, 0.6]]), np.array([0.1, -0.2])
    network = network_of(3, "rnn", vectors.tolist())
    set_weights(network, inputs.tolist(), recurrent.tolist(), head.tolist(), head_bias.tolist())

    states, state = [], np.zeros(3)
    for x in vectors:
        state = np.tanh(inputs @ x + recurrent @ state)
        states.append(state)
    logits = head @ states[-1] + head_bias
    probabilities = np.exp(logits) / np.exp(logits).sum()
    of_state = head.T @ (probabilities - np.array([0.0, 1.0]))  # the second class is the right one
    expected = []
    for state in reversed(states):
        local = np.diag(1 - state**2)
        expected.append(np.linalg.norm(inputs.T @ local @ of_state))
        of_state = recurrent.T @ local @ of_state

    assert norms_of(network, [2, 3, 4, 5], labels=[1])[0] == pytest.approx(expected, abs=1e-12)
    assert by_autograd(network, torch.tensor([2, 3, 4, 5]), 1) == pytest.approx(expected, abs=1e-12)


def by_autograd(network: TextRNN | RCNN, text: torch.Tensor, label: int, read: Any = None) -> np.ndarray:
    """The norms of a text alone, its last token first."""
    offset = torch.zeros(len(text), 1, network.embedding.table.embedding_dim, dtype=torch.float64, requires_grad=True)
    logits = (read or network)(text.unsqueeze(1), torch.tensor([len(text)]), offset)
    nn.functional.cross_entropy(logits, torch.tensor([label])).backward()
    assert offset.grad is not None
    return offset.grad.norm(dim=-1).flatten().flip(0).numpy()


NETWORKS: list[dict[str, Any]] = [
    {"cell": cell, "pooling": pooling, "num_layers": layers}
    for cell in ("rnn", "gru", "lstm")
    for pooling, layers in (("last", 1), ("max", 2), ("mean", 1), ("attention", 2))
] + [
    {"architecture": "rcnn"},
    {"cell": "rnn", "nonlinearity": "relu", "bidirectional": False},
    {"ngrams": 2, "fc_size": 6, "dropout": 0.5, "embedding_dropout": 0.5},
]


@pytest.mark.parametrize("options", NETWORKS, ids=lambda options: "-".join(map(str, options.values())))
def test_padding_and_the_other_texts_of_a_batch_change_nothing(options: dict[str, Any]) -> None:
    network = small_model(**options).double()
    lengths, labels = [7, 1, 12, *[3] * 40], [0, 1, 2, *[1] * 40]
    texts = random_texts(lengths)
    for last_step in (False, True) if isinstance(network, TextRNN) else (False,):
        found = gradient_norms(network.train(), encoded(texts, labels), last_step=last_step, device=CPU)
        network.eval()
        read = partial(last_step_logits, network) if last_step else network
        for row, text in enumerate(texts[:3]):
            assert found[row, : len(text)] == pytest.approx(by_autograd(network, text, labels[row], read), abs=1e-12)
            assert np.isnan(found[row, len(text) :]).all()


def test_measuring_leaves_the_network_as_it_is() -> None:
    network = small_model().train()
    norms_of(network, [3, 4], labels=[0])
    assert network.training and all(each.requires_grad for each in network.parameters())
    assert all(each.grad is None and each.dtype == torch.float32 for each in network.parameters())


def test_the_backward_direction_contributes_nothing_at_the_last_step() -> None:
    network = small_model(pooling="max").double()
    assert isinstance(network, TextRNN)
    size = network.encoder.hidden_size
    with torch.no_grad():
        network.head[-1].weight[:, :size] = 0.0  # the head reads nothing but the other direction
    text, label = [3, 4, 5, 6], [1]
    assert norms_of(network, text, labels=label).max() > 1e-3
    assert norms_of(network, text, labels=label, last_step=True).tolist() == [[0.0] * 4]


def test_the_last_step_is_that_of_a_network_with_one_direction() -> None:
    both = small_model(pooling="mean").double()
    one = small_model(pooling="last", bidirectional=False).double()
    assert isinstance(both, TextRNN) and isinstance(one, TextRNN)
    size = one.encoder.hidden_size
    one.embedding.load_state_dict(both.embedding.state_dict())
    one.encoder.layers[0][0].load_state_dict(both.encoder.layers[0][0].state_dict())
    with torch.no_grad():
        both.head[-1].weight[:, size:] = 0.0
        one.head[-1].weight.copy_(both.head[-1].weight[:, :size])
        one.head[-1].bias.copy_(both.head[-1].bias)
    texts = encoded(random_texts([9, 4]), [0, 2])
    last = gradient_norms(both, texts, last_step=True, device=CPU)
    assert last == pytest.approx(gradient_norms(one, texts, device=CPU), abs=1e-12, nan_ok=True)


def test_norms_far_below_what_float32_holds() -> None:
    """As the gate above: after 200 steps 2^-200 of the gradient is left, about 1e-60."""
    network = network_of(1, "gru", [[LN2]])
    set_weights(network, [[1.0]], [[0.0]], [[2.0], [0.0]], [0.0, 0.0])
    (found,) = norms_of(network, [2] * 201, labels=[0])
    assert found[200] / found[0] == pytest.approx(2.0**-200)


def texts_of(lengths: list[int]) -> EncodedTexts:
    return encoded([[2] * length for length in lengths], [0] * len(lengths))


def test_texts_are_drawn_from_the_longer_half() -> None:
    assert long_texts(texts_of([1, 5, 2, 6, 3, 7]), 1).lengths.tolist() == [5, 6, 7]
    many = texts_of(list(range(1, 1001)))
    drawn = long_texts(many, 1)
    assert len(drawn) == 256 and drawn.lengths.min() >= 500
    assert drawn.lengths.tolist() == long_texts(many, 1).lengths.tolist() != long_texts(many, 2).lengths.tolist()


def test_a_value_rests_on_ten_texts_at_least() -> None:
    assert texts_behind(np.array([3] * 10 + [2] * 5 + [9] * 4)).tolist() == [19, 19, 14]
    assert texts_behind(np.array([2, 1, 2])).tolist() == [3]  # fewer than ten in all: every one of them
    assert texts_behind(np.array([1])).tolist() == [1]


def test_quantiles_are_those_of_the_texts_that_are_long_enough() -> None:
    curve = curve_of(np.array([[1.0, 2.0], [3.0, np.nan], [5.0, 4.0]]), 2)
    assert curve.median.tolist() == [3.0, 3.0]
    assert curve.low.tolist() == pytest.approx([1.4, 2.2])
    assert curve.high.tolist() == pytest.approx([4.6, 3.8])


@pytest.mark.parametrize(
    ("median", "expected"),
    [([1, 0.5, 0.009, 0.001], 2), ([1, 0.001, 0.5, 0.001], 3), ([1, 0.001, 0.5], None), ([1, 0.01], None), ([0], None)],
)
def test_from_where_on_less_than_a_hundredth_is_left(median: list[float], expected: int | None) -> None:
    assert steps_to_hundredth(np.array(median)) == expected


def brief(network: nn.Module, *, steps: int, count: int = 12, **settings: object) -> tuple[Training, int]:
    """A training on `count` texts, and the number of calls after a step."""
    config = TrainConfig.model_validate({"batch_size": 4, "adversarial_norm": None, **settings})
    texts = encoded([[row % 7 + 2, row % 5 + 2] for row in range(count)], [row % 2 for row in range(count)])
    after_step = Mock()
    options: dict[str, Any] = {"steps": steps, "class_weights": None, "seed": 3, "after_step": after_step}
    return train_briefly(config, network, texts, **options), after_step.call_count


@pytest.mark.parametrize("count", [5, 12, 400], ids=["less-than-two-batches", "several-epochs", "part-of-an-epoch"])
def test_it_takes_as_many_steps_as_asked_for(count: int) -> None:
    found, called = brief(small_model(), steps=7, count=count)
    assert (len(found.losses), len(found.norms), called, found.diverged_at) == (7, 7, 7, None)
    assert all(map(math.isfinite, [*found.losses, *found.norms]))


def test_its_norms_are_those_before_clipping_and_its_steps_change_the_weights() -> None:
    network = small_model()
    unclipped, before = deepcopy(network), network.state_dict()["head.1.weight"].clone()
    first, _ = brief(network, steps=3, grad_clip_norm=1e-3)
    second, _ = brief(unclipped, steps=3, grad_clip_norm=None)
    assert first.norms[0] == second.norms[0] > 1e-3
    assert not torch.equal(network.state_dict()["head.1.weight"], before)


def test_equal_weights_and_seeds_give_equal_courses() -> None:
    network = small_model()
    assert brief(deepcopy(network), steps=5) == brief(network, steps=5)


def test_a_training_that_diverges_names_the_step_and_keeps_what_was_finite_before() -> None:
    found, _ = brief(small_model(), steps=9, learning_rate=1e38, grad_clip_norm=None)
    assert found.diverged_at is not None and 1 <= found.diverged_at <= 9
    assert all(map(math.isfinite, [*found.losses, *found.norms]))
    assert len(found.losses) <= found.diverged_at
