"""Soft labels and weights of rows, as files hold them: which ones are valid."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from typing import Any

from textrnn.errors import short
from textrnn.reading.labels import label_problem

TOLERANCE = 1e-3  # how far the sum of a label's probabilities may be from 1
MOST_WEIGHT = 1e9


def soft_label(value: Mapping[str, Any], names: list[str] | None) -> dict[str, float]:
    """The probability of each label, without those of 0, as they are written: their sum is 1 within TOLERANCE. names:
    the names of label ids; None if labels are names. Raises ValueError with the problem."""
    probabilities: dict[str, float] = {}
    for key, probability in value.items():
        label = key.strip()
        if problem := label_problem(label, names):
            raise ValueError(problem)
        if not _is_number(probability) or not 0 <= probability <= 1 + TOLERANCE:
            raise ValueError(
                f"expected a probability from 0 to 1 of the label {short(label)}, found {short(probability)}"
            )
        name = label if names is None else names[int(label)]
        probabilities[name] = probabilities.get(name, 0.0) + probability
    total = math.fsum(probabilities.values())
    if total == 0:
        raise ValueError(f"expected a label, or probabilities of labels that add up to 1, found {short(dict(value))}")
    if abs(total - 1) > TOLERANCE:
        raise ValueError(
            f"expected probabilities of labels that add up to 1, found {short(dict(value))}, which add up to "
            f"{total:.4g}: divide each by their sum"
        )
    return {label: probability for label, probability in probabilities.items() if probability > 0}


def most_probable(probabilities: Mapping[str, float]) -> str:
    """The label with the highest probability, in a tie the first by name."""
    return min(probabilities, key=lambda label: (-probabilities[label], label))


def weight_of(value: Any) -> float:
    """The weight in a field of a table or of a JSON object. Raises ValueError with the problem."""
    number = value if _is_number(value) else math.nan
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            number = float(value)
    if not 0 <= number <= MOST_WEIGHT:
        found = "an empty cell" if value == "" else "null" if value is None else short(value)
        raise ValueError(f"expected a weight, a number from 0 to {MOST_WEIGHT:,.0f}, found {found}")
    return float(number)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
