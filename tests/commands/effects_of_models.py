"""What the keys of model change."""

from __future__ import annotations

import json

import torch
from torch.nn import RNN

from tests.commands.effects import Run, effect, other_weights
from textrnn.models.layers import Dropout


@effect("model.architecture=rcnn")
@effect("model.architecture=tdnn")
@effect("model.pooling=attention")
@effect("model.ngrams=2")
def there_are_other_tensors(before: Run, after: Run) -> None:
    assert set(after.shapes) - set(before.shapes)


@effect("model.cell=gru")
def there_are_three_gates_for_four(before: Run, after: Run) -> None:
    assert gates_and_inputs(before) == (4 * 8, 8) and gates_and_inputs(after) == (3 * 8, 8)


@effect("model.embedding_dim=6")
def vectors_have_that_size(before: Run, after: Run) -> None:
    assert gates_and_inputs(after) == (4 * 8, 6)
    assert after.shapes["embedding.table.weight"] == (len(after.vocab), 6)


@effect("model.max_ngrams=10", "model.ngrams=2")
def the_table_of_ngrams_has_that_many_rows(before: Run, after: Run) -> None:
    assert before.shapes["embedding.ngrams.table.weight"][0] > 11
    assert after.shapes["embedding.ngrams.table.weight"] == (11, 8)  # one of them for all other n-grams


@effect("model.rare_dim=3")
def rare_tokens_have_vectors_of_that_size(before: Run, after: Run) -> None:
    frequent = len(after.vocab) // 4
    assert before.shapes["embedding.table.weight"] == (len(after.vocab), 8)  # 32 would be more than they have
    assert after.shapes["embedding.table.frequent.weight"] == (frequent, 8)
    assert after.shapes["embedding.table.rare.weight"] == (1 + len(after.vocab) - frequent, 3)


@effect("model.ngram_dim=3", "model.ngrams=2")
def a_matrix_maps_the_vectors_of_ngrams_to_the_size_of_those_of_tokens(before: Run, after: Run) -> None:
    assert "embedding.ngrams.projection" not in before.shapes  # 16 would be more than they have
    assert after.shapes["embedding.ngrams.table.weight"][1] == 3
    assert after.shapes["embedding.ngrams.projection"] == (8, 3)


@effect("model.linear=mix")
@effect("model.linear=report")
def a_linear_model_stands_beside_the_same_network(before: Run, after: Run) -> None:
    assert [record["train_loss"] for record in before.history] == [record["train_loss"] for record in after.history]
    assert all(record["dev_linear_loss"] is None for record in before.history)
    assert all(record["dev_linear_loss"] is not None for record in after.history)
    assert (after.folder / "model" / "linear.safetensors").exists()


@effect("model.linear=mix", "model.linear=report")
def it_decides_rather_than_being_reported(before: Run, after: Run) -> None:
    weights = [json.loads((run.folder / "model" / "decision.json").read_text())["weight"] for run in (before, after)]
    assert weights[0] == 0 < weights[1]


@effect("model.attention_hops=2", "model.pooling=attention")
def the_second_hop_has_a_query_of_its_own(before: Run, after: Run) -> None:
    assert set(after.shapes) - set(before.shapes) == {"pooling.next_query.weight"}


@effect("model.hidden_size=12")
def states_have_that_size(before: Run, after: Run) -> None:
    assert gates_and_inputs(after) == (4 * 12, 8)


@effect("model.num_layers=2")
def there_are_twice_as_many_cells(before: Run, after: Run) -> None:
    assert (cells(before), cells(after)) == (2, 4)


@effect("model.bidirectional=false")
def there_is_one_direction(before: Run, after: Run) -> None:
    assert (cells(before), cells(after)) == (2, 1)


@effect("model.bidirectional=false", "model.architecture=tdnn")
def units_are_half_as_many_and_read_earlier_words_only(before: Run, after: Run) -> None:
    assert [run.shapes["layers.0.weight"] for run in (before, after)] == [(16, 3 * 8), (8, 3 * 8)]
    assert [network.centred for run in (before, after) for network in run.model.networks] == [True, False]


@effect("model.fc_size=5")
def there_is_a_dense_layer_of_that_size(before: Run, after: Run) -> None:
    assert (5, 16) not in before.shapes.values() and (5, 16) in after.shapes.values()


@effect("model.pretrained={}/vectors.txt", "model.freeze_embedding=true")
def a_vector_is_that_of_the_file(before: Run, after: Run) -> None:
    assert vector_of_the(before).sub(0.5).abs().max() > 0.1
    assert vector_of_the(after).tolist() == [0.5] * 8


@effect("model.freeze_embedding=true", "model.pretrained={}/vectors.txt")
def vectors_are_not_trained(before: Run, after: Run) -> None:
    assert 0 < vector_of_the(before).sub(0.5).abs().max() < 0.2
    assert vector_of_the(after).tolist() == [0.5] * 8


@effect("model.nonlinearity=relu", "model.cell=rnn")
def the_cell_has_that_nonlinearity(before: Run, after: Run) -> None:
    for run, nonlinearity in ((before, "tanh"), (after, "relu")):
        modules = [module for module in run.model.modules() if isinstance(module, RNN)]
        assert [module.nonlinearity for module in modules] == [nonlinearity] * 2
    other_weights(before, after)


@effect("model.dropout=0")
def only_embeddings_are_dropped(before: Run, after: Run) -> None:
    assert dropout(before) == {"embedding.dropout": 0.5, "encoder.dropout": 0.5, "head.0": 0.5}
    assert dropout(after) == {"embedding.dropout": 0.5, "encoder.dropout": 0.0, "head.0": 0.0}
    other_weights(before, after)


@effect("model.embedding_dropout=0")
def embeddings_are_not_dropped(before: Run, after: Run) -> None:
    assert dropout(after) == {**dropout(before), "embedding.dropout": 0.0}
    other_weights(before, after)


def dropout(run: Run) -> dict[str, float]:
    modules = {name.removeprefix("networks.0."): module for name, module in run.model.named_modules()}
    return {name: module.p for name, module in modules.items() if isinstance(module, Dropout)}


def gates_and_inputs(run: Run) -> tuple[int, ...]:
    return run.shapes["encoder.layers.0.0.weight_ih_l0"]


def cells(run: Run) -> int:
    return sum("weight_ih" in name for name in run.shapes)


def vector_of_the(run: Run) -> torch.Tensor:
    return run.weights["embedding.table.weight"][run.lines("vocab.txt").index("the")]
