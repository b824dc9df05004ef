"""What cross-fitted networks, and linear models fitted likewise, said of the texts that each was trained without."""

from __future__ import annotations

import numpy as np
import torch

from textrnn.errors import CheckpointError
from textrnn.run.folder import RunFolder
from textrnn.run.tensors import UNREADABLE, load_tensors, save_tensors


def load_margins(run: RunFolder, shape: tuple[int, int]) -> torch.Tensor | None:
    """The margins (n, classes) that the linear model was judged by; None where they are missing or damaged."""
    try:
        margins = load_tensors(run.linear_margins)[0]["margins"]
    except (OSError, *UNREADABLE):
        return None
    is_good = margins.shape == shape and margins.dtype == torch.float32 and bool(margins.isfinite().all())
    return margins if is_good else None


def save_held_out(run: RunFolder, logits: torch.Tensor, margins: np.ndarray | None, labels: np.ndarray) -> None:
    """logits, margins (n, classes), labels (n,): of all training texts in the order of their file."""
    tensors = {"logits": logits, "labels": torch.from_numpy(labels.astype(np.int64))}
    if margins is not None:
        tensors["margins"] = torch.from_numpy(margins)
    save_tensors(run.held_out, tensors)


def load_held_out(
    run: RunFolder, count: int, labels: np.ndarray, classes: int
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """logits and margins (count, classes). Raises CheckpointError where they are missing, damaged or of other texts."""
    path = run.held_out
    try:
        tensors, _ = load_tensors(path)
        logits, margins = tensors["logits"], tensors.get("margins")
        good = all(
            each.shape == (count, classes) and each.dtype == torch.float32 and bool(each.isfinite().all())
            for each in (logits, margins)
            if each is not None
        )
        good = good and np.array_equal(tensors["labels"].numpy(), labels)
    except FileNotFoundError:
        raise CheckpointError(
            f"{path}: no such file: either training has not ended (continue it with: {run.resume_command()}), or the "
            f"file was removed; evaluate the model on other texts: give DATA, a labelled file"
        ) from None
    except (OSError, *UNREADABLE):
        good = False
    if not good:
        raise CheckpointError(
            f"{path}: damaged, or of other texts than the training file has now; evaluate the model on other texts: "
            f"give DATA, a labelled file"
        )
    return logits, margins
