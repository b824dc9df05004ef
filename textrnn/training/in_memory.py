"""Training that keeps the best weights in memory and writes nothing."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch

from textrnn.config import Config, TrainConfig
from textrnn.corpus.splits import Splits
from textrnn.errors import TextRNNError
from textrnn.inference import compute_logits
from textrnn.linear.mixture import Decision
from textrnn.linear.model import LinearModel
from textrnn.models.network import Ensemble, Network
from textrnn.runtime.distributed import world_size
from textrnn.runtime.progress import bar
from textrnn.texts.transform import EncodedTexts
from textrnn.training.best import EQUAL_PARTS
from textrnn.training.build import build_class_weights, build_fit, build_sizes, total_steps
from textrnn.training.closing import judge_all
from textrnn.training.decision import Scores, judge
from textrnn.training.events import Evaluation, Step, summing_up
from textrnn.training.linear import Fitted, RawTexts, fit_linear_of
from textrnn.training.plan import NetworkBuilder, Part, plan
from textrnn.training.precision import bfloat16_agreement
from textrnn.training.state import TrainingState, flush_metrics

FLUSH_STEPS = 100  # between reads of the losses, which wait for the GPU and detect NaN


class Trained(NamedTuple):
    """history: as the lines of history.jsonl. linear: None without a linear model. bfloat16_agreement: see
    `training.precision`. warning: about a part that is weak, or None."""

    networks: Ensemble
    linear: LinearModel | None
    decision: Decision
    history: list[dict[str, Any]]
    bfloat16_agreement: float | None
    warning: str | None


def train_in_memory(config: Config, splits: Splits, texts: RawTexts, *, device: torch.device) -> Trained:
    """What `textrnn train` does, without a folder. texts: those that `splits` was made of. Raises TextRNNError as
    `fit` does."""
    if world_size() > 1:
        raise TextRNNError("in-memory training runs in one process: start it without torchrun")
    settings, classes, mix = config.train, len(splits.labels), config.model.linear == "mix"
    parts = plan(splits, settings.seed)
    builder = NetworkBuilder(config, splits, pretrained=None)
    fitted: Fitted | None = fit_linear_of(config, splits, texts)
    margins = None if fitted is None else fitted.margins
    networks, history, by_part = [], [], []
    for number, part in enumerate(parts, start=1):
        network = builder.build(part.seed, device)
        evaluations = train_network(settings, network, part, part.own(margins), classes, mix=mix, device=device)
        fold = {"fold": number} if len(parts) > 1 else {}
        history += [fold | evaluation.record() for evaluation in evaluations]
        if part.held_out is not None and part.held_out_rows is not None:
            by_part.append((part.held_out_rows, compute_logits(network, part.held_out, device=device)))
        networks.append(network)
    decision, warning = EQUAL_PARTS if fitted is not None and mix else Decision(), None
    if splits.held_out is not None:
        scores, _ = judge_all(by_part, margins, np.asarray(splits.held_out.texts.labels), mix=mix)
        if len(parts) > 1:
            history.append(summing_up(history, scores))
        decision, warning = scores.decision, scores.warning
    agreement = bfloat16_agreement(networks, parts, margins if mix else None, decision, device=device)
    linear = None if fitted is None else fitted.model
    return Trained(Ensemble(networks), linear, decision, history, agreement, warning)


def train_network(
    settings: TrainConfig, network: Network, part: Part, margins: np.ndarray | None, num_classes: int, *, mix: bool,
    device: torch.device,
) -> list[Evaluation]:  # fmt: skip
    """Train a network that is on `device` and leave the best weights in it."""

    def scores(texts: EncodedTexts) -> Scores:
        linear = None if margins is None else torch.from_numpy(margins)
        return judge(compute_logits(network, texts, device=device), linear, np.asarray(texts.labels), mix=mix)

    state = TrainingState()
    sizes = build_sizes(settings, part.smallest)
    _, events = build_fit(
        settings, network, part.train, state, sizes=sizes, seed=part.seed, device=device,
        class_weights=build_class_weights(settings, part.train, num_classes),
        evaluate=None if part.held_out is None else partial(scores, part.held_out),
    )  # fmt: skip
    evaluations, best = [], {}
    with bar("training", total=total_steps(settings, sizes, len(part.train)), unit="step") as shown:
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
