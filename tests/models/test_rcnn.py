"""RCNN against the equations of the paper."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.models.small import (
    each_cell,
    each_depth,
    padded_batch,
    random_texts,
    small_model,
)
from textrnn.models.embedding import Embedding
from textrnn.models.encoder import RNNEncoder
from textrnn.models.rcnn import RCNN

LENGTHS = [4, 1, 6]


def _lai_et_al(weights: dict[str, np.ndarray], words: list[int]) -> np.ndarray:
    """y4 of one text according to equations 1 to 6 of Lai, Xu, Liu and Zhao 2015, "Recurrent Convolutional Neural
    Networks for Text Classification". f is tanh, and the recurrences have biases, which the paper omits."""
    left, right = "encoder.layers.0.0.", "encoder.layers.0.1."
    w_l, w_sl = weights[left + "weight_hh_l0"], weights[left + "weight_ih_l0"]
    w_r, w_sr = weights[right + "weight_hh_l0"], weights[right + "weight_ih_l0"]
    b_l = weights[left + "bias_ih_l0"] + weights[left + "bias_hh_l0"]
    b_r = weights[right + "bias_ih_l0"] + weights[right + "bias_hh_l0"]
    e = [weights["embedding.table.weight"][word] for word in words]
    n = len(words)

    c_l = [weights["first_left"]] * n
    for i in range(1, n):
        c_l[i] = np.tanh(w_l @ c_l[i - 1] + w_sl @ e[i - 1] + b_l)  # (1)
    c_r = [weights["last_right"]] * n
    for i in range(n - 2, -1, -1):
        c_r[i] = np.tanh(w_r @ c_r[i + 1] + w_sr @ e[i + 1] + b_r)  # (2)
    x = [np.concatenate([c_l[i], e[i], c_r[i]]) for i in range(n)]  # (3)
    y2 = [np.tanh(weights["combine.weight"] @ x[i] + weights["combine.bias"]) for i in range(n)]  # (4)
    y3 = np.max(y2, axis=0)  # (5)
    return weights["head.1.weight"] @ y3 + weights["head.1.bias"]  # (6)


@pytest.mark.parametrize("texts", [[1], [2], [7], [4, 1, 6]], ids=["one word", "two words", "one text", "ragged"])
def test_logits_follow_the_equations_of_the_paper(texts: list[int]) -> None:
    model = small_model(architecture="rcnn", cell="rnn", pooling="max").double()
    words = random_texts(texts)

    logits = model(*padded_batch(words, extra=2))

    weights = {name: parameter.detach().numpy() for name, parameter in model.named_parameters()}
    np.testing.assert_allclose(
        logits.detach(), [_lai_et_al(weights, text.tolist()) for text in words], rtol=0, atol=1e-10
    )


@each_depth
@each_cell
def test_a_context_is_a_parameter_and_the_output_for_the_words_on_its_side(
    cell: str, nonlinearity: str, num_layers: int
) -> None:
    model = small_model(
        architecture="rcnn", cell=cell, nonlinearity=nonlinearity, num_layers=num_layers, hidden_size=10
    ).double()
    embedded = torch.randn(8, 3, 4, dtype=torch.float64)

    def last_output(words: torch.Tensor, direction: int, h0: torch.Tensor) -> torch.Tensor:
        """Of the layers of one direction, computed by torch's own modules; h0 is the initial state of the last one."""
        layers = [layer[direction] for layer in model.encoder.layers]
        for layer in layers[:-1]:
            words = layer(words)[0]
        return layers[-1](words, h0.view(1, 1, -1))[0][-1, 0]

    left, right = model.contexts(embedded, torch.tensor(LENGTHS))

    for text, length in enumerate(LENGTHS):
        words = embedded[:length, [text]]
        assert torch.equal(left[0, text], model.first_left)
        assert torch.equal(right[length - 1, text], model.last_right)
        for at in range(1, length):
            torch.testing.assert_close(left[at, text], last_output(words[:at], 0, model.first_left))
            torch.testing.assert_close(right[at - 1, text], last_output(words[at:].flip(0), 1, model.last_right))


def test_dropout_between_layers_is_not_applied_to_contexts() -> None:
    model = small_model(architecture="rcnn", num_layers=2, dropout=0.9).train()

    left, right = model.contexts(torch.randn(6, 1, 4), torch.tensor([6]))

    assert torch.equal(left[0, 0], model.first_left)
    assert torch.equal(right[5, 0], model.last_right)
    assert left[1:].all()
    assert right[:-1].all()


@pytest.mark.parametrize("options", [{"concat_directions": True}, {"concat_directions": False, "bidirectional": False}])
def test_an_encoder_without_two_separate_directions_is_refused(options: dict[str, bool]) -> None:
    encoder = RNNEncoder(4, 5, **options)
    with pytest.raises(ValueError, match="bidirectional=True and concat_directions=False"):
        RCNN(Embedding(5, 4), encoder, pooling="max", hops=1, num_classes=2, fc_size=None, dropout=0.0)
