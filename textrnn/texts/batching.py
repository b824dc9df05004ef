"""Batches of texts of similar length: time-major and padded, with their lengths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from textrnn.texts.rows import all_rows
from textrnn.texts.transform import EncodedTexts
from textrnn.texts.vocab import PAD

_BATCHES_PER_BUCKET = 50  # texts are sorted by length within a random window of this many batches
_MOST_INFERENCE_TOKENS = 1 << 17  # in all batches in memory, including padding


@dataclass
class Batch:
    """token_ids (T, B) int64, right-padded with PAD; lengths (B,) int64; targets: classes (B,) int64 or, if any label
    of the texts is soft, probabilities (B, C) float32; None without labels. weights (B,) float32: None for 1 each."""

    token_ids: torch.Tensor
    lengths: torch.Tensor
    targets: torch.Tensor | None
    weights: torch.Tensor | None = None

    def __len__(self) -> int:
        return len(self.lengths)

    def to(self, device: torch.device) -> Batch:
        """The batch on a device; to a GPU through pinned memory, so that the CPU does not wait for the copy."""
        if device.type == "cpu":
            return self

        def to_device(tensor: torch.Tensor) -> torch.Tensor:
            return tensor.pin_memory().to(device, non_blocking=True)

        targets, weights = (None if part is None else to_device(part) for part in (self.targets, self.weights))
        return Batch(to_device(self.token_ids), to_device(self.lengths), targets, weights)


def collate(texts: EncodedTexts, rows: np.ndarray) -> Batch:
    """One batch of the texts in these rows, padded to the longest."""
    lengths = np.asarray(texts.lengths[rows])
    steps = np.arange(int(lengths.max()))[:, None]
    present = steps < lengths
    ids = texts.tokens[np.where(present, texts.starts[rows] + steps, 0)]
    if texts.id_map is not None:
        ids = texts.id_map[ids]
    token_ids = np.where(present, ids, PAD).astype(np.int64)
    targets = weights = None
    if texts.targets is not None:
        own = texts.targets.rows(rows)
        values = own.classes.astype(np.int64) if own.probabilities is None else own.probabilities.toarray()
        targets = torch.from_numpy(values)
        weights = None if own.weights is None else torch.from_numpy(own.weights)
    return Batch(torch.from_numpy(token_ids), torch.from_numpy(lengths.astype(np.int64)), targets, weights)


class EpochBatches:
    """The rows of each batch of an epoch. `batches[4:6]` slices them from one array, because a list of all batches
    would take more memory than the rows themselves."""

    def __init__(self, rows: np.ndarray, batch_size: int, order: np.ndarray) -> None:
        self._rows, self._batch_size, self._order = rows, batch_size, order

    def __len__(self) -> int:
        return len(self._order)

    def __getitem__(self, batches: slice) -> list[np.ndarray]:
        begins = (number * self._batch_size for number in self._order[batches].tolist())
        return [self._rows[begin : begin + self._batch_size] for begin in begins]


def training_batches(lengths: np.ndarray, batch_size: int, *, seed: int, epoch: int) -> EpochBatches:
    """The rows of each batch of an epoch, each row once; a pure function of the arguments.

    Rows are shuffled, sorted by length within windows of many batches and divided into batches, and the batches are
    shuffled. So a batch needs little padding, and its composition changes every epoch.
    """
    random = np.random.default_rng([seed, epoch])
    rows = random.permutation(all_rows(len(lengths)))
    window = batch_size * _BATCHES_PER_BUCKET
    for begin in range(0, len(rows), window):
        window_rows = rows[begin : begin + window]
        window_rows[:] = window_rows[np.argsort(lengths[window_rows], kind="stable")]
    return EpochBatches(rows, batch_size, random.permutation(all_rows(-(-len(rows) // batch_size))))


def inference_batches(lengths: np.ndarray, batch_size: int, *, at_once: int = 1) -> list[np.ndarray]:
    """The rows of each batch, the longest texts first, so that memory peaks at the start. Batches of long texts are
    smaller than `batch_size`. at_once: the number of batches in memory at the same time."""
    order = np.argsort(-lengths, kind="stable")
    batches, begin = [], 0
    while begin < len(order):
        most = _MOST_INFERENCE_TOKENS // (at_once * int(lengths[order[begin]]))
        batches.append(order[begin : begin + min(batch_size, max(1, most))])
        begin += len(batches[-1])
    return batches
