"""Steps, evaluations, choosing the best epoch and stopping early."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from textrnn.errors import NotFiniteError, TextRNNError
from textrnn.linear.mixture import Mixture
from textrnn.texts.targets import Targets
from textrnn.texts.transform import EncodedTexts
from textrnn.training.decision import Scores
from textrnn.training.fit import FitSettings, fit
from textrnn.training.objectives import cross_entropy, plain
from textrnn.training.state import Evaluation, Step, TrainingState, flush_metrics


class BagOfWords(nn.Module):
    """Small enough to follow: a logit vector a token, averaged."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(10, 2, padding_idx=0)
        nn.init.zeros_(self.table.weight)

    def forward(self, token_ids: torch.Tensor, lengths: torch.Tensor, **_: object) -> torch.Tensor:
        return self.table(token_ids).sum(0) / lengths.unsqueeze(1)


def corpus(count: int = 10) -> EncodedTexts:
    tokens = np.arange(count) % 9 + 1
    return EncodedTexts(tokens, np.arange(count), np.ones(count, dtype=int), Targets(np.arange(count) % 2))


def events(
    model: nn.Module, state: TrainingState, texts: EncodedTexts, evaluate: Callable[[], Scores] | None, **changes: Any
) -> Iterator[Step | Evaluation]:
    keys = {"batch_size": 4, "epochs": 1, "learning_rate": lambda step: 0.1, "accumulate": 1, **changes}
    steps = math.ceil(len(texts) / (keys["batch_size"] * keys["accumulate"]))
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    settings = FitSettings(steps_per_epoch=steps, **keys)
    return fit(model, texts, plain(cross_entropy()), optimizer, state, settings, evaluate)


def run(model: nn.Module, state: TrainingState, texts: EncodedTexts, **changes: Any) -> Iterator[Step]:
    """The steps of one epoch, or of more."""
    return (event for event in events(model, state, texts, None, **changes) if isinstance(event, Step))


def test_every_document_trains_once_an_epoch() -> None:
    state = TrainingState()
    steps = [(step.documents, state.pending_evaluation) for step in run(BagOfWords(), state, corpus(), epochs=2)]
    assert sorted(documents for documents, _ in steps) == [2, 2, 4, 4, 4, 4]
    assert [is_pending for _, is_pending in steps] == [False, False, True] * 2
    assert state.step == 6


def test_accumulated_batches_make_the_step_of_one_large_batch() -> None:
    large, small = BagOfWords(), BagOfWords()
    next(run(large, TrainingState(), corpus(), batch_size=10))
    step = next(run(small, TrainingState(), corpus(), batch_size=3, accumulate=4))
    assert step.documents == 10
    assert torch.allclose(large.table.weight, small.table.weight, atol=1e-7)


def test_clipping_bounds_the_step_and_reports_the_norm_before() -> None:
    model, state = BagOfWords(), TrainingState()
    step = next(run(model, state, corpus(), grad_clip_norm=1e-3))
    flush_metrics(state)
    assert state.grad_norm_max == float(step.grad_norm) > 1e-3
    assert float(model.table.weight.detach().norm()) == pytest.approx(0.1 * 1e-3, rel=1e-3)
    assert state.clipped == 1


def test_sums_do_not_depend_on_how_often_they_are_flushed() -> None:
    often, once = TrainingState(), TrainingState()
    for state, is_flushed in ((often, True), (once, False)):
        steps = run(BagOfWords(), state, corpus(20), grad_clip_norm=0.33)
        for _ in range(5):
            next(steps)
            if is_flushed:
                flush_metrics(state)
    assert len(once.unflushed) == 5
    flush_metrics(once)
    timeless = {"seconds": 0, "train_seconds": 0}
    assert once.progress() | timeless == often.progress() | timeless
    assert (once.documents, once.tokens, once.steps) == (20, 20, 5)
    assert 0 < once.clipped < 5


class Spoilt(BagOfWords):
    """Its answers, or else only the gradients of its weights, are no numbers from the third batch on."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self.what, self.batches = what, 0

    def forward(self, token_ids: torch.Tensor, lengths: torch.Tensor, **_: object) -> torch.Tensor:
        self.batches += 1
        logits = super().forward(token_ids, lengths)
        if self.batches < 3:
            return logits
        # the square root's gradient at 0 is infinite, and times 0 no number
        return logits * math.nan if self.what == "loss" else logits + 0 * (logits.detach() - logits).abs().sqrt()


@pytest.mark.parametrize("what", ["loss", "gradient"])
def test_what_is_not_finite_stops_with_the_epoch_and_the_first_such_step(what: str) -> None:
    state = TrainingState()
    steps = run(Spoilt(what), state, corpus(20))
    for _ in range(5):
        next(steps)
    with pytest.raises(TextRNNError, match=f"the {what} is not finite at epoch 1, step 3"):
        flush_metrics(state)


class Noise(BagOfWords):
    def forward(self, token_ids: torch.Tensor, lengths: torch.Tensor, **_: object) -> torch.Tensor:
        self.drawn = torch.rand(2)
        return super().forward(token_ids, lengths) + self.drawn


def test_what_a_step_draws_depends_on_seed_and_step_alone() -> None:
    def drawn(seed: int, begin_at: int) -> list[tuple[float, ...]]:
        model, state = Noise(), TrainingState(step=begin_at, steps_in_epoch=begin_at)
        torch.manual_seed(begin_at)  # whatever was drawn before
        return [tuple(model.drawn.tolist()) for _ in run(model, state, corpus(), seed=seed)]

    assert drawn(1, 0)[1:] == drawn(1, 1)
    assert len({*drawn(1, 0), *drawn(2, 0)}) == 6


def test_a_state_goes_on_in_the_middle_of_an_epoch() -> None:
    whole, halved = BagOfWords(), BagOfWords()
    list(run(whole, TrainingState(), corpus(), epochs=2))
    state = TrainingState()
    steps = run(halved, state, corpus(), epochs=2)
    for _ in range(4):
        next(steps)
    flush_metrics(state)
    assert (state.epoch, state.steps_in_epoch) == (2, 1)
    list(run(halved, TrainingState(**state.progress()), corpus(), epochs=2))
    assert torch.equal(whole.table.weight, halved.table.weight)


def scores(accuracy: float, loss: float = 1.0, macro_f1: float = 0.5) -> Scores:
    together = {"accuracy": accuracy, "loss": loss, "macro_f1": macro_f1}
    return Scores(together, together, None, Mixture())


def evaluations(
    scripted: list[Scores] | Callable[[], Scores] | None, state: TrainingState | None = None, **changes: Any
) -> list[Evaluation]:
    """The evaluations of a training whose scores on dev are scripted, or computed by a function."""
    evaluate = (lambda: scripted.pop(0)) if isinstance(scripted, list) else scripted
    changes = {"epochs": 3, "learning_rate": lambda step: 0.1 * step} | changes
    training = events(BagOfWords(), state or TrainingState(), corpus(), evaluate, **changes)
    return [event for event in training if isinstance(event, Evaluation)]


def test_training_stops_when_patience_runs_out() -> None:
    scripted = [scores(0.5), scores(0.7), scores(0.7), scores(0.6), scores(0.9)]
    state = TrainingState()
    before = evaluations(scripted, state, epochs=9, patience=2, monitor="dev_accuracy")
    assert [evaluation.stopped_early for evaluation in before] == [False, False, False, True]
    assert len(scripted) == 1
    assert state.finished
    assert (state.best, state.best_epoch) == (0.7, 2)
    assert evaluations(scripted, state, epochs=20, patience=2) == []


MIXED = [scores(0.5, 2.0, 0.4), scores(0.4, 1.0, 0.3), scores(0.6, 3.0, 0.4)]
EQUAL = [scores(0.5, loss=2.0), scores(0.5, loss=1.0), scores(0.5, loss=1.5)]


@pytest.mark.parametrize(
    ("monitor", "scripted", "best"),
    [
        ("dev_accuracy", MIXED, [True, False, True]),
        ("dev_loss", MIXED, [True, True, False]),
        ("dev_macro_f1", MIXED, [True, False, False]),
        ("dev_accuracy", EQUAL, [True, True, False]),
    ],
)
def test_the_monitored_score_decides_and_of_equal_ones_the_lower_loss(
    monitor: str, scripted: list[Scores], best: list[bool]
) -> None:
    assert [evaluation.is_best for evaluation in evaluations([*scripted], monitor=monitor)] == best


def test_without_dev_the_last_epoch_is_the_best() -> None:
    all_epochs = evaluations(None)
    assert [evaluation.is_best for evaluation in all_epochs] == [True, True, True]
    record = all_epochs[0].record()
    assert record["dev_loss"] is record["dev_accuracy"] is record["dev_macro_f1"] is None


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
    repeated = evaluations([scores(0.5)] * 3, TrainingState(**state.progress()))
    assert [(evaluation.epoch, evaluation.step) for evaluation in repeated] == [(1, 3), (2, 6), (3, 9)]


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


def test_weights_that_are_not_finite_stop_training_even_without_dev() -> None:
    message = "table.weight is not finite at epoch 1, step 3; try a lower train.learning_rate"
    with pytest.raises(TextRNNError, match=message):
        evaluations(None, learning_rate=lambda step: math.inf if step == 3 else 0.1)
