"""The linear model of a run's folder: fitted once, and read again when the run is resumed."""

from __future__ import annotations

import time

import numpy as np

from textrnn.config import Config
from textrnn.corpus.splits import Splits
from textrnn.errors import CheckpointError
from textrnn.linear.files import WEIGHTS, load_linear, save_linear
from textrnn.run.folder import RunFolder
from textrnn.run.held_out import load_margins, save_margins
from textrnn.runtime.progress import log
from textrnn.training.linear import Fitted, RawTexts, fit_linear_of


def linear_margins(config: Config, splits: Splits, run: RunFolder, texts: RawTexts) -> tuple[np.ndarray | None, bool]:
    """Fit the linear model and save it in the run's model folder, unless that has been done. Returns its margins
    (n, classes) on the held-out texts, None where there are none, and whether there is a linear model."""
    hashes = np.zeros(0, np.uint64) if splits.held_out is None else splits.held_out.hashes
    rows = len(hashes)
    if (run.model / WEIGHTS).exists() and run.linear_margins.exists():
        margins = _saved(config, run, hashes, len(splits.labels))
        if margins is not None:
            return (margins if rows else None), True
    begin = time.perf_counter()
    fitted = fit_linear_of(config, splits, texts)
    if fitted is None:
        return None, False
    save_linear(run.model, fitted.model)
    margins = np.zeros((0, len(splits.labels)), np.float32) if fitted.margins is None else fitted.margins
    save_margins(run, margins, hashes)
    log.info(describe(fitted, len(splits.train) + (rows if splits.folds is None else 0), time.perf_counter() - begin))
    return (margins if rows else None), True


def describe(fitted: Fitted, texts: int, seconds: float) -> str:
    """texts: how many there are in all."""
    counted = " and ".join(
        f"{kind.shortest}- to {kind.longest}-grams of {kind.unit.replace('within_words', 'characters in words')}"
        for kind in fitted.choice.kinds
    )
    of = "" if fitted.rows == texts else f" of {texts:,}, drawn at random"
    accuracy = fitted.choice.accuracy
    chosen = "" if accuracy is None else f" (accuracy in cross-validation {accuracy:.4f})"
    return (
        f"linear model: {counted}, {len(fitted.model.weight):,} terms, C {fitted.choice.c:g}{chosen}; fitted on "
        f"{fitted.rows:,} texts{of} in {seconds:.1f} s"
    )


def _saved(config: Config, run: RunFolder, hashes: np.ndarray, classes: int) -> np.ndarray | None:
    """The margins; None where they or the model itself are damaged, so that both are made again."""
    try:
        load_linear(run.model, num_classes=classes, tokenizer=config.tokenizer)
    except CheckpointError:
        return None
    found = load_margins(run, classes)
    return found[0] if found is not None and np.array_equal(found[1], hashes) else None
