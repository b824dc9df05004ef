"""What the keys of train change."""

from __future__ import annotations

import math

import pytest
import torch

from tests.commands.effects import Run, effect, other_weights

# dropout off and a high rate: a few steps show what a key does
FAST = [
    "train.epochs=8", "train.learning_rate=0.03", "train.patience=null", "model.dropout=0", "model.embedding_dropout=0",
]  # fmt: skip

effect("train.seed=2", "data.dev={}/dev.tsv")(other_weights)
effect("train.precision=bfloat16")(other_weights)


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
@effect("train.class_weights={food: 9}", "data.train={}/uneven.tsv", *FAST)
def the_rare_class_weighs_as_much_as_the_others(before: Run, after: Run) -> None:
    bias = [run.weights["head.1.bias"] - run.weights["head.1.bias"].mean() for run in (before, after)]
    assert bias[0][0] < bias[1][0]  # food is rare


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


@effect("train.monitor=dev_accuracy")
def the_kept_model_is_the_best_in_that_number(before: Run, after: Run) -> None:
    assert f"dev_loss {min(line['dev_loss'] for line in before.history):.4f}\n" in before.log
    assert f"dev_accuracy {max(line['dev_accuracy'] for line in after.history):.4f}\n" in after.log


@effect("train.patience=1", "train.learning_rate=1e-9", "train.epochs=4")
def training_stops_at_the_first_evaluation_that_is_no_better(before: Run, after: Run) -> None:
    assert (len(before.history), len(after.history)) == (4, 2)


@effect("train.tf32=true")
def products_on_a_gpu_may_be_rounded(before: Run, after: Run) -> None:
    assert (before.tf32, after.tf32) == (False, True)
    assert "train.tf32" not in before.log and "no effect: a CPU has no TF32 units" in after.log


@effect("train.save_minutes=1e-9")
def the_state_is_saved_after_each_step(before: Run, after: Run) -> None:
    assert (before.states_saved, after.states_saved) == (3, 13)  # and at the start and before each evaluation


@effect("train.minutes=1e-9")
def time_is_up_after_one_step(before: Run, after: Run) -> None:
    assert [line["step"] for line in after.history] == [1] < [line["step"] for line in before.history]
    assert "epochs trained" in after.log and "epochs trained" not in before.log


@effect("train.tensorboard=true")
def there_are_files_of_tensorboard(before: Run, after: Run) -> None:
    assert not (before.folder / "tensorboard").exists()
    assert any((after.folder / "tensorboard").iterdir())


def vectors(run: Run) -> torch.Tensor:
    """Those of real tokens."""
    return run.weights["embedding.table.weight"][2:]


def rates(run: Run) -> list[float]:
    return [record["learning_rate"] for record in run.history]


@effect("train.folds=2")
def each_network_is_judged_on_the_texts_that_it_did_not_train_on(before: Run, after: Run) -> None:
    assert not any("fold" in record for record in before.history)
    assert [record.get("fold") for record in after.history] == [1, 1, 2, 2, None]
    assert any(name.startswith("networks.1.") for name in after.weights)
