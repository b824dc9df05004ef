"""Model + texts -> logits in the order of the texts; shared by evaluation and prediction."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from textrnn.errors import NotFiniteError
from textrnn.models.network import Ensemble, Network, average_logits, not_finite
from textrnn.models.threaded import inference_logits
from textrnn.runtime.device import autocast, cores_to_share, tf32
from textrnn.runtime.threads import begin_computing, map_in_threads
from textrnn.texts.batching import collate, inference_batches
from textrnn.texts.transform import EncodedTexts

DEFAULT_BATCH_SIZE = 512


def class_probabilities(logits: torch.Tensor) -> np.ndarray:
    """(n, C) float32; each row sums to 1."""
    return logits.softmax(dim=1).numpy()


def predicted_classes(logits: torch.Tensor) -> np.ndarray:
    """(n,) int64: the most probable class of each text."""
    return logits.argmax(dim=1).numpy()


def compute_logits(
    model: Network | Ensemble, texts: EncodedTexts, *, device: torch.device, precision: str = "float32",
    batch_size: int = DEFAULT_BATCH_SIZE, after_batch: Callable[[int], object] = lambda count: None,
) -> torch.Tensor:  # fmt: skip
    """(n, num_classes) float32 on the CPU. The model is left in the mode it was in.

    after_batch: called with the number of texts just computed; it may raise to stop.

    Raises: NotFiniteError if a logit is NaN or infinite.
    """
    begin_computing()
    networks = model.networks if isinstance(model, Ensemble) else [model]
    cores = cores_to_share() if device.type == "cpu" else 1
    batches = inference_batches(texts.lengths, batch_size, at_once=cores)
    # one batch per core, since most operations are too small to split; with fewer batches, the directions are split
    side_by_side = cores if len(batches) >= cores else 1
    forward = partial(inference_logits, cores=cores // side_by_side) if device.type == "cpu" else Network.__call__

    def batch_logits(rows: np.ndarray) -> torch.Tensor:
        batch = collate(texts, rows).to(device)
        return average_logits([forward(network, batch.token_ids, batch.lengths) for network in networks])

    logits: torch.Tensor | None = None
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode(), autocast(device, precision), tf32(device, False):
            for rows, values in map_in_threads(batch_logits, batches, cores=side_by_side, mode=torch.inference_mode):
                if logits is None:
                    logits = values.new_empty((len(texts), values.shape[1]))
                # copied at once: small tensors kept while large ones are allocated and freed would fragment memory
                logits[torch.from_numpy(rows).to(device)] = values
                after_batch(len(rows))
    finally:
        model.train(was_training)
    assert logits is not None
    on_cpu = logits.cpu()  # once: each copy waits for the device
    if not_finite({"logits": on_cpu}):
        raise NotFiniteError.of("logits are")
    return on_cpu
