"""A recurrent encoder that is exact for texts of different lengths without packing them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from textrnn.models.dropout import Dropout
from textrnn.models.threaded import MIN_CHUNK_TEXTS, Direction, run_directions
from textrnn.models.unique_inputs import Inputs, map_positions, steps_and_texts

GATES = {"rnn": 1, "gru": 3, "lstm": 4}
_SORT_ABOVE_PADDING = 0.15  # share of padding in a batch above which sorting it by length and splitting it pays off


class RNNEncoder(nn.Module):
    """Stacked recurrent layers over right-padded, time-major inputs.

    Each direction of each layer is a one-directional RNN over the whole padded batch. With right padding the forward
    direction is correct up to the end of each text. For the backward direction each text is reversed within its own
    length, so that it too starts with a word and not with padding. Outputs at all real positions equal those on packed
    sequences (`pack_padded_sequence`), which on a CPU take many times as long, as they cannot use the fast kernels for
    whole batches.

    concat_directions: whether each layer reads the concatenated outputs of both directions of the layer below, as
    `nn.LSTM(bidirectional=True)` does. If not, each direction is a stack of its own: then the forward outputs never
    depend on later words, as the left contexts of an RCNN require.

    Dropout is applied between layers only, never to the state passed from one step to the next. Initial states are
    zero. Cells: Elman 1990 (rnn), Hochreiter & Schmidhuber 1997 with the forget gate of Gers et al. 2000 (lstm), Cho et
    al. 2014 (gru). Raises ValueError for any other.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        cell: str = "gru",
        nonlinearity: str = "tanh",
        num_layers: int = 1,
        bidirectional: bool = True,
        dropout: float = 0.0,
        concat_directions: bool = True,
    ) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.num_directions = 2 if bidirectional else 1
        self.output_size = hidden_size * self.num_directions
        self.concat_directions = concat_directions
        self.dropout = Dropout(dropout)
        input_sizes = [input_size] + [self.output_size if concat_directions else hidden_size] * (num_layers - 1)
        self.layers = nn.ModuleList(
            nn.ModuleList(_build_rnn(cell, size, hidden_size, nonlinearity) for _ in range(self.num_directions))
            for size in input_sizes
        )

    def forward(self, inputs: Inputs, lengths: torch.Tensor) -> torch.Tensor:
        """inputs (T, B, input_size), lengths (B,) -> outputs (T, B, output_size), zero at padded positions.

        The first hidden_size features are those of the forward direction, the others those of the backward one.
        """
        padded = padding_mask(lengths, steps_and_texts(inputs)[0])
        return torch.cat(self.aligned_outputs(inputs, lengths), dim=-1).masked_fill(padded.unsqueeze(-1), 0.0)

    def aligned_outputs(
        self, inputs: Inputs, lengths: torch.Tensor, h0: Sequence[torch.Tensor] | None = None
    ) -> list[torch.Tensor]:
        """`direction_outputs` with the outputs of the backward direction reversed again, so that in both directions the
        output for a word is at the position of the word."""
        forward, *backward = self.direction_outputs(inputs, lengths, h0)
        index = reversal_index(lengths, steps_and_texts(inputs)[0])
        return [forward, *(reverse(outputs, index) for outputs in backward)]

    def direction_outputs(
        self, inputs: Inputs, lengths: torch.Tensor, h0: Sequence[torch.Tensor] | None = None
    ) -> list[torch.Tensor]:
        """inputs (T, B, input_size), lengths (B,) -> the outputs (T, B, hidden_size) of each direction of the last
        layer, in the order of its steps: step 0 of the backward direction reads the last word of each text.

        Values at padded positions are undefined. h0: initial states (hidden_size,) of the last layer, one for each
        direction, instead of zeros.
        """
        if (
            lengths.device.type == "cpu"  # elsewhere, looking at the lengths would wait for the device
            and len(lengths) >= 2 * MIN_CHUNK_TEXTS
            and float(lengths.double().mean()) < (1 - _SORT_ABOVE_PADDING) * steps_and_texts(inputs)[0]
        ):
            order = lengths.argsort(descending=True)
            sorted_inputs = map_positions(inputs, lambda tensor: tensor.index_select(1, order))
            outputs = self._run_layers(sorted_inputs, lengths[order], h0, sorted_by_length=True)
            return [each.index_select(1, order.argsort()) for each in outputs]
        return self._run_layers(inputs, lengths, h0, sorted_by_length=False)

    def _run_layers(
        self, inputs: Inputs, lengths: torch.Tensor, h0: Sequence[torch.Tensor] | None, *, sorted_by_length: bool
    ) -> list[torch.Tensor]:
        """As `direction_outputs`. sorted_by_length: whether the texts are sorted by length, longest first."""
        index = reversal_index(lengths, steps_and_texts(inputs)[0]) if self.num_directions == 2 else None
        layer_inputs: list[Inputs] = [inputs]  # for each direction, in the order of its steps
        if index is not None:
            layer_inputs.append(map_positions(inputs, lambda tensor: reverse(tensor, index)))
        zeros = [next(self.parameters()).new_zeros(self.hidden_size)] * self.num_directions
        outputs: list[torch.Tensor] = []
        for number, layer in enumerate(self.layers):
            assert isinstance(layer, nn.ModuleList)
            if number > 0 and self.concat_directions and index is not None:
                both = self.dropout(torch.cat([outputs[0], reverse(outputs[1], index)], dim=-1))
                layer_inputs = [both, reverse(both, index)]
            elif number > 0:
                layer_inputs = [self.dropout(each) for each in outputs]
            is_last = number == len(self.layers) - 1
            initial = h0 if is_last and h0 is not None else zeros
            directions = [Direction(*each) for each in zip(layer, layer_inputs, initial, strict=True)]
            outputs = run_directions(directions, lengths if sorted_by_length else None)
        return outputs


def padding_mask(lengths: torch.Tensor, steps: int) -> torch.Tensor:
    """lengths (B,) -> (T, B) bool, true at padded positions. steps: T."""
    return torch.arange(steps, device=lengths.device).unsqueeze(1) >= lengths


def reversal_index(lengths: torch.Tensor, steps: int) -> torch.Tensor:
    """lengths (B,) -> (T * B,): at t * B + b, the flat position whose value moves there when each text of a time-major
    batch is reversed within its own length. Padding stays in place. steps: T."""
    time = torch.arange(steps, device=lengths.device).unsqueeze(1)
    source = torch.where(time < lengths, lengths - 1 - time, time)
    batch = torch.arange(len(lengths), device=lengths.device)
    return (source * len(lengths) + batch).flatten()


def reverse(values: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    """Reverse each text of values (T, B) or (T, B, size); index: its `reversal_index`."""
    return _Reverse.apply(values, index)


class _Reverse(torch.autograd.Function):
    """Reversal is its own inverse, so that its gradient is the reversed gradient. autograd does not know that the index
    is a permutation, and would add gradients up row by row, which is slow."""

    @staticmethod
    def forward(ctx: Any, values: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(index)
        return values.flatten(0, 1).index_select(0, index).view_as(values)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        (index,) = ctx.saved_tensors
        return gradient.flatten(0, 1).index_select(0, index).view_as(gradient), None


def _build_rnn(cell: str, input_size: int, hidden_size: int, nonlinearity: str) -> nn.RNNBase:
    rnn: nn.RNNBase
    if cell == "rnn":
        rnn = nn.RNN(input_size, hidden_size, nonlinearity=nonlinearity)
    elif cell == "gru":
        rnn = nn.GRU(input_size, hidden_size)
    elif cell == "lstm":
        rnn = nn.LSTM(input_size, hidden_size)
    else:
        raise ValueError(f"unknown cell {cell!r}")
    _initialize(rnn, cell, hidden_size)
    return rnn


def _initialize(rnn: nn.RNNBase, cell: str, hidden_size: int) -> None:
    """Xavier initialization for input weights (Glorot & Bengio 2010) and orthogonal recurrent weights (Saxe et al.
    2014), each gate by itself, so that gradients neither vanish nor explode at first. Biases are zero, except for that
    of the LSTM's forget gate, which is 1 (Jozefowicz et al. 2015)."""
    input_weight, recurrent_weight, *biases = rnn.all_weights[0]
    with torch.no_grad():
        for gate in input_weight.chunk(GATES[cell]):
            nn.init.xavier_uniform_(gate)
        for gate in recurrent_weight.chunk(GATES[cell]):
            nn.init.orthogonal_(gate)
        for bias in biases:
            bias.zero_()
        if cell == "lstm":  # gates are stacked in the order input, forget, cell, output
            biases[0][hidden_size : 2 * hidden_size] = 1.0
