"""Logits and margins of held-out texts, and the hashes (`corpus.writer`) of the texts that models were trained on."""

from __future__ import annotations

import contextlib

import numpy as np
import torch

from textrnn.errors import CheckpointError
from textrnn.run.folder import RunFolder
from textrnn.runtime.files import atomic_writer
from textrnn.runtime.tensor_files import UNREADABLE
from textrnn.runtime.tensors import load_tensors, save_tensors
from textrnn.texts.rows import in_blocks


def save_margins(run: RunFolder, margins: np.ndarray, hashes: np.ndarray) -> None:
    """margins (n, classes): those of the linear models on held-out texts. hashes (n,) uint64: those of the texts."""
    run.linear_margins.parent.mkdir(exist_ok=True)
    save_tensors(run.linear_margins, {"margins": torch.from_numpy(margins), "hashes": _as_tensor(hashes)})


def load_margins(run: RunFolder, classes: int) -> tuple[np.ndarray, np.ndarray] | None:
    """The margins and hashes; None if they are missing or damaged."""
    with contextlib.suppress(OSError, *UNREADABLE):
        tensors, _ = load_tensors(run.linear_margins)
        hashes = tensors["hashes"].numpy().copy().view(np.uint64)
        (count,) = hashes.shape
        return _checked_values(tensors["margins"], count, classes).numpy().copy(), hashes
    return None


def save_held_out(run: RunFolder, logits: torch.Tensor | None, labels: np.ndarray, hashes: np.ndarray) -> None:
    """logits (m, classes), labels and hashes (m,): those of the held-out texts, see `Splits.held_out`. logits: None
    without networks."""
    tensors = {"labels": torch.from_numpy(labels.astype(np.int64)), "hashes": _as_tensor(hashes)}
    save_tensors(run.held_out, tensors if logits is None else {"logits": logits, **tensors})


def load_held_out(run: RunFolder, labels: np.ndarray, hashes: np.ndarray, classes: int) -> torch.Tensor:
    """The logits (n, classes). Raises CheckpointError if they are missing, damaged or from other texts."""
    path = run.held_out
    try:
        tensors, _ = load_tensors(path)
        logits = _checked_values(tensors["logits"], len(labels), classes)
        good = np.array_equal(tensors["labels"].numpy(), labels) and torch.equal(tensors["hashes"], _as_tensor(hashes))
    except FileNotFoundError:
        raise CheckpointError(
            f"{path}: no such file; the end of training writes it: continue it with: {run.resume_command()}; to "
            f"evaluate the model as it is, give DATA, a labelled file"
        ) from None
    except (OSError, *UNREADABLE):
        good = False
    if not good:
        raise CheckpointError(
            f"{path}: damaged, or from other texts than those read now; to evaluate the model on other texts, "
            f"give DATA, a labelled file"
        )
    return logits


def evaluated_on(run: RunFolder, labels: np.ndarray, hashes: np.ndarray) -> bool:
    """Whether the run's files show that its models were evaluated on the texts with these labels and hashes (n,)."""
    for path in (run.held_out, run.linear_margins):  # an unfinished run has only the second one, without labels
        with contextlib.suppress(OSError, *UNREADABLE):
            tensors, _ = load_tensors(path)
            same = torch.equal(tensors["hashes"], _as_tensor(hashes))
            return same and ("labels" not in tensors or np.array_equal(tensors["labels"].numpy(), labels))
    return False


def save_train_hashes(run: RunFolder, hashes: np.ndarray) -> None:
    """hashes (n,) uint64: those of all texts that the run's models are trained on; sorted in place to save memory."""
    hashes.sort()
    is_first = np.ones(len(hashes), dtype=bool)
    is_first[1:] = hashes[1:] != hashes[:-1]
    with atomic_writer(run.train_hashes) as stream:
        np.save(stream, hashes[is_first], allow_pickle=False)


def seen_texts(run: RunFolder, hashes: np.ndarray) -> np.ndarray | None:
    """(n,) bool: whether the run's models were trained on the text of each hash (n,); None if the run has no record.
    Raises CheckpointError if the file is damaged."""
    try:
        trained_on = np.load(run.train_hashes, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, EOFError):
        trained_on = np.zeros(0)
    if trained_on.dtype != np.uint64 or trained_on.ndim != 1 or not len(trained_on):
        raise CheckpointError(
            f"{run.train_hashes}: damaged: 8 bytes for each training text were expected; copy it again, or remove it"
        )
    seen = []
    for block in in_blocks(hashes):
        places = np.searchsorted(trained_on, block).clip(max=len(trained_on) - 1)
        seen.append(trained_on[places] == block)
    return np.concatenate(seen)


def _checked_values(values: torch.Tensor, texts: int, classes: int) -> torch.Tensor:
    """Logits or margins. Raises ValueError unless they are (texts, classes) finite numbers."""
    if values.shape != (texts, classes) or values.dtype != torch.float32 or not values.isfinite().all():
        raise ValueError(f"({texts}, {classes}) finite numbers were expected")
    return values


def _as_tensor(hashes: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.asarray(hashes, np.uint64).view(np.int64).copy())
