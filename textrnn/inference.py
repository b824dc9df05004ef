"""Model + texts -> logits in the order of the texts; shared by evaluation and prediction."""

from __future__ import annotations

from collections.abc import Callable

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
_BATCHES_LOOKED_UP = 8  # at most, together: the more, the fewer positions have a vector of their own
_LOOKUPS_PER_CORE = 4  # at least, if there are enough texts, so that no core waits long for the last one


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

    batch_size: the texts of a matrix product; on a CPU, the ids of some batches are looked up together. after_batch:
    called with the number of texts just computed; it may raise to stop.

    Raises: NotFiniteError if a logit is NaN or infinite.
    """
    begin_computing()
    networks = list(model.networks) if isinstance(model, Ensemble) else [model]
    cores = cores_to_share() if device.type == "cpu" else 1
    together = batch_size
    if device.type == "cpu":
        share = -(-len(texts) // (_LOOKUPS_PER_CORE * cores))
        together = max(batch_size, min(_BATCHES_LOOKED_UP * batch_size, share))
    lookups = inference_batches(texts.lengths, together, at_once=cores)
    # one on each core, since most operations are too small to split; if there are fewer, the directions are split
    side_by_side = cores if len(lookups) >= cores else 1

    def logits_of(rows: np.ndarray) -> torch.Tensor:
        batch = collate(texts, rows).to(device)
        ids, lengths = batch.token_ids, batch.lengths
        if device.type != "cpu":
            return average_logits([network(ids, lengths) for network in networks])
        return average_logits(
            inference_logits(networks, ids, lengths, batch_size=batch_size, cores=cores // side_by_side)
        )

    logits: torch.Tensor | None = None
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode(), autocast(device, precision), tf32(device, False):
            for rows, values in map_in_threads(logits_of, lookups, cores=side_by_side, mode=torch.inference_mode):
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
