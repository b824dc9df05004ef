"""Model + texts -> logits in the order of the texts; what evaluation and prediction share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from textrnn.data.batching import collate, inference_batches
from textrnn.data.transform import EncodedTexts
from textrnn.device import autocast

DEFAULT_BATCH_SIZE = 128


def compute_logits(
    model: nn.Module,
    texts: EncodedTexts,
    *,
    device: torch.device,
    precision: str = "float32",
    batch_size: int = DEFAULT_BATCH_SIZE,
    after_batch: Callable[[int], object] = lambda count: None,
) -> torch.Tensor:
    """(n, num_classes) float32 on the CPU. The model is left in the mode it was in.

    after_batch: called with the number of texts just computed; it may raise to give up.
    """
    rows_done: list[np.ndarray] = []
    logits_done: list[torch.Tensor] = []
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode(), autocast(device, precision):
            for rows in inference_batches(texts.lengths, batch_size):
                batch = collate(texts, rows).to(device)
                logits_done.append(model(batch.token_ids, batch.lengths).float())
                rows_done.append(rows)
                after_batch(len(rows))
    finally:
        model.train(was_training)
    logits = torch.cat(logits_done).cpu()  # once: each copy waits for the device
    in_order = torch.empty_like(logits)
    in_order[torch.from_numpy(np.concatenate(rows_done))] = logits
    return in_order
