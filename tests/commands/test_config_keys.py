"""No dead keys: each key of the config changes what it says it changes, seen from outside."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import RNN

from tests.commands.effects import EFFECTS, Run, Seen, effect, write_corpora
from tests.conftest import PLAIN, Cli, sets
from textrnn.config import known_keys
from textrnn.models.dropout import Dropout
from textrnn.training import recorder

# 36 training and 4 dev texts in batches of 9: four steps an epoch.
BASE = [
    *PLAIN, "model.embedding_dim=8", "model.hidden_size=8", "train.epochs=2", "train.batch_size=9",
    "vocab.min_count=1",
    "train.learning_rate=0.01",
]  # fmt: skip
FAST = [
    "train.epochs=8",
    "train.learning_rate=0.03",
    "train.patience=null",
    "model.dropout=0",
    "model.embedding_dropout=0",
]


@pytest.fixture(scope="module")
def runs() -> dict[str, Run]:
    """Runs by their settings, so that those in common are made once."""
    return {}


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpora")
    write_corpora(folder)
    return folder


@pytest.fixture
def train(cli: Cli, corpora: Path, runs: dict, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Run]:
    """`train("model.cell=lstm")` trains with BASE and these settings, once. {} is the folder of the texts."""

    def make(*settings: str) -> Run:
        name = "|".join(settings)
        if name not in runs:
            saves: list[Any] = []
            save_state = recorder.save_state
            with monkeypatch.context() as patch:
                patch.setattr(recorder, "save_state", lambda *a: (saves.append(a[0]), save_state(*a)))
                patch.setattr(recorder, "plot_curves", lambda *a: None)
                chosen = ["data.train={}/train.tsv", "data.cache_dir={}/cache", *BASE, *settings]
                options = sets(*(item.replace("{}", str(corpora)) for item in chosen))
                folder = corpora / f"run{len(runs)}"
                result = cli("train", *options, "--run-dir", folder)
            tf32 = {torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32}
            runs[name] = Run(folder, result.code, result.err, len(saves), tf32=tf32 == {True})
        return runs[name]

    return make


def total(run: Run) -> int:
    return run.count("train") + run.count("dev")


@effect("data.train={}/other.tsv")
def that_file_is_read(before: Run, after: Run) -> None:
    assert (total(before), total(after)) == (40, 39)


@effect("data.dev={}/dev.tsv")
def that_file_is_dev_and_none_is_held_out(before: Run, after: Run) -> None:
    assert (after.count("train"), after.count("dev")) == (40, 12)


@effect("data.test={}/dev.tsv")
def that_file_is_test(before: Run, after: Run) -> None:
    assert (before.count("test"), after.count("test")) == (0, 12)


@effect("data.dev_fraction=0.5")
def that_share_is_held_out(before: Run, after: Run) -> None:
    assert (before.count("dev"), after.count("dev")) == (3, 19)


@effect("data.format=tsv", "data.train={}/fasttext.txt")
def fasttext_prefix_becomes_part_of_the_label(before: Run, after: Run) -> None:
    assert after.lines("labels.txt") == [f"__label__{label}" for label in before.lines("labels.txt")]


@effect("data.text_column=2", "data.train={}/columns.tsv")
def words_of_the_other_column_are_not_read(before: Run, after: Run) -> None:
    assert any(re.fullmatch(r"t\d+", token) for token in before.vocab)
    assert not any(re.fullmatch(r"t\d+", token) for token in after.vocab)


@effect("data.label_column=1", "data.train={}/columns.tsv", "data.text_column=2")
def labels_come_from_that_column(before: Run, after: Run) -> None:
    assert before.lines("labels.txt") == ["food", "sport", "travel"]
    assert set(after.lines("labels.txt")) == {f"t{at}" for at in range(40)}


@effect("data.label_names={}/names.txt", "data.train={}/ids.tsv", "data.text_column=0", "data.label_column=1")
def ids_become_names_in_their_order(before: Run, after: Run) -> None:
    assert before.lines("labels.txt") == ["0", "1", "2"]
    assert after.lines("labels.txt") == ["Essen", "Sport", "Reise"]


@effect("data.encoding=cp1251", "data.train={}/bytes.tsv", "data.encoding=latin-1")
def bytes_are_read_so(before: Run, after: Run) -> None:
    assert "salé" in before.vocab and "salй" in after.vocab


@effect("data.max_length=2")
def the_rest_of_a_text_is_not_read(before: Run, after: Run) -> None:
    assert after.vocab < before.vocab
    assert "are cut at data.max_length 2" in after.log


@effect("data.bad_rows=skip", "data.train={}/bad.tsv")
def a_bad_row_stops_nothing(before: Run, after: Run) -> None:
    assert (before.code, after.code, total(after)) == (1, 0, 40)


@effect("data.cache_dir={}/elsewhere")
def the_tokenized_corpus_goes_there(before: Run, after: Run) -> None:
    assert list((after.folder.parent / "elsewhere").glob("*/tokens.bin"))


@effect("tokenizer.kind=whitespace")
def tokens_are_what_stands_between_spaces(before: Run, after: Run) -> None:
    assert "stop-now" not in before.vocab and "stop-now" in after.vocab


@effect("tokenizer.lowercase=false")
def capitals_are_kept(before: Run, after: Run) -> None:
    assert "stadium" in before.vocab and "Stadium" in after.vocab


@effect("tokenizer.normalize=false")
def full_width_letters_are_kept(before: Run, after: Run) -> None:
    assert "ticket" in before.vocab and "ｔｉｃｋｅｔ" in after.vocab


@effect("tokenizer.user_dict={}/user_dict.txt", "tokenizer.kind=jieba")
def its_words_are_tokens_and_go_with_the_model(before: Run, after: Run) -> None:
    assert "云计算平台" not in before.vocab and "云计算平台" in after.vocab
    assert after.lines("user_dict.txt") == ["云计算平台"]


@effect("vocab.min_count=2")
def rare_tokens_are_left_out(before: Run, after: Run) -> None:
    assert any(map(str.isdigit, before.vocab)) and not any(map(str.isdigit, after.vocab))  # each stands once


@effect("vocab.max_size=10")
def the_vocabulary_has_no_more_entries(before: Run, after: Run) -> None:
    assert len(after.lines("vocab.txt")) == 10 < len(before.lines("vocab.txt"))


@effect("model.architecture=rcnn")
@effect("model.pooling=attention")
@effect("model.ngrams=2")
@effect("model.linear_ngrams=2")
def there_are_other_tensors(before: Run, after: Run) -> None:
    assert set(after.shapes) - set(before.shapes)


@effect("model.cell=lstm")
def there_are_four_gates_for_three(before: Run, after: Run) -> None:
    assert gates_and_inputs(before) == (3 * 8, 8) and gates_and_inputs(after) == (4 * 8, 8)


@effect("model.embedding_dim=6")
def vectors_have_that_size(before: Run, after: Run) -> None:
    assert gates_and_inputs(after) == (3 * 8, 6)
    assert after.shapes["embedding.table.weight"] == (len(after.vocab), 6)


@effect("model.ngram_buckets=10", "model.ngrams=2")
def the_table_of_ngrams_has_that_many_rows(before: Run, after: Run) -> None:
    assert after.shapes["embedding.ngram_table.weight"] == (10, 8)


@effect("model.linear_buckets=10", "model.linear_ngrams=2")
def the_linear_paths_table_has_that_many_rows_and_one_for_padding(before: Run, after: Run) -> None:
    assert after.shapes["linear.weight"] == (11, 3)


@effect("model.linear_scale=40", "model.linear_ngrams=2")
def the_same_training_is_judged_otherwise(before: Run, after: Run) -> None:
    assert [record["train_loss"] for record in before.history] == [record["train_loss"] for record in after.history]
    assert all(one["dev_loss"] != other["dev_loss"] for one, other in zip(before.history, after.history, strict=True))


@effect("model.attention_hops=2", "model.pooling=attention")
def the_second_hop_has_a_query_of_its_own(before: Run, after: Run) -> None:
    assert set(after.shapes) - set(before.shapes) == {"pooling.next_query.weight"}


@effect("model.hidden_size=12")
def states_have_that_size(before: Run, after: Run) -> None:
    assert gates_and_inputs(after) == (3 * 12, 8)


@effect("model.num_layers=2")
def there_are_twice_as_many_cells(before: Run, after: Run) -> None:
    assert (cells(before), cells(after)) == (2, 4)


@effect("model.bidirectional=false")
def there_is_one_direction(before: Run, after: Run) -> None:
    assert (cells(before), cells(after)) == (2, 1)


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
    cells = (
        [module.nonlinearity for module in run.model.modules() if isinstance(module, RNN)] for run in (before, after)
    )
    assert list(cells) == [["tanh"] * 2, ["relu"] * 2]
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


@effect("train.label_smoothing=0.5", *FAST)
def the_loss_stays_above_that_of_the_smoothed_targets(before: Run, after: Run) -> None:
    entropy = -(4 / 6 * math.log(4 / 6) + 2 * 1 / 6 * math.log(1 / 6))  # of three classes
    assert before.history[-1]["train_loss"] < entropy < after.history[-1]["train_loss"]


@effect("train.adversarial_norm=1.0", *FAST)
def the_gradient_is_that_of_two_losses(before: Run, after: Run) -> None:
    assert after.history[0]["grad_norm_mean"] > 1.5 * before.history[0]["grad_norm_mean"]


@effect("train.embedding_lr_multiplier=10", *FAST, "train.epochs=1")
def embeddings_move_further(before: Run, after: Run) -> None:
    assert vectors(after).std() > 2 * vectors(before).std()


@effect("train.class_weights=balanced", "data.train={}/uneven.tsv", *FAST)
def the_rare_class_weighs_as_much_as_the_others(before: Run, after: Run) -> None:
    bias = [run.weights["head.1.bias"] - run.weights["head.1.bias"].mean() for run in (before, after)]
    assert bias[0][0] < bias[1][0]  # food is rare


@effect("train.seed=2", "data.dev={}/dev.tsv")
@effect("train.precision=bfloat16")
def other_weights(before: Run, after: Run) -> None:
    assert before.shapes == after.shapes
    assert not any(torch.equal(before.weights[name], after.weights[name]) for name in before.weights)


@effect("train.batch_size=18")
@effect("train.accumulate=2")
def there_are_fewer_steps(before: Run, after: Run) -> None:
    assert [record["step"] for record in before.history] == [5, 10]
    assert [record["step"] for record in after.history] == [3, 6]


@effect("train.epochs=3")
def there_is_an_evaluation_more(before: Run, after: Run) -> None:
    assert (len(before.history), len(after.history)) == (2, 3)


@effect("train.learning_rate=0.02")
def the_rate_is_twice_as_high(before: Run, after: Run) -> None:
    assert rates(after) == pytest.approx([2 * rate for rate in rates(before)])


@effect("train.schedule=constant")
def the_rate_does_not_fall(before: Run, after: Run) -> None:
    assert rates(before)[1] < rates(before)[0] < 0.01 and rates(after) == [0.01, 0.01]


@effect("train.warmup=0.9")
def the_rate_rises_longer(before: Run, after: Run) -> None:
    assert rates(before)[0] > rates(before)[1] and rates(after)[0] < rates(after)[1]


@effect("train.weight_decay=10")
def weights_are_smaller(before: Run, after: Run) -> None:
    name = "encoder.layers.0.0.weight_hh_l0"
    assert after.weights[name].norm() < 0.8 * before.weights[name].norm()


@effect("train.grad_clip_norm=0.01")
def gradients_are_clipped(before: Run, after: Run) -> None:
    assert before.history[0]["clipped"] < 1 == after.history[0]["clipped"]
    other_weights(before, after)


@effect("train.monitor=dev_loss")
def the_kept_model_is_the_best_in_that_number(before: Run, after: Run) -> None:
    assert f"dev_accuracy {max(line['dev_accuracy'] for line in before.history):.4f}; evaluate it" in before.log
    assert f"dev_loss {min(line['dev_loss'] for line in after.history):.4f}; evaluate it" in after.log


@effect("train.patience=1", "train.learning_rate=1e-9", "train.epochs=4")
def training_stops_at_the_first_evaluation_that_is_no_better(before: Run, after: Run) -> None:
    assert (len(before.history), len(after.history)) == (4, 2)


@effect("train.tf32=true")
def products_on_a_gpu_may_be_rounded(before: Run, after: Run) -> None:
    assert (before.tf32, after.tf32) == (False, True)
    assert "train.tf32" not in before.log and "no effect: a CPU has no TF32 units" in after.log


@effect("train.save_minutes=1e-9")
def the_state_is_saved_after_each_step(before: Run, after: Run) -> None:
    assert (before.states_saved, after.states_saved) == (2, 12)  # and before each evaluation


def dropout(run: Run) -> dict[str, float]:
    return {name: module.p for name, module in run.model.named_modules() if isinstance(module, Dropout)}


def vectors(run: Run) -> torch.Tensor:
    """Those of real tokens."""
    return run.weights["embedding.table.weight"][2:]


def gates_and_inputs(run: Run) -> tuple[int, ...]:
    return run.shapes["encoder.layers.0.0.weight_ih_l0"]


def cells(run: Run) -> int:
    return sum("weight_ih" in name for name in run.shapes)


def vector_of_the(run: Run) -> torch.Tensor:
    return run.weights["embedding.table.weight"][run.lines("vocab.txt").index("the")]


def rates(run: Run) -> list[float]:
    return [record["learning_rate"] for record in run.history]


@pytest.mark.parametrize(("setting", "context", "seen"), EFFECTS)
def test_each_key_has_its_effect(setting: str, context: tuple[str, ...], seen: Seen, train: Callable) -> None:
    before, after = train(*context), train(*context, setting)
    assert after.code == 0, after.log
    seen(before, after)


def test_no_key_is_without_a_test() -> None:
    assert {param.values[0].split("=")[0] for param in EFFECTS} == set(known_keys())


def test_the_config_of_a_run_gives_the_same_weights_again_from_anywhere(train: Callable, cli: Cli) -> None:
    run = train()
    result = cli("train", "--config", run.folder / "config.yaml", "--run-dir", "again")
    assert (result.code, result.out) == (0, "again\n")
    weights = Path("model/model.safetensors")
    assert ("again" / weights).read_bytes() == (run.folder / weights).read_bytes()
