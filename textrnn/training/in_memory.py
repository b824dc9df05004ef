"""Training that keeps the best weights in memory and writes nothing."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from textrnn.config import TrainConfig
from textrnn.data.transform import EncodedTexts
from textrnn.errors import TextRNNError
from textrnn.evaluation.metrics import summary
from textrnn.inference import compute_logits
from textrnn.models.build import network_of
from textrnn.runtime.distributed import world_size
from textrnn.runtime.progress import bar
from textrnn.training.build import build_class_weights, build_fit, total_steps
from textrnn.training.events import Evaluation, Step
from textrnn.training.fit import Scores
from textrnn.training.linear import fit_linear_path
from textrnn.training.state import TrainingState, flush_metrics

FLUSH_STEPS = 100  # after which losses are looked at: a GPU is waited for, and NaN is noticed


def train_in_memory(
    settings: TrainConfig,
    model: nn.Module,
    texts: EncodedTexts,
    dev: EncodedTexts | None,
    num_classes: int,
    *,
    device: torch.device,
) -> list[Evaluation]:
    """Train a model that is on `device` and leave the best weights in it. Raises TextRNNError as `fit` does."""

    def scores(dev: EncodedTexts) -> Scores:
        return summary(compute_logits(model, dev, device=device), np.asarray(dev.labels))

    if world_size() > 1:
        raise TextRNNError("in-memory training runs in one process: start it without torchrun")
    state = TrainingState()
    class_weights = build_class_weights(settings, texts, num_classes)
    _, events = build_fit(
        settings, model, texts, state, class_weights=class_weights, device=device,
        evaluate=None if dev is None else lambda: scores(dev),
    )  # fmt: skip
    fit_linear_path(model, texts, seed=settings.seed, class_weights=class_weights, device=device)
    network, evaluations, best = network_of(model), [], {}
    with bar("training", total=total_steps(settings, len(texts)), unit="step") as shown:
        for event in events:
            if isinstance(event, Step):
                shown.update()
                if len(state.unflushed) == FLUSH_STEPS:
                    flush_metrics(state)
                continue
            evaluations.append(event)
            if event.is_best:
                best = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    network.load_state_dict(best)
    network.zero_grad()  # frees the last gradients
    return evaluations
