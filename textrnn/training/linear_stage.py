"""The linear model of a run's folder: fitted once, and read again when the run is resumed."""

from __future__ import annotations

import time

import numpy as np
import torch

from textrnn.config import Config
from textrnn.data.splits import Splits
from textrnn.errors import CheckpointError
from textrnn.run.folder import RunFolder
from textrnn.run.held_out import load_margins
from textrnn.run.linear_files import WEIGHTS, load_linear, save_linear
from textrnn.run.tensors import save_tensors
from textrnn.runtime.progress import log
from textrnn.training.linear import Fitted, RawTexts, fit_linear_of


def linear_margins(config: Config, splits: Splits, run: RunFolder, texts: RawTexts) -> tuple[np.ndarray | None, bool]:
    """Fit the linear model and save it in the run's model folder, unless that has been done. Returns its margins
    (n, classes) on the held-out texts, None where there are none, and whether there is a linear model."""
    held_out = splits.train if splits.folds is not None else splits.dev
    rows = 0 if held_out is None else len(held_out)
    if (run.model / WEIGHTS).exists() and run.linear_margins.exists():
        margins = _saved(config, run, (rows, len(splits.labels)))
        if margins is not None:
            return (margins if rows else None), True
    begin = time.perf_counter()
    fitted = fit_linear_of(config, splits, texts)
    if fitted is None:
        return None, False
    save_linear(run.model, fitted.model)
    margins = np.zeros((0, len(splits.labels)), np.float32) if fitted.margins is None else fitted.margins
    run.linear_margins.parent.mkdir(exist_ok=True)
    save_tensors(run.linear_margins, {"margins": torch.from_numpy(margins)})
    log.info(describe(fitted, len(splits.train) + (rows if splits.folds is None else 0), time.perf_counter() - begin))
    return (margins if rows else None), True


def describe(fitted: Fitted, texts: int, seconds: float) -> str:
    """texts: that there are."""
    counted = " and ".join(
        f"{kind.shortest}- to {kind.longest}-grams of {kind.unit.replace('within_words', 'characters in words')}"
        for kind in fitted.choice.kinds
    )
    of = "" if fitted.rows == texts else f" of {texts:,}, drawn at random"
    return (
        f"linear model: {counted}, {len(fitted.model.weight):,} terms, C {fitted.choice.c:g} (accuracy in "
        f"cross-validation {fitted.choice.accuracy:.4f}); fitted on {fitted.rows:,} texts{of} in {seconds:.1f} s"
    )


def _saved(config: Config, run: RunFolder, shape: tuple[int, int]) -> np.ndarray | None:
    """The margins; None where they or the model itself are damaged, so that both are made again."""
    try:
        load_linear(run.model, num_classes=shape[1], tokenizer=config.tokenizer)
    except CheckpointError:
        return None
    margins = load_margins(run, shape)
    return None if margins is None else margins.numpy().copy()
