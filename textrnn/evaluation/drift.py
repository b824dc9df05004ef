"""How far texts without labels are from those of training, by their unknown tokens, cut texts and predicted classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

FEWEST_TEXTS = 100
# Larger differences of shares are reported. With 100 texts, chance exceeds either less than once in 1,000 times: a text
# moves a share by at most 1 / n (Hoeffding 1963, McDiarmid 1989).
FAR_CUT, FAR_CLASSES = 0.2, 0.2
# A share of unknown tokens that is half as large again plus 0.05 is three standard errors away, because the variance of
# a text's share is at most p (1 - p) with the mean p (Bhatia and Davis 2000): chance exceeds it in at most 2 of 1,000.
FAR_UNKNOWN, FAR_UNKNOWN_FACTOR = 0.05, 1.5


class TextStatistics(NamedTuple):
    """unknown_share: the mean, over texts, of the share of a text's tokens that are unknown. cut_share: the share of
    texts longer than the model reads. class_shares (C,): those of the predicted classes. texts: the number of texts."""

    unknown_share: float
    cut_share: float
    class_shares: np.ndarray
    texts: int


@dataclass
class TextCounts:
    """Sums that give the statistics of a stream of texts. class_counts (C,): the texts of each predicted class."""

    class_counts: np.ndarray
    unknown_sum: float = 0.0

    def add(self, unknown_shares: np.ndarray, predicted: np.ndarray) -> None:
        """unknown_shares, predicted (n,): the share of unknown tokens in each text, and its predicted class."""
        self.unknown_sum += float(unknown_shares.sum(dtype=np.float64))
        self.class_counts += np.bincount(predicted, minlength=len(self.class_counts))

    def statistics(self, cut_texts: int) -> TextStatistics:
        texts = int(self.class_counts.sum())
        n = max(texts, 1)
        return TextStatistics(self.unknown_sum / n, cut_texts / n, self.class_counts / n, texts)


def differences(new: TextStatistics, training: TextStatistics, labels: Sequence[str], max_length: int) -> list[str]:
    """A phrase for each large difference; none if there are few new texts. labels: the names of the classes.
    max_length: tokens at which texts are cut."""
    if new.texts < FEWEST_TEXTS:
        return []
    phrases = []
    if new.unknown_share > FAR_UNKNOWN_FACTOR * training.unknown_share + FAR_UNKNOWN:
        phrases.append(
            f"{_percent(new.unknown_share)} of their tokens are unknown (training: {_percent(training.unknown_share)})"
        )
    if abs(new.cut_share - training.cut_share) > FAR_CUT:
        phrases.append(
            f"{_percent(new.cut_share)} of them are cut at {max_length:,} tokens (training: "
            f"{_percent(training.cut_share)})"
        )
    if _distance(new, training) > FAR_CLASSES:
        number = int(np.abs(new.class_shares - training.class_shares).argmax())
        share, expected = new.class_shares[number], training.class_shares[number]
        phrases.append(f"{_percent(share)} of them get the label {labels[number]} (training: {_percent(expected)})")
    return phrases


def _distance(new: TextStatistics, training: TextStatistics) -> float:
    """The total variation distance of the class shares, 0 to 1, less its expectation under chance, which is large with
    many classes. The expectation is at most half the sum of the standard deviations of the shares' differences."""
    total = new.texts + training.texts
    shares = (new.texts * new.class_shares + training.texts * training.class_shares) / total
    deviations = np.sqrt(shares * (1 - shares) * (1 / new.texts + 1 / training.texts))
    return float((np.abs(new.class_shares - training.class_shares) - deviations).sum()) / 2


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
