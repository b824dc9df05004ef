"""What a linear model says of each text when it was fitted without it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy import sparse

from textrnn.data.tokenizer import share_unspaced
from textrnn.linear.features import Features
from textrnn.linear.fit import SPACED, TOLERANCE, UNSPACED, fit_and_apply

C = 0.3  # some labels may be wrong, and a strongly regularized model learns fewer of them by heart
_ROUGH = 0.1  # tolerance of the fits: a finer one takes twice the time and ranks no better


def out_of_fold(
    features: sparse.csr_matrix, labels: np.ndarray, folds: np.ndarray, num_classes: int, c: float, *,
    chosen: np.ndarray, balanced: bool, seed: int, tolerance: float = TOLERANCE,
    step: Callable[[], object] = lambda: None,
) -> np.ndarray:  # fmt: skip
    """Margins (n, classes) of each text by a model of texts of the other folds. chosen (n,) bool: those that models are
    fitted on. step: called after each fold."""
    margins = np.empty((len(labels), num_classes), np.float32)
    for fold in range(int(folds.max()) + 1):
        held_out = folds == fold
        if held_out.any():
            margins[held_out] = fit_and_apply(
                features, labels, chosen & ~held_out, held_out, c, num_classes, balanced=balanced, seed=seed,
                tolerance=tolerance,
            )  # fmt: skip
        step()
    return margins


def quick_margins(
    texts: Sequence[str], labels: np.ndarray, folds: np.ndarray, num_classes: int, *, seed: int,
    step: Callable[[], object] = lambda: None,
) -> np.ndarray:  # fmt: skip
    """Out-of-fold margins (n, classes) of folded texts, in seconds: the simplest features, of n-grams that occur in two
    texts or more, and nothing is searched."""
    kinds = (UNSPACED if share_unspaced(texts[:1000]) > 0.3 else SPACED)[0]
    features = sparse.hstack([Features.fit(kind, texts)[1] for kind in kinds], format="csr")
    frequent = np.bincount(features.indices, minlength=features.shape[1]) > 1
    everything = np.ones(len(texts), dtype=bool)
    return out_of_fold(
        features[:, frequent], labels, folds, num_classes, C, chosen=everything, balanced=False, seed=seed,
        tolerance=_ROUGH, step=step,
    )  # fmt: skip
