from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from tests.models.small import (
    each_architecture,
    each_cell,
    each_depth,
    each_direction,
    each_pooling,
    each_recurrent_architecture,
)  # fmt: skip
from textrnn.config import ModelConfig
from textrnn.config.sections import DEFAULT_EMBEDDING_DIM
from textrnn.models.build import build_network
from textrnn.models.layers import Dropout
from textrnn.models.rcnn import RCNN
from textrnn.models.tdnn import TDNN
from textrnn.models.textrnn import TextRNN


def _build(pretrained: np.ndarray | None = None, **options: object) -> TextRNN | RCNN | TDNN:
    config = ModelConfig.model_validate({"embedding_dim": 4, "hidden_size": 5, "linear": "none", **options})
    return build_network(config, vocab_size=20, num_classes=3, pretrained=pretrained)


def _linear_sizes(module: nn.Module) -> list[tuple[int, int]]:
    return [(part.in_features, part.out_features) for part in module.modules() if isinstance(part, nn.Linear)]


@each_pooling
@each_depth
@each_direction
@each_cell
@each_recurrent_architecture
def test_a_recurrent_network_has_the_modules_and_sizes_of_its_config(
    architecture: str, cell: str, nonlinearity: str, bidirectional: bool, num_layers: int, pooling: str
) -> None:
    model = _build(
        architecture=architecture, cell=cell, nonlinearity=nonlinearity, bidirectional=bidirectional,
        num_layers=num_layers, pooling=pooling,
    )  # fmt: skip
    directions = 2 if bidirectional or architecture == "rcnn" else 1  # RCNN always has both

    assert isinstance(model, RCNN if architecture == "rcnn" else TextRNN)
    assert model.embedding.table.weight.shape == (20, 4)
    assert model.encoder.concat_directions is isinstance(model, TextRNN)
    assert not isinstance(model, RCNN) or _linear_sizes(model.combine) == [(5 + 4 + 5, 10)]
    assert model.pooling.kind == pooling
    assert _linear_sizes(model.head) == [(5 * directions, 3)]
    width = 5 * directions if model.encoder.concat_directions else 5
    layers = [[rnn.input_size for rnn in layer] for layer in model.encoder.layers]
    assert layers == [[size] * directions for size in [4, width][:num_layers]]
    for rnn in (rnn for layer in model.encoder.layers for rnn in layer):
        assert isinstance(rnn, {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[cell])
        assert rnn.mode == {"rnn": f"RNN_{nonlinearity.upper()}", "lstm": "LSTM", "gru": "GRU"}[cell]
        assert (rnn.hidden_size, rnn.num_layers, rnn.bidirectional, rnn.dropout) == (5, 1, False, 0)


@each_pooling
@each_depth
@each_direction
def test_tdnn_has_the_modules_and_sizes_of_its_config(bidirectional: bool, num_layers: int, pooling: str) -> None:
    model = _build(architecture="tdnn", bidirectional=bidirectional, num_layers=num_layers, pooling=pooling)

    assert isinstance(model, TDNN)
    assert model.centred is bidirectional
    width = 10 if bidirectional else 5
    assert _linear_sizes(model.layers) == [(3 * 4, width), (3 * width, width)][:num_layers]
    assert model.pooling.kind == pooling
    assert _linear_sizes(model.head) == [(width, 3)]


@each_architecture
def test_dropout_probabilities_are_those_of_the_config(architecture: str) -> None:
    model = _build(architecture=architecture, dropout=0.3, embedding_dropout=0.1)

    probabilities = {name: part.p for name, part in model.named_modules() if isinstance(part, Dropout)}

    between_layers = "dropout" if architecture == "tdnn" else "encoder.dropout"
    assert probabilities == {"embedding.dropout": 0.1, between_layers: 0.3, "head.0": 0.3}


@each_architecture
def test_embedding_dim_is_that_of_the_config_or_else_of_the_vectors_or_else_the_default(architecture: str) -> None:
    vectors = np.ones((20, 6), dtype=np.float32)

    def embedding_dim(configured: int | None, pretrained: np.ndarray | None) -> int:
        model = _build(pretrained, architecture=architecture, embedding_dim=configured)
        return model.embedding.table.embedding_dim

    assert embedding_dim(9, None) == 9
    assert embedding_dim(None, vectors) == embedding_dim(6, vectors) == 6
    assert embedding_dim(None, None) == DEFAULT_EMBEDDING_DIM == 96


@each_architecture
@pytest.mark.parametrize("frozen", [False, True])
def test_pretrained_vectors_are_used_and_trained_unless_frozen(architecture: str, frozen: bool) -> None:
    vectors = np.arange(80, dtype=np.float32).reshape(20, 4)

    weight = _build(vectors, architecture=architecture, freeze_embedding=frozen).embedding.table.weight

    np.testing.assert_array_equal(weight[1:].detach(), vectors[1:])
    assert weight.requires_grad is not frozen


@each_architecture
def test_weights_depend_on_the_global_random_state_only(architecture: str) -> None:
    def weights(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return torch.cat([parameter.flatten() for parameter in _build(architecture=architecture).parameters()])

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))


@each_architecture
def test_every_weight_gets_a_gradient(architecture: str) -> None:
    model = _build(architecture=architecture, num_layers=2, pooling="attention", fc_size=7, ngrams=1)

    model(torch.randint(2, 20, (6, 4)), torch.tensor([6, 2, 4, 1])).pow(2).sum().backward()

    assert [name for name, weight in model.named_parameters() if weight.grad is None or not weight.grad.any()] == []


@each_architecture
def test_ngrams_and_attention_hops_are_those_of_the_config(architecture: str) -> None:
    config = ModelConfig(
        architecture=architecture, ngrams=3, embedding_dim=4, hidden_size=5, pooling="attention", attention_hops=4
    )
    keys = [np.array([45, 67]), np.array([8000])]
    model = build_network(config, vocab_size=20, num_classes=3, ngram_keys=keys)

    assert model.embedding.ngrams.table.weight.shape == (4, 4)  # one of them for all other n-grams
    assert model.embedding.ngrams.keys_2.tolist() == [45, 67]
    assert model.embedding.ngrams.keys_3.tolist() == [8000]
    assert model.pooling.hops == 4


# The names under which a model's tensors are saved: a saved model can be loaded only as long as they stay the same.
_EMBEDDING = "embedding.table.weight embedding.ngrams.keys_2 embedding.ngrams.table.weight"
_ENCODER = """
    encoder.layers.0.0.weight_ih_l0 encoder.layers.0.0.weight_hh_l0
    encoder.layers.0.0.bias_ih_l0 encoder.layers.0.0.bias_hh_l0
    encoder.layers.0.1.weight_ih_l0 encoder.layers.0.1.weight_hh_l0
    encoder.layers.0.1.bias_ih_l0 encoder.layers.0.1.bias_hh_l0
"""
_TOP = """
    pooling.key.weight pooling.key.bias pooling.query.weight pooling.next_query.weight
    head.0.weight head.0.bias head.3.weight head.3.bias
"""
SAVED_NAMES = {
    "textrnn": f"{_EMBEDDING} {_ENCODER} {_TOP}",
    "rcnn": f"first_left last_right {_EMBEDDING} {_ENCODER} combine.weight combine.bias {_TOP}",
    "tdnn": f"{_EMBEDDING} layers.0.weight layers.0.bias {_TOP}",
}


@each_architecture
def test_tensors_have_the_names_under_which_models_were_saved(architecture: str) -> None:
    options = {"pooling": "attention", "attention_hops": 2, "ngrams": 2, "fc_size": 7}
    names = SAVED_NAMES[architecture].split()

    assert list(_build(architecture=architecture, **options).state_dict()) == names

    narrow = _build(architecture=architecture, rare_dim=2, ngram_dim=3, **options).state_dict()
    embedding = """
        table.frequent.weight table.rare.weight table.projection ngrams.keys_2 ngrams.projection ngrams.table.weight
    """
    of_embedding = {f"embedding.{name}" for name in embedding.split()}
    assert set(narrow) == {name for name in names if not name.startswith("embedding.")} | of_embedding
