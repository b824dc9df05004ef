"""What a model should answer for texts, and how much each text counts in training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array

ClassWeights = np.ndarray | Literal["balanced"] | None  # (C,), or in inverse proportion to the classes' shares
LEAST_PROBABILITY = 0.05  # a less probable class of a soft label is not repeated


@dataclass(frozen=True)
class Targets:
    """classes (n,) int32: the class of each text, of a soft label the most probable one, which counts and scores take.
    probabilities (n, C) float32, sparse: of all classes, 1 for the class of a label that is not soft; None if no label
    is soft. weights (n,) float32: how many times each text counts in training; None for once each."""

    classes: np.ndarray
    probabilities: csr_array | None = None
    weights: np.ndarray | None = None

    def rows(self, rows: np.ndarray | slice) -> Targets:
        """The targets of these texts only, in this order."""
        parts = (None if part is None else part[rows] for part in (self.classes, self.probabilities, self.weights))
        return Targets(*parts)  # type: ignore[arg-type]

    def totals(self, num_classes: int) -> np.ndarray:
        """(C,): the sum of the weights of each class's texts; a soft label is divided among its classes."""
        if self.probabilities is None:
            return np.bincount(self.classes, self.weights, minlength=num_classes)
        return self.probabilities.T @ (np.ones(len(self.classes)) if self.weights is None else self.weights)

    def repeated(self, by_class: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """The targets for a model that takes one class for each text: a text with a soft label stands there once for
        each class of at least LEAST_PROBABILITY, with the probability as its weight. by_class (C,): the weights of the
        classes; one of weight 0 is left out. Returns rows, classes and weights (None for 1 each), without those of
        `by_class`."""
        rows, classes, weights = np.arange(len(self.classes)), self.classes, self.weights
        if self.probabilities is not None:
            entries = self.probabilities.tocoo()
            kept = (entries.data >= LEAST_PROBABILITY) | (entries.col == self.classes[entries.row])
            rows, classes, weights = entries.row[kept], entries.col[kept], entries.data[kept].astype(np.float64)
            weights = weights if self.weights is None else weights * self.weights[rows]
        if by_class is not None:
            used = by_class[classes] > 0
            rows, classes, weights = rows[used], classes[used], None if weights is None else weights[used]
        return rows, classes, weights

    def weighted_rows(
        self, class_weights: ClassWeights, num_classes: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, dict[int, float] | None]:
        """`repeated`, and as the last part the weights of the classes that occur: `sample_weight` and `class_weight` of
        scikit-learn's linear models."""
        by_class = weights_by_class(class_weights, self, num_classes)
        rows, classes, weights = self.repeated(by_class)
        by_label = None if by_class is None else {label: by_class[label] for label in np.unique(classes).tolist()}
        return rows, classes, weights, by_label

    def as_probabilities(self, num_classes: int) -> csr_array:
        """(n, C) float32: the probabilities, also if no label is soft."""
        if self.probabilities is not None:
            return self.probabilities
        from scipy.sparse import csr_array

        starts, ones = np.arange(len(self.classes) + 1), np.ones(len(self.classes), np.float32)
        return csr_array((ones, self.classes, starts), (len(self.classes), num_classes))

    def joined(self, other: Targets, num_classes: int) -> Targets:
        """These targets and those of other texts."""
        parts, probabilities, weights = (self, other), None, None
        if any(part.probabilities is not None for part in parts):
            from scipy.sparse import csr_array, vstack

            probabilities = csr_array(vstack([part.as_probabilities(num_classes) for part in parts]))
        if any(part.weights is not None for part in parts):
            weights = np.concatenate(
                [np.ones(len(part.classes), np.float32) if part.weights is None else part.weights for part in parts]
            )
        return Targets(np.concatenate([self.classes, other.classes]), probabilities, weights)


def class_weights_of(setting: str | dict[str, float], labels: Sequence[str]) -> ClassWeights:
    """The weights that `train.class_weights` gives to the classes with these labels; 1 for those that a dict lacks."""
    if isinstance(setting, dict):
        return np.asarray([setting.get(label, 1.0) for label in labels])
    return "balanced" if setting == "balanced" else None


def weights_by_class(class_weights: ClassWeights, targets: Targets, num_classes: int) -> np.ndarray | None:
    """(C,) float64, or None for 1 each. `balanced` gives every class that these texts have the same total, with a mean
    over the texts of 1, and a class without texts 0 (King and Zeng 2001, as in scikit-learn)."""
    if not isinstance(class_weights, str):
        return class_weights
    totals = targets.totals(num_classes)
    shares = np.count_nonzero(totals) * totals
    return np.divide(totals.sum(), shares, out=np.zeros(num_classes), where=totals > 0)
