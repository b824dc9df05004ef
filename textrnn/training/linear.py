"""Fitting a linear path, in constant memory and a few passes over the texts."""

from __future__ import annotations

import numpy as np
import torch

from textrnn.data.batching import Batch, collate, inference_batches, training_batches
from textrnn.data.transform import EncodedTexts
from textrnn.models.linear import LinearPath, first_of_equals
from textrnn.progress import bar

PASSES, BATCH_SIZE, RATE = 5, 32, 0.5


def fit(path: LinearPath, texts: EncodedTexts, *, seed: int, class_weights: torch.Tensor | None = None) -> None:
    """Squared hinge losses, one for each class against the rest as in LIBLINEAR (Fan et al. 2008), minimized by
    stochastic gradient descent with a rate that falls to 0. What stands in for a regularizer is that it stops early.

    On the CPU, where the order of additions is always the same; every text has labels.
    """
    labels = np.asarray(texts.labels)
    path.idf.copy_(inverse_document_frequencies(path, texts))
    share = np.bincount(labels, minlength=len(path.bias)) / len(labels)
    path.bias.copy_(torch.from_numpy(2 * share - 1))  # a text of which nothing is known
    total, step = PASSES * -(-len(texts) // BATCH_SIZE), 0
    with bar("linear path", total=total, unit="step") as shown:
        for epoch in range(1, PASSES + 1):
            for rows in training_batches(texts.lengths, BATCH_SIZE, seed=seed, epoch=epoch):
                descend(path, collate(texts, rows), RATE * (1 - step / total), class_weights)
                step += 1
                shown.update()


def descend(path: LinearPath, batch: Batch, rate: float, class_weights: torch.Tensor | None) -> None:
    """A step down the sum of the texts' losses."""
    assert batch.labels is not None
    rows, values = path.features(batch.token_ids, batch.lengths)
    margins = path.margins(rows, values)
    sides = torch.full_like(margins, -1.0).scatter_(1, batch.labels.unsqueeze(1), 1.0)
    steps = (1 - sides * margins).clamp_(min=0).mul_(sides).mul_(rate)
    if class_weights is not None:
        steps *= class_weights[batch.labels].unsqueeze(1)
    path.weight.index_add_(0, rows.flatten(), (values.unsqueeze(2) * steps.unsqueeze(1)).flatten(0, 1))


def inverse_document_frequencies(path: LinearPath, texts: EncodedTexts) -> torch.Tensor:
    """(buckets + 1,): 1 + ln((1 + n) / (1 + texts with it)), as in scikit-learn; 0 for padding. One that no text has
    counts as the rarest: it has no weight, but makes the others' values smaller, as a text that is new should."""
    counts = torch.zeros_like(path.idf)
    for rows in inference_batches(texts.lengths, BATCH_SIZE):
        batch = collate(texts, rows)
        found = path.rows(batch.token_ids, batch.lengths)
        counts += torch.bincount(found[first_of_equals(found)], minlength=len(counts))
    idf = 1 + torch.log((1 + len(texts)) / (1 + counts))
    idf[0] = 0  # padding
    return idf
