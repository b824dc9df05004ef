"""Logits and true labels -> metrics, in memory that does not grow with the number of texts.

scikit-learn and scipy compute them and are imported when needed, so that training and prediction start without them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from textrnn.errors import NotFiniteError
from textrnn.evaluation.comparison import verdict
from textrnn.evaluation.intervals import accuracy_interval, macro_f1_interval
from textrnn.inference import class_probabilities, predicted_classes

if TYPE_CHECKING:
    from scipy.sparse import csr_array

CALIBRATION_BINS = 15
MOST_WHOLE = 30  # classes of a confusion matrix that is shown whole; with more, only the most confused are shown
MOST_DENSE = 200  # classes of a matrix that is saved with its zeros


class RunningTotals:
    """Sums over the texts so far, from which all metrics follow.

    matrix (C, C), sparse: the number of texts of each true (row) and predicted (column) class. loss_sum: the sum of
    cross-entropies. excess (bins,): for each bin of the predicted class's probability, the sum of these probabilities
    less the number of right predictions.
    """

    def __init__(self, num_classes: int) -> None:
        from scipy.sparse import csr_array

        self.matrix = csr_array((num_classes, num_classes), dtype=np.int64)
        self.loss_sum = 0.0
        self.excess = np.zeros(CALIBRATION_BINS)

    def add(self, logits: torch.Tensor, labels: np.ndarray) -> None:
        """logits (n, C), labels (n,). Raises NotFiniteError if the loss overflows."""
        from scipy.sparse import coo_array

        truth, predicted = np.asarray(labels, dtype=np.int64), predicted_classes(logits)
        self.loss_sum += float(torch.nn.functional.cross_entropy(logits, torch.from_numpy(truth), reduction="sum"))
        if not math.isfinite(self.loss_sum):
            raise NotFiniteError.of("loss is")
        ones = np.ones(len(truth), dtype=np.int64)
        self.matrix = self.matrix + coo_array((ones, (truth, predicted)), self.matrix.shape)
        probabilities = class_probabilities(logits).max(axis=1)
        bins = calibration_bins(probabilities)
        self.excess += np.bincount(bins, weights=probabilities - (predicted == truth), minlength=CALIBRATION_BINS)


class PartTotals:
    """RunningTotals of a model, and of its network alone and of its linear model alone, if it has them.

    weight: the linear model's weight in the decision, from 0 to 1; None without one.
    only_total, only_linear: the number of texts that only the model, or only its linear model, gets right.
    """

    def __init__(self, num_classes: int, weight: float | None, *, has_network: bool = True) -> None:
        self.weight = weight
        self.total = RunningTotals(num_classes)
        self.network = RunningTotals(num_classes) if has_network else None
        self.linear = None if weight is None else RunningTotals(num_classes)
        self.only_total = self.only_linear = 0

    def add(
        self, logits: torch.Tensor, labels: np.ndarray, network: torch.Tensor | None, linear: torch.Tensor | None = None
    ) -> None:
        """logits (n, C): the logits of the model. network, linear (n, C): those of each part alone. labels (n,)."""
        self.total.add(logits, labels)
        if network is not None:
            assert self.network is not None
            self.network.add(network, labels)
        if linear is not None:
            assert self.linear is not None
            self.linear.add(linear, labels)
            total_right, linear_right = predicted_classes(logits) == labels, predicted_classes(linear) == labels
            self.only_total += int((total_right & ~linear_right).sum())
            self.only_linear += int((linear_right & ~total_right).sum())


def summary(logits: torch.Tensor, labels: np.ndarray) -> dict[str, float]:
    """Loss (mean cross-entropy), accuracy, and macro-F1 over all classes. logits (n, C), labels (n,)."""
    totals = RunningTotals(logits.shape[1])
    totals.add(logits, labels)
    return scores(totals)


def scores(totals: RunningTotals) -> dict[str, float]:
    """The scores of `summary` for all texts so far. A class that neither occurs nor is predicted has F1 0.

    They are computed after each epoch, so without scikit-learn, whose import takes half a second in each process.
    """
    matrix, count = totals.matrix, int(totals.matrix.sum())
    hits, texts = matrix.diagonal(), matrix.sum(axis=0) + matrix.sum(axis=1)  # of each class, as predicted or true
    f1 = np.divide(2 * hits, texts, out=np.zeros(len(texts)), where=texts > 0)
    return {
        "accuracy": float(hits.sum() / count),
        "macro_f1": float(f1.mean()),
        "loss": totals.loss_sum / count,
    }


def calibration_bins(probabilities: np.ndarray) -> np.ndarray:
    """(n,) the bin of each probability; there are 15 bins of equal width, each with its upper end."""
    return np.digitize(probabilities, np.linspace(0, 1, CALIBRATION_BINS + 1)[1:-1], right=True)


def calibration_error(totals: RunningTotals) -> float:
    """The expected calibration error (Guo et al. 2017), a fraction: the distance between the mean probability of the
    predicted class and the share of right predictions in each bin, averaged over the texts."""
    return float(np.abs(totals.excess).sum() / totals.matrix.sum())


def all_metrics(totals: PartTotals, labels: list[str]) -> dict[str, Any]:
    """The content of metrics.json without the time."""
    from sklearn.metrics import precision_recall_fscore_support

    truth, predicted, counts = weighted_cells(totals.total.matrix)
    by_class = precision_recall_fscore_support(
        truth, predicted, labels=range(len(labels)), sample_weight=counts, zero_division=0.0
    )
    whole = scores(totals.total)
    metrics = {
        "accuracy": whole["accuracy"],
        "macro_f1": whole["macro_f1"],
        "weighted_f1": float(np.average(by_class[2], weights=by_class[3])),
        "loss": whole["loss"],
        "n": int(counts.sum()),
        "interval": intervals(totals.total, whole["macro_f1"]),
        "calibration_error": calibration_error(totals.total),
        "parts": {
            "network": totals.network and scores(totals.network),
            "linear": totals.linear and scores(totals.linear),
        },
        "weight": totals.weight,
        "labels": labels,
        "per_class": {
            label: {"precision": float(p), "recall": float(r), "f1": float(f), "support": int(s)}
            for label, p, r, f, s in zip(labels, *by_class, strict=True)
        },
    }
    if len(labels) <= MOST_DENSE:
        metrics["confusion_matrix"] = totals.total.matrix.toarray().tolist()
    else:
        pairs = zip(truth.tolist(), predicted.tolist(), counts.tolist(), strict=True)
        metrics["confusion_matrix"] = None
        metrics["confusion_pairs"] = [[labels[true], labels[guess], count] for true, guess, count in pairs]
    sentence = verdict(metrics, totals.only_total, totals.only_linear)
    return metrics | {"verdict": sentence, "held_out": False, "seen": None}


def intervals(totals: RunningTotals, macro_f1: float) -> dict[str, list[float]]:
    """The 95 % intervals of accuracy and macro-F1, [low, high] each."""
    matrix = totals.matrix
    return {
        "accuracy": accuracy_interval(int(matrix.diagonal().sum()), int(matrix.sum())),
        "macro_f1": macro_f1_interval(weighted_cells(matrix), matrix.shape[0], macro_f1),
    }


def part_intervals(totals: PartTotals, metrics: dict[str, Any]) -> dict[str, dict[str, list[float]]]:
    """The `intervals` of the network and of the linear model alone, for a page that shows them beside the model's."""
    parts = {"network": totals.network, "linear": totals.linear}
    return {name: intervals(part, metrics["parts"][name]["macro_f1"]) for name, part in parts.items() if part}


def weighted_cells(matrix: csr_array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(cells,) true classes, predicted classes and counts, in the order of the matrix (C, C): a few weighted samples
    with the same metrics as all texts."""
    matrix.sort_indices()
    cells = matrix.tocoo()
    return cells.row, cells.col, cells.data


def confusion_matrix(metrics: dict[str, Any]) -> csr_array:
    """(C, C) from the content of metrics.json: the texts of each true (row) and predicted (column) class."""
    from scipy.sparse import csr_array

    if metrics["confusion_matrix"] is not None:
        return csr_array(metrics["confusion_matrix"])
    label_ids = {label: number for number, label in enumerate(metrics["labels"])}
    truth, predicted, counts = zip(*metrics["confusion_pairs"], strict=True)
    places = [[label_ids[label] for label in column] for column in (truth, predicted)]
    return csr_array((counts, places), shape=(len(label_ids), len(label_ids)))


def most_confused(matrix: csr_array) -> np.ndarray:
    """(pairs, 3): true class, predicted class and number of texts of each cell of errors, the most frequent first;
    equal counts are in the order of the matrix."""
    cells = np.stack(weighted_cells(matrix), axis=1)
    errors = cells[cells[:, 0] != cells[:, 1]]
    return errors[np.argsort(-errors[:, 2], kind="stable")]


def most_confused_classes(matrix: csr_array) -> list[int]:
    """The classes to show in a matrix, in order: all, or, if there are more than thirty, those with the most errors."""
    if matrix.shape[0] <= MOST_WHOLE:
        return list(range(matrix.shape[0]))
    errors = matrix.sum(axis=0) + matrix.sum(axis=1) - 2 * matrix.diagonal()
    return sorted(np.argsort(-errors, kind="stable")[:MOST_WHOLE].tolist())
