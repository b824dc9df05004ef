from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import nn

from textrnn.errors import TextRNNError
from textrnn.texts.transform import EncodedTexts
from textrnn.training.events import Step
from textrnn.training.fit import fit
from textrnn.training.loop import epoch_steps, steps_per_epoch
from textrnn.training.objectives import cross_entropy, plain
from textrnn.training.state import TrainingState, flush_metrics


class BagOfWords(nn.Module):
    """Small enough to follow: a logit vector a token, averaged."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(10, 2, padding_idx=0)
        nn.init.zeros_(self.table.weight)

    def forward(self, token_ids: torch.Tensor, lengths: torch.Tensor, encode: object = None) -> torch.Tensor:
        return self.table(token_ids).sum(0) / lengths.unsqueeze(1)


def corpus(count: int = 10) -> EncodedTexts:
    tokens = np.arange(count) % 9 + 1
    return EncodedTexts(tokens, np.arange(count), np.ones(count, dtype=int), np.arange(count) % 2)


def run(model: nn.Module, state: TrainingState, texts: EncodedTexts, **changes) -> Iterator[Step]:
    """The steps of one epoch."""
    settings = {
        "objective": plain(cross_entropy()), "optimizer": torch.optim.SGD(model.parameters(), lr=1.0),
        "learning_rate": lambda step: 0.1, "batch_size": 4, "accumulate": 1, "seed": 1, "grad_clip_norm": None,
        "device": torch.device("cpu"), "precision": "float32",
    }  # fmt: skip
    return epoch_steps(model, texts, state, **{**settings, **changes})


def run_epochs(model: nn.Module, state: TrainingState, texts: EncodedTexts, epochs: int = 2) -> Iterator[Step]:
    events = fit(
        model, texts, state, objective=plain(cross_entropy()), optimizer=torch.optim.SGD(model.parameters(), lr=1.0),
        learning_rate=lambda step: 0.1, epochs=epochs, batch_size=4, device=torch.device("cpu"),
    )  # fmt: skip
    return (event for event in events if isinstance(event, Step))


def test_every_document_trains_once_an_epoch() -> None:
    state = TrainingState()
    documents, pending = zip(
        *[(step.documents, state.pending_evaluation) for step in run_epochs(BagOfWords(), state, corpus())], strict=True
    )
    assert sorted(documents) == [2, 2, 4, 4, 4, 4]
    assert pending == (False, False, True) * 2
    assert state.step == 6 == 2 * steps_per_epoch(10, 4, 1)


def test_the_first_loss_is_that_of_chance() -> None:
    step = next(run(BagOfWords(), TrainingState(), corpus()))
    assert float(step.loss) / step.documents == pytest.approx(math.log(2))


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
    for _ in run(BagOfWords(), often, corpus(20), grad_clip_norm=0.33):
        flush_metrics(often)
    list(run(BagOfWords(), once, corpus(20), grad_clip_norm=0.33))
    assert len(once.unflushed) == 5
    flush_metrics(once)
    assert {**once.progress(), "seconds": 0, "train_seconds": 0} == {
        **often.progress(), "seconds": 0, "train_seconds": 0
    }  # fmt: skip
    assert (once.documents, once.tokens, once.steps) == (20, 20, 5)
    assert 0 < once.clipped < 5


class Spoilt(BagOfWords):
    """Its answers, or else only the gradients of its weights, are no numbers from the third batch on."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self.what, self.batches = what, 0

    def forward(self, token_ids: torch.Tensor, lengths: torch.Tensor, encode: object = None) -> torch.Tensor:
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
    def forward(self, token_ids: torch.Tensor, lengths: torch.Tensor, encode: object = None) -> torch.Tensor:
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
    list(run_epochs(whole, TrainingState(), corpus()))
    state = TrainingState()
    steps = run_epochs(halved, state, corpus())
    for _ in range(4):
        next(steps)
    flush_metrics(state)
    assert (state.epoch, state.steps_in_epoch) == (2, 1)
    list(run_epochs(halved, TrainingState(**state.progress()), corpus()))
    assert torch.equal(whole.table.weight, halved.table.weight)
