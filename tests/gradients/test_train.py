"""A training of a few steps."""

from __future__ import annotations

import math

import pytest
import torch

from tests.training.test_networks import model, texts
from textrnn.config import TrainConfig
from textrnn.gradients.train import Course, train_briefly


def course(network: torch.nn.Module, *, steps: int, count: int = 12, **settings: object) -> tuple[Course, int]:
    """What training on `count` texts of two classes says, and how often it called back."""
    config = TrainConfig.model_validate({"batch_size": 4, "adversarial_norm": None, **settings})
    called: list[None] = []
    found = train_briefly(
        config, network, texts(count), steps=steps, num_classes=2, seed=3, after_step=lambda: called.append(None)
    )
    return found, len(called)


@pytest.mark.parametrize("count", [5, 12, 400], ids=["less-than-two-batches", "several-epochs", "part-of-an-epoch"])
def test_it_takes_as_many_steps_as_asked_for(count: int) -> None:
    found, called = course(model(), steps=7, count=count)
    assert (len(found.losses), len(found.norms), called, found.diverged_at) == (7, 7, 7, None)
    assert all(map(math.isfinite, [*found.losses, *found.norms]))


def test_its_norms_are_those_before_clipping_and_its_steps_change_the_weights() -> None:
    clipped, unclipped = model(), model()
    unclipped.load_state_dict(clipped.state_dict())
    before = clipped.state_dict()["head.1.weight"].clone()
    found = [
        course(network, steps=3, grad_clip_norm=limit)[0] for network, limit in ((clipped, 1e-3), (unclipped, None))
    ]
    assert found[0].norms[0] == found[1].norms[0] > 1e-3
    assert not torch.equal(clipped.state_dict()["head.1.weight"], before)


def test_equal_weights_and_seeds_give_equal_courses() -> None:
    first, second = model(), model()
    second.load_state_dict(first.state_dict())
    assert course(first, steps=5) == course(second, steps=5)


def test_a_training_that_diverges_says_at_which_step_and_keeps_what_was_finite_before() -> None:
    found, _ = course(model(), steps=9, learning_rate=1e38, grad_clip_norm=None)
    assert found.diverged_at is not None and 1 <= found.diverged_at <= 9
    assert all(map(math.isfinite, [*found.losses, *found.norms]))
    assert len(found.losses) <= found.diverged_at
