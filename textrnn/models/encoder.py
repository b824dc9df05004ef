"""A recurrent encoder that is exact for texts of different length without packing them."""

from __future__ import annotations

import torch
from torch import nn

from textrnn.models.dropout import Dropout
from textrnn.models.threaded import FEWEST_TEXTS, run_layer
from textrnn.models.unique_inputs import Inputs, map_positions, steps_and_texts

GATES = {"rnn": 1, "gru": 3, "lstm": 4}
_MUCH_PADDING = 0.15  # share of a batch from which on it is worth sorting the texts and reading them in parts


class RNNEncoder(nn.Module):
    """Stacked recurrent layers over right-padded, time-major input.

    Every direction of every layer is a plain one-directional RNN over the whole padded batch: on right-padded input the
    forward direction is right up to each length by itself, and the backward direction reads each text reversed within
    its own length. Unlike `pack_padded_sequence` this keeps the fast kernels for whole batches (on a CPU that is many
    times faster) and gives the same values at every real position.

    joined: each layer reads both directions of the one below, as `nn.LSTM(bidirectional=True)` does. Not joined: each
    direction is stacked on itself alone, as a left context that must not see the word itself needs it.

    Dropout is applied between layers only, never to the states passed from one step to the next. The initial state is
    zero. Elman 1990 (rnn), Hochreiter & Schmidhuber 1997 with Gers et al. 2000 (lstm), Cho et al. 2014 (gru).
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
        joined: bool = True,
    ) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.directions = 2 if bidirectional else 1
        self.output_size = hidden_size * self.directions
        self.joined = joined
        self.dropout = Dropout(dropout)
        above = self.output_size if joined else hidden_size
        self.layers = nn.ModuleList(
            nn.ModuleList(
                _one_direction(cell, input_size if layer == 0 else above, hidden_size, nonlinearity)
                for _ in range(self.directions)
            )
            for layer in range(num_layers)
        )

    def forward(self, inputs: Inputs, lengths: torch.Tensor) -> torch.Tensor:
        """inputs (T, B, input_size), lengths (B,) -> states (T, B, output_size), zero at padded positions.

        The first hidden_size features are the forward states, the others the backward ones.
        """
        padded = padding_mask(lengths, steps_and_texts(inputs)[0])
        return torch.cat(self.aligned(inputs, lengths), dim=-1).masked_fill(padded.unsqueeze(-1), 0.0)

    def aligned(
        self, inputs: Inputs, lengths: torch.Tensor, starts: list[torch.Tensor] | None = None
    ) -> list[torch.Tensor]:
        """Like `readings`, with the states of each word at the word's own position."""
        streams = self.readings(inputs, lengths, starts)
        index = reversal_index(lengths, steps_and_texts(inputs)[0])
        return [streams[0], *(reverse(stream, index) for stream in streams[1:])]

    def readings(
        self, inputs: Inputs, lengths: torch.Tensor, starts: list[torch.Tensor] | None = None
    ) -> list[torch.Tensor]:
        """One tensor (T, B, hidden_size) a direction, in the order of its reading: the backward one begins with each
        text's last word. What stands at padded positions has no meaning.

        starts: a state (hidden_size,) for each direction from which the topmost layer begins, instead of zero.
        """
        if (
            lengths.device.type == "cpu"
            and len(lengths) >= 2 * FEWEST_TEXTS
            and float(lengths.double().mean()) < (1 - _MUCH_PADDING) * steps_and_texts(inputs)[0]
        ):
            order = lengths.argsort(descending=True)
            in_order = map_positions(inputs, lambda tensor: tensor.index_select(1, order))
            streams = self._read(in_order, lengths[order], starts, ordered=True)
            return [stream.index_select(1, order.argsort()) for stream in streams]
        return self._read(inputs, lengths, starts, ordered=False)

    def _read(
        self, inputs: Inputs, lengths: torch.Tensor, starts: list[torch.Tensor] | None, *, ordered: bool
    ) -> list[torch.Tensor]:
        """`readings`; ordered: the longest text comes first."""
        index = reversal_index(lengths, steps_and_texts(inputs)[0]) if self.directions == 2 else None
        below: list[Inputs] = [inputs]
        if index is not None:
            below.append(map_positions(inputs, lambda tensor: reverse(tensor, index)))
        zero = next(self.parameters()).new_zeros(self.hidden_size)
        states: list[torch.Tensor] = []
        for number, layer in enumerate(self.layers):
            assert isinstance(layer, nn.ModuleList)
            if number > 0 and self.joined and index is not None:
                both = self.dropout(torch.cat([states[0], reverse(states[1], index)], dim=-1))
                below = [both, reverse(both, index)]
            elif number > 0:
                below = [self.dropout(stream) for stream in states]
            begin = starts if starts is not None and number == len(self.layers) - 1 else [zero] * self.directions
            states = run_layer(list(zip(layer, below, begin, strict=True)), lengths if ordered else None)
        return states


def padding_mask(lengths: torch.Tensor, steps: int) -> torch.Tensor:
    """(T, B) bool: true where there is no token."""
    return torch.arange(steps, device=lengths.device).unsqueeze(1) >= lengths


def reversal_index(lengths: torch.Tensor, steps: int) -> torch.Tensor:
    """(T * B,): for each position of a time-major batch, the flat position it swaps with when every text is reversed
    within its own length; padding stays where it is."""
    time = torch.arange(steps, device=lengths.device).unsqueeze(1)
    source = torch.where(time < lengths, lengths - 1 - time, time)
    batch = torch.arange(len(lengths), device=lengths.device)
    return (source * len(lengths) + batch).flatten()


def reverse(states: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    """Swap the positions of states (T, B, H) by `reversal_index`."""
    return _Reverse.apply(states, index)


class _Reverse(torch.autograd.Function):
    """A swap is its own inverse: its gradient is one more read, not the slow scattered addition of `gather`."""

    @staticmethod
    def forward(ctx, states: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(index)
        return states.flatten(0, 1).index_select(0, index).view_as(states)

    @staticmethod
    def backward(ctx, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        (index,) = ctx.saved_tensors
        return gradient.flatten(0, 1).index_select(0, index).view_as(gradient), None


def _one_direction(cell: str, input_size: int, hidden_size: int, nonlinearity: str) -> nn.RNNBase:
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
    """Xavier input weights and orthogonal recurrent ones (Saxe et al. 2014), each gate apart, so that gradients neither
    vanish nor explode at first; biases zero, but the LSTM's forget gate at 1 (Jozefowicz et al. 2015)."""
    input_weight, recurrent_weight, *biases = rnn.all_weights[0]
    with torch.no_grad():
        for gate in input_weight.chunk(GATES[cell]):
            nn.init.xavier_uniform_(gate)
        for gate in recurrent_weight.chunk(GATES[cell]):
            nn.init.orthogonal_(gate)
        for bias in biases:
            bias.zero_()
        if cell == "lstm":  # gates in the order input, forget, cell, output
            biases[0][hidden_size : 2 * hidden_size] = 1.0
