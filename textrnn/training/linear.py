"""Fitting a linear path in a few passes over the texts, in memory that hardly grows with them."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from textrnn.data.batching import Batch, collate, training_batches
from textrnn.data.transform import EncodedTexts
from textrnn.models.linear import LinearPath, WithLinearPath, first_occurrences
from textrnn.runtime.distributed import broadcast_from_rank0
from textrnn.runtime.progress import bar

PASSES, BATCH_SIZE, RATE = 5, 32, 0.5
_NUMBERS_AT_ONCE = 1 << 24  # of an update: texts x n-grams x classes


def fit_linear_path(
    model: nn.Module, texts: EncodedTexts, *, seed: int, class_weights: torch.Tensor | None, device: torch.device
) -> bool:
    """Fit the linear path of a model that has one, on the first process, and leave it on `device`; returns whether the
    model has one. The network's training does not change it afterwards."""
    if not isinstance(model, WithLinearPath):
        return False
    path = model.linear.cpu()

    def fitted() -> dict[str, torch.Tensor]:
        fit(path, texts, seed=seed, class_weights=class_weights)
        return path.state_dict()

    path.load_state_dict(broadcast_from_rank0(fitted))
    path.to(device)
    return True


def fit(path: LinearPath, texts: EncodedTexts, *, seed: int, class_weights: torch.Tensor | None = None) -> None:
    """Squared hinge losses, one for each class against the rest as in LIBLINEAR (Fan et al. 2008), minimized by
    stochastic gradient descent with a rate that falls to 0. What stands in for a regularizer is that it stops early.

    class_weights (classes,): of the losses of a text, by its class. On the CPU, where the order of additions is always
    the same; every text has a label.
    """
    labels = np.asarray(texts.labels)
    shares = torch.from_numpy(np.bincount(labels, minlength=len(path.bias)))
    weighted = shares.float() if class_weights is None else shares * class_weights
    path.bias.copy_(2 * weighted / weighted.sum() - 1)  # a text of which nothing is known
    path.idf.copy_(inverse_document_frequencies(path, texts))
    total, step = PASSES * -(-len(texts) // BATCH_SIZE), 0
    with bar("linear path", total=total, unit="step") as shown:
        for epoch in range(1, PASSES + 1):
            for rows in training_batches(texts.lengths, BATCH_SIZE, seed=seed, epoch=epoch):
                descend(path, collate(texts, rows), RATE * (1 - step / total), class_weights)
                step += 1
                shown.update()


def descend(path: LinearPath, batch: Batch, rate: float, class_weights: torch.Tensor | None = None) -> None:
    """A step down the sum of the texts' losses, for each class no further than where that sum, were every text inside
    its margin, is smallest: texts that are much alike would be overshot together."""
    assert batch.labels is not None
    rows, values = path.features(batch.token_ids, batch.lengths)
    margins = path.margins(rows, values)
    sides = torch.full_like(margins, -1.0).scatter_(1, batch.labels.unsqueeze(1), 1.0)
    short = (1 - sides * margins).clamp_(min=0).mul_(sides)  # by which margins should move
    weights = torch.ones(len(batch), 1) if class_weights is None else class_weights[batch.labels].unsqueeze(1)
    step = weights * short * rate
    add(path.weight, rows, values, step)
    moves = path.margins(rows, values) - margins
    wanted, done = (weights * short * moves).sum(0), (weights * moves.square()).sum(0)
    share = torch.where(done > wanted, wanted / done, 1.0).clamp_(min=0)
    if (share < 1).any():
        add(path.weight, rows, values, step * (share - 1))


def add(weight: torch.Tensor, rows: torch.Tensor, values: torch.Tensor, factors: torch.Tensor) -> None:
    """To the weights (buckets + 1, classes) of each text's features (B, N), the values (B, N) times its factors
    (B, classes); some texts at a time."""
    count = max(1, _NUMBERS_AT_ONCE // (rows.shape[1] * factors.shape[1]))
    for some in range(0, len(rows), count):
        part = slice(some, some + count)
        change = values[part].unsqueeze(2) * factors[part].unsqueeze(1)
        weight.index_add_(0, rows[part].flatten(), change.flatten(0, 1))


def inverse_document_frequencies(path: LinearPath, texts: EncodedTexts) -> torch.Tensor:
    """(buckets + 1,): 1 + ln((1 + n) / (1 + texts with it)), as in scikit-learn; 0 for padding. One that no text has
    counts as the rarest: it has no weight, but makes the others' values smaller, as a text that is new should."""
    counts = torch.zeros(len(path.idf), dtype=torch.int64)
    for begin in range(0, len(texts), BATCH_SIZE):
        batch = collate(texts, np.arange(begin, min(begin + BATCH_SIZE, len(texts))))
        rows = path.rows(batch.token_ids, batch.lengths)
        found = rows[first_occurrences(rows)]
        counts.index_add_(0, found, torch.ones_like(found))
    idf = 1 + torch.log((1 + len(texts)) / (1 + counts))
    idf[0] = 0  # padding
    return idf
