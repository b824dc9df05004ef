from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.models.small import each_direction, padded_batch, random_texts, small_model
from textrnn.models.tdnn import TDNN


def _model(num_layers: int, bidirectional: bool, **options: object) -> TDNN:
    model = small_model(architecture="tdnn", num_layers=num_layers, bidirectional=bidirectional, **options)
    assert isinstance(model, TDNN)
    return model.double()


def _by_hand(model: TDNN, words: np.ndarray) -> np.ndarray:
    """Outputs (n, units) of one text whose words are (n, 4), unit by unit."""
    outputs = words
    for number, layer in enumerate(model.layers):
        weight, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
        delays = [-(2**number), 0, 2**number] if model.centred else [-2 * 2**number, -(2**number), 0]
        found = []
        for t in range(len(words)):
            read = [outputs[t + d] if 0 <= t + d < len(words) else np.zeros(outputs.shape[1]) for d in delays]
            found.append(np.maximum(0, weight @ np.concatenate(read) + bias))
        outputs = np.array(found) if number == 0 else outputs + np.array(found)
    return outputs


@pytest.mark.parametrize("num_layers", [1, 2, 3])
@each_direction
def test_outputs_are_those_computed_unit_by_unit(bidirectional: bool, num_layers: int) -> None:
    model = _model(num_layers, bidirectional)
    token_ids, lengths = padded_batch(random_texts([9, 1, 2, 20]), extra=2)
    embedded = model.embedding(token_ids)

    outputs = model.outputs(embedded, lengths).detach().numpy()

    for text, length in enumerate(lengths):
        expected = _by_hand(model, embedded[:length, text].detach().numpy())
        np.testing.assert_allclose(outputs[:length, text], expected, rtol=0, atol=1e-12)
        assert (expected > 0).any() and (expected == 0).any()


def test_layers_that_look_beyond_the_texts_take_no_more_memory() -> None:
    """The 40th layer's steps are 2^39 apart: those beside a unit's own are outside of any text."""
    model, words = _model(40, True), torch.randn(5, 2, 4, dtype=torch.float64)

    outputs = model.outputs(words, torch.tensor([5, 3]))

    assert outputs.shape[:2] == (5, 2)
    np.testing.assert_allclose(outputs[:, 0].detach(), _by_hand(model, words[:, 0].numpy()), rtol=1e-12)


def test_dropout_is_applied_between_layers_only() -> None:
    one, two = (_model(layers, True, dropout=0.5, embedding_dropout=0).train() for layers in (1, 2))
    words, lengths = torch.randn(6, 3, 4, dtype=torch.float64), torch.tensor([6, 2, 1])

    assert torch.equal(one.outputs(words, lengths), one.outputs(words, lengths))
    assert not torch.equal(two.outputs(words, lengths), two.outputs(words, lengths))
