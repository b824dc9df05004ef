"""A training of a few steps."""

from __future__ import annotations

import math
from copy import deepcopy
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
import torch

from textrnn.config import ModelConfig, TrainConfig
from textrnn.gradients.train import Course, train_briefly
from textrnn.models.build import build_network
from textrnn.texts.transform import EncodedTexts


def texts(count: int) -> EncodedTexts:
    tokens = np.arange(2 * count, dtype=np.int32) % 7 + 2
    return EncodedTexts(tokens, 2 * np.arange(count), np.full(count, 2), np.arange(count) % 2)


def model() -> torch.nn.Module:
    config = ModelConfig(embedding_dim=4, hidden_size=4, ngrams=1, linear="none")
    return build_network(config, vocab_size=9, num_classes=2)


def course(network: torch.nn.Module, *, steps: int, count: int = 12, **settings: object) -> tuple[Course, int]:
    """The course of a training on `count` texts of two classes, and the number of calls after a step."""
    config = TrainConfig.model_validate({"batch_size": 4, "adversarial_norm": None, **settings})
    after_step = Mock()
    options: dict[str, Any] = {"steps": steps, "num_classes": 2, "seed": 3, "after_step": after_step}
    return train_briefly(config, network, texts(count), **options), after_step.call_count


@pytest.mark.parametrize("count", [5, 12, 400], ids=["less-than-two-batches", "several-epochs", "part-of-an-epoch"])
def test_it_takes_as_many_steps_as_asked_for(count: int) -> None:
    found, called = course(model(), steps=7, count=count)
    assert (len(found.losses), len(found.norms), called, found.diverged_at) == (7, 7, 7, None)
    assert all(map(math.isfinite, [*found.losses, *found.norms]))


def test_its_norms_are_those_before_clipping_and_its_steps_change_the_weights() -> None:
    network = model()
    unclipped, before = deepcopy(network), network.state_dict()["head.1.weight"].clone()
    first, _ = course(network, steps=3, grad_clip_norm=1e-3)
    second, _ = course(unclipped, steps=3, grad_clip_norm=None)
    assert first.norms[0] == second.norms[0] > 1e-3
    assert not torch.equal(network.state_dict()["head.1.weight"], before)


def test_equal_weights_and_seeds_give_equal_courses() -> None:
    network = model()
    assert course(deepcopy(network), steps=5) == course(network, steps=5)


def test_a_training_that_diverges_names_the_step_and_keeps_what_was_finite_before() -> None:
    found, _ = course(model(), steps=9, learning_rate=1e38, grad_clip_norm=None)
    assert found.diverged_at is not None and 1 <= found.diverged_at <= 9
    assert all(map(math.isfinite, [*found.losses, *found.norms]))
    assert len(found.losses) <= found.diverged_at
