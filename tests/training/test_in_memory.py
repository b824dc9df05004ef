from __future__ import annotations

import numpy as np
import pytest
import torch

from textrnn.config import ModelConfig, TrainConfig
from textrnn.errors import TextRNNError
from textrnn.linear.mixture import Decision
from textrnn.models.build import build_network
from textrnn.texts.transform import EncodedTexts
from textrnn.training import in_memory
from textrnn.training.decision import Scores
from textrnn.training.in_memory import train_network
from textrnn.training.plan import Part

CPU = torch.device("cpu")
SETTINGS = TrainConfig(epochs=3, batch_size=4, learning_rate=0.1)


def texts(count: int = 12) -> EncodedTexts:
    tokens = np.arange(2 * count, dtype=np.int32) % 7 + 2
    return EncodedTexts(tokens, 2 * np.arange(count), np.full(count, 2), np.arange(count) % 2)


def model() -> torch.nn.Module:
    config = ModelConfig(embedding_dim=4, hidden_size=4, ngrams=1, linear="none")
    return build_network(config, vocab_size=9, num_classes=2)


def test_the_best_weights_are_left_in_the_model_without_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    scripted, states, trained = [0.9, 0.5, 0.6], [], model()

    def judged(*_: object, **options: object) -> Scores:
        states.append({name: tensor.clone() for name, tensor in trained.state_dict().items()})
        together = {"accuracy": 0.5, "loss": scripted.pop(0), "macro_f1": 0.5}
        return Scores(together, together, None, Decision())

    monkeypatch.setattr(in_memory, "judge", judged)
    part = Part(1, texts(), texts(4), np.arange(4), 12)
    evaluations = train_network(SETTINGS, trained, part, None, 2, mix=False, device=CPU)
    assert [each.is_best for each in evaluations] == [True, True, False]
    left = trained.state_dict()
    equal = [all(torch.equal(tensor, left[name]) for name, tensor in state.items()) for state in states]
    assert equal == [False, True, False]
    assert all(parameter.grad is None for parameter in trained.parameters())


def test_what_is_not_finite_is_noticed_within_an_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_memory, "FLUSH_STEPS", 2)
    settings = TrainConfig(epochs=1, batch_size=1, learning_rate=1e30, grad_clip_norm=None)
    with pytest.raises(TextRNNError, match=r"not finite at epoch 1, step [1-6];"):
        train_network(settings, model(), Part(1, texts(50), None, None, 50), None, 2, mix=False, device=CPU)
