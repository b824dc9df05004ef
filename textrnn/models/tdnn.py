"""TDNN: a time-delay network, which looks back (or around) instead of keeping a state."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from textrnn.models.embedding import Embedding
from textrnn.models.encoder import Encode
from textrnn.models.layers import Dropout, Pooling, classifier_head, padding_mask
from textrnn.models.network import Network

TAPS = 3  # input steps that a unit reads


class TDNN(Network):
    """Convolutions over time, as in Waibel, Hanazawa, Hinton, Shikano and Lang 1989, "Phoneme Recognition Using
    Time-Delay Neural Networks", then pooling over time and a classifier.

    Each unit reads three steps of the layer below it, with the same weights everywhere. In layer n = 0, 1, ... they are
    2^n steps apart (van den Oord et al. 2016, "WaveNet", section 2.1), so that the last of L layers sees 2^(L + 1) - 1
    words, and nothing beyond them. Units are rectified linear ones instead of the paper's sigmoids, and from the second
    layer on, a layer's output is added to its input (He et al. 2016, equation 1).

    centred: whether a unit reads its own step and one on either side, or else its own and two earlier ones.
    """

    def __init__(
        self, embedding: Embedding, *, hidden_size: int, num_layers: int, centred: bool, pooling: str, hops: int,
        num_classes: int, fc_size: int | None, dropout: float,
    ) -> None:  # fmt: skip
        super().__init__()
        self.embedding = embedding
        self.centred = centred
        self.dropout = Dropout(dropout)
        sizes = [embedding.table.embedding_dim] + [hidden_size] * (num_layers - 1)
        self.layers = nn.ModuleList(nn.Linear(TAPS * size, hidden_size) for size in sizes)
        self.pooling = Pooling(pooling, hidden_size, hops=hops)
        self.head = classifier_head(hidden_size, num_classes, fc_size=fc_size, dropout=dropout)

    def text_vectors(self, inputs: torch.Tensor, lengths: torch.Tensor, encode: Encode) -> torch.Tensor:
        """As `Network.text_vectors`."""
        return self.pooling(self.outputs(inputs, lengths), lengths)

    def outputs(self, inputs: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """inputs (T, B, dim), lengths (B,) -> outputs of the last layer (T, B, hidden_size). Values at padded positions
        are undefined."""
        padded = padding_mask(lengths, len(inputs)).unsqueeze(-1)
        outputs = functional.relu(self.layers[0](self._windows(inputs.masked_fill(padded, 0.0), 1)))
        for number, layer in enumerate(self.layers[1:], start=1):
            # positions after a text must be as empty as those before it
            windows = self._windows(self.dropout(outputs).masked_fill(padded, 0.0), 2**number)
            outputs = outputs + functional.relu(layer(windows))
        return outputs

    def _windows(self, inputs: torch.Tensor, dilation: int) -> torch.Tensor:
        """inputs (T, B, size) -> (T, B, TAPS * size): the steps that a unit reads, side by side, zero outside the text.

        One matrix product of these took two thirds of the time of `nn.Conv1d`, which expects time last, on a CPU.
        """
        dilation = min(dilation, len(inputs))  # farther apart, the other steps are outside every text anyway
        reach = (TAPS - 1) * dilation
        before = reach // 2 if self.centred else reach
        extended = functional.pad(inputs, (0, 0, 0, 0, before, reach - before))
        return torch.cat([extended[tap * dilation :][: len(inputs)] for tap in range(TAPS)], dim=-1)
