"""The end of the training of a linear model without a network, after its fit: held-out scores and probabilities."""

from __future__ import annotations

import numpy as np
import torch

from textrnn.evaluation.metrics import summary
from textrnn.inference import predicted_classes
from textrnn.linear.mixture import Mixture
from textrnn.texts.targets import Targets
from textrnn.training.decision import Scores, is_chance, learn_temperature
from textrnn.training.keeper import EQUAL_PARTS
from textrnn.training.networks import Training


def finish_without_network(training: Training) -> None:
    """Score the linear model on the held-out texts, by the margins of models that were not fitted on them, and learn
    its temperature."""
    splits, keeper, margins = training.splits, training.keeper, training.margins
    if splits.held_out is None or margins is None:
        keeper.decision = EQUAL_PARTS.without_network()
        shares = np.asarray(splits.class_shares)
        keeper.end(None, None, None, training.statistics(shares, len(splits.train)))
        return
    assert splits.held_out.texts.targets is not None
    scores = score_linear(margins, splits.held_out.texts.targets)
    shares = np.bincount(predicted_classes(margins), minlength=len(splits.labels)) / len(margins)
    keeper.end(scores, None, None, training.statistics(shares, len(margins)))


def score_linear(margins: torch.Tensor, targets: Targets) -> Scores:
    """Scores of margins (n, classes) of held-out texts."""
    labels, decision = targets.classes, Mixture(weight=1.0, linear_temperature=learn_temperature(margins, targets))
    alone, warning = summary(decision.logits(None, margins), labels), None
    if is_chance(labels, predicted_classes(margins), margins.shape[1]):
        warning = f"the linear model (macro-F1 {alone['macro_f1']:.3f}) is no better than chance on held-out texts"
    return Scores(alone, None, alone, decision, warning)
