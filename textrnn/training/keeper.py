"""Keeps the results of training in memory. A `recorder.Recorder` also writes them into a run's folder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from textrnn.config import Config
from textrnn.corpus.splits import Splits
from textrnn.evaluation.drift import TextStatistics
from textrnn.linear.mixture import Mixture
from textrnn.linear.model import LinearModel
from textrnn.run.records import history_order
from textrnn.training.decision import Scores
from textrnn.training.fit import FitSettings
from textrnn.training.linear import MARGIN_SCALE, ReadTexts, Unlabelled, fit_linear
from textrnn.training.one_network import Weights
from textrnn.training.state import Evaluation, TrainingState, fold_summary, linear_record

# Used without held-out texts to learn from. The temperature of the linear model suits most corpora.
EQUAL_PARTS = Mixture(weight=0.5, linear_temperature=MARGIN_SCALE)


class Keeper:
    """Keeps the results of training in memory. mix: whether predictions use the linear model. weights: number of a
    network, from 0, -> its best weights. history: the lines of history.jsonl. warning: a sentence about a weak part of
    the model, or None. statistics: those of the training texts, with the classes predicted for held-out ones."""

    remedy = "free some memory, or train in one process"  # if a training process was killed

    def __init__(self, *, mix: bool) -> None:
        self.mix = mix
        self.linear: LinearModel | None = None
        self.linear_seconds = 0.0  # time of its fits
        self.weights: dict[int, Weights] = {}
        self.decision = Mixture()
        self.history: list[dict[str, Any]] = []
        self.warning: str | None = None
        self.bfloat16_agreement: float | None = None
        self.statistics: TextStatistics | None = None

    @property
    def is_cross_fitted(self) -> bool:
        """Whether networks were trained for folds, perhaps for one only."""
        return len(self.weights) > 1 or any("fold" in record for record in self.history)

    def fit_linear(
        self, config: Config, splits: Splits, texts: ReadTexts, unlabelled: Unlabelled | None = None
    ) -> torch.Tensor | None:
        """Fit and keep the linear model, and return the margins (m, classes) of models on the texts held out from them:
        None without held-out texts or linear model."""
        fitted = fit_linear(config, splits, texts, unlabelled)
        if fitted is None:
            return None
        self.linear, self.linear_seconds = fitted.model, fitted.seconds
        return None if fitted.margins is None else torch.from_numpy(fitted.margins)

    def began(self, fold: int | None, state: TrainingState, settings: FitSettings, *, is_resumed: bool) -> None:
        """The training of a network begins. fold: number, from 1, of the fold left out; None without cross-fitting.
        is_resumed: whether `state` was saved before."""

    def evaluated(
        self, fold: int | None, evaluation: Evaluation, weights: Weights | None, state: TrainingState,
        settings: FitSettings,
    ) -> None:  # fmt: skip
        """Keep the best weights of each network, and the history, in the order of folds and epochs. weights: those of
        the network if they are its best, else None."""
        if weights is not None:
            self.weights[(fold or 1) - 1] = weights
            if evaluation.scores is not None:
                self.decision = evaluation.scores.decision
            elif self.mix and self.linear is not None:
                self.decision = EQUAL_PARTS
        self.history.append(({} if fold is None else {"fold": fold}) | evaluation.record())
        self.history.sort(key=history_order)

    def interrupted(self, stopped: Sequence[tuple[int | None, TrainingState]]) -> None:
        """A signal has stopped training. stopped: the folds in training, and their progress; none if all networks are
        trained."""

    def end(
        self, scores: Scores | None, logits: torch.Tensor | None, rows: torch.Tensor, bfloat16_agreement: float | None,
        statistics: TextStatistics,
    ) -> None:  # fmt: skip
        """Keep the final results. scores: on the held-out texts of all networks, None without any. logits (m, classes):
        of the networks on them, None without networks. rows (m,): their positions among all held-out texts.
        bfloat16_agreement: see `Training.bfloat16_agreement`. statistics: see `Training.statistics`."""
        if logits is None:
            self.history.append(linear_record(scores, self.linear_seconds))
        if scores is not None:
            self.decision, self.warning = scores.decision, scores.warning
            if self.is_cross_fitted:
                self.history.append(fold_summary(self.history, scores))
        self.bfloat16_agreement, self.statistics = bfloat16_agreement, statistics
