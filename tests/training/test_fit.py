"""Choosing the best epoch and stopping early."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch

from tests.training.test_loop import BagOfWords, corpus
from textrnn.errors import NotFiniteError, TextRNNError
from textrnn.linear.mixture import Decision
from textrnn.training.decision import Scores
from textrnn.training.events import Evaluation
from textrnn.training.fit import fit
from textrnn.training.objectives import cross_entropy, plain
from textrnn.training.state import TrainingState


def scores(accuracy: float, loss: float = 1.0, macro_f1: float = 0.5) -> Scores:
    together = {"accuracy": accuracy, "loss": loss, "macro_f1": macro_f1}
    return Scores(together, together, None, Decision())


def evaluations(
    scripted: list[Scores] | Callable[[], Scores] | None,
    state: TrainingState | None = None,
    *,
    epochs: int = 3,
    rate: Callable[[int], float] = lambda step: 0.1 * step,
    **options,
) -> list[Evaluation]:
    """Those of a training whose scores on dev are scripted, one for each evaluation, or computed by a function."""
    network = BagOfWords()
    evaluate = (lambda: scripted.pop(0)) if isinstance(scripted, list) else scripted
    events = fit(
        network, corpus(), state or TrainingState(), objective=plain(cross_entropy()),
        optimizer=torch.optim.SGD(network.parameters(), lr=1.0), learning_rate=rate, batch_size=4,
        device=torch.device("cpu"), epochs=epochs, evaluate=evaluate, **options,
    )  # fmt: skip
    return [event for event in events if isinstance(event, Evaluation)]


def test_training_stops_when_patience_runs_out() -> None:
    scripted = [scores(0.5), scores(0.7), scores(0.7), scores(0.6), scores(0.9)]
    state = TrainingState()
    found = evaluations(scripted, state, epochs=9, patience=2, monitor="dev_accuracy")
    assert [each.stopped_early for each in found] == [False, False, False, True]
    assert len(scripted) == 1
    assert state.finished
    assert (state.best, state.best_epoch) == (0.7, 2)
    assert evaluations(scripted, state, epochs=20, patience=2) == []


@pytest.mark.parametrize(
    ("monitor", "best"),
    [("dev_accuracy", [True, False, True]), ("dev_loss", [True, True, False]), ("dev_macro_f1", [True, False, False])],
)
def test_the_best_is_decided_by_the_monitored_score(monitor: str, best: list[bool]) -> None:
    scripted = [scores(0.5, loss=2.0, macro_f1=0.4), scores(0.4, 1.0, 0.3), scores(0.6, loss=3.0, macro_f1=0.4)]
    assert [each.is_best for each in evaluations(scripted, monitor=monitor)] == best


def test_of_equal_scores_the_lower_loss_is_better() -> None:
    scripted = [scores(0.5, loss=2.0), scores(0.5, loss=1.0), scores(0.5, loss=1.5)]
    assert [each.is_best for each in evaluations(scripted)] == [True, True, False]


def test_without_dev_the_last_epoch_is_the_best() -> None:
    found = evaluations(None)
    assert [each.is_best for each in found] == [True, True, True]
    assert found[0].dev_loss is found[0].dev_accuracy is found[0].dev_macro_f1 is None


def test_an_evaluation_sums_up_its_own_epoch() -> None:
    first, second = evaluations([scores(0.5)] * 2, epochs=2)
    assert (first.epoch, first.step, second.epoch, second.step) == (1, 3, 2, 6)
    assert (first.learning_rate, second.learning_rate) == pytest.approx((0.3, 0.6))
    assert second.train_loss < first.train_loss == pytest.approx(math.log(2), abs=0.01)
    assert first.clipped == 0.0 < first.grad_norm_mean <= first.grad_norm_max


def test_an_interrupted_evaluation_is_repeated() -> None:
    state = TrainingState()
    with pytest.raises(IndexError):
        evaluations([], state)
    assert (state.step, state.pending_evaluation) == (3, True)
    found = evaluations([scores(0.5)] * 3, TrainingState(**state.progress()))
    assert [each.epoch for each in found] == [1, 2, 3]
    assert found[0].step == 3


def test_a_score_that_is_not_finite_stops_training() -> None:
    with pytest.raises(TextRNNError, match="dev_loss is not finite after epoch 2"):
        evaluations([scores(0.5), scores(0.5, loss=math.nan)], monitor="dev_loss")


@pytest.mark.parametrize("monitor", ["dev_accuracy", "dev_macro_f1", "dev_loss"])
@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_dev_loss_that_is_not_finite_stops_training_whatever_is_monitored(monitor: str, loss: float) -> None:
    state = TrainingState()
    with pytest.raises(TextRNNError, match="dev_loss is not finite after epoch 2; try a lower train.learning_rate"):
        evaluations([scores(0.5), scores(0.9, loss=loss)], state, monitor=monitor)
    assert state.best_epoch == 1


def test_logits_that_are_not_finite_stop_training_and_the_epoch_is_named() -> None:
    def evaluate() -> Scores:
        raise NotFiniteError("the logits are not finite")

    with pytest.raises(TextRNNError, match="training stopped: after epoch 1 the logits are not finite"):
        evaluations(evaluate)


def test_weights_that_are_not_finite_stop_training_without_dev_too() -> None:
    message = "table.weight is not finite at epoch 1, step 3; try a lower train.learning_rate"
    with pytest.raises(TextRNNError, match=message):
        evaluations(None, rate=lambda step: math.inf if step == 3 else 0.1)
