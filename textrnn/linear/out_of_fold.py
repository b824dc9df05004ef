"""Out-of-fold margins of the linear model: each text by a model that was fitted without it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy import sparse

from textrnn.linear.features import count_ngrams
from textrnn.linear.fit import TOLERANCE, candidate_kinds, features_by, fit_and_apply

C = 0.3  # some labels may be wrong, and a strongly regularized model learns fewer of them by heart
_ROUGH = 0.1  # tolerance of the fits: a finer one takes twice the time and ranks no better


def out_of_fold(
    counts: Sequence[sparse.csr_matrix], labels: np.ndarray, folds: np.ndarray, num_classes: int, c: float, *,
    chosen: np.ndarray, balanced: bool, seed: int, tolerance: float = TOLERANCE,
    step: Callable[[], object] = lambda: None,
) -> np.ndarray:  # fmt: skip
    """Margins (n, classes) of each text by a model of texts of the other folds, as scikit-learn's `cross_val_predict`
    of a pipeline computes them: document frequencies are those of the other folds, too.

    counts: of the n-grams of each kind (n, terms). chosen (n,) bool: the texts that models are fitted on. step: called
    after each fold.
    """
    margins = np.empty((len(labels), num_classes), np.float32)
    for fold in range(int(folds.max()) + 1):
        held_out = folds == fold
        if held_out.any():
            train = chosen & ~held_out
            features = features_by(counts, train)
            margins[held_out] = fit_and_apply(
                features, labels, train, held_out, c, num_classes, balanced=balanced, seed=seed, tolerance=tolerance
            )
        step()
    return margins


def quick_margins(
    texts: Sequence[str], labels: np.ndarray, folds: np.ndarray, num_classes: int, *, seed: int,
    step: Callable[[], object] = lambda: None,
) -> np.ndarray:  # fmt: skip
    """Out-of-fold margins (n, classes) of folded texts, in seconds: the simplest features, of n-grams that occur in two
    texts or more, and nothing is searched."""
    counts = [count_ngrams(kind, texts)[1] for kind in candidate_kinds(texts)[0]]
    frequent = [each[:, np.bincount(each.indices, minlength=each.shape[1]) > 1] for each in counts]
    everything = np.ones(len(texts), dtype=bool)
    return out_of_fold(
        frequent, labels, folds, num_classes, C, chosen=everything, balanced=False, seed=seed, tolerance=_ROUGH,
        step=step,
    )  # fmt: skip
