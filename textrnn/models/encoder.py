"""A recurrent encoder that is exact for texts of different lengths without packing them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

import torch
from torch import nn

from textrnn.models.layers import Dropout, padding_mask


class LSTM(nn.LSTM):
    """An LSTM whose cell state starts at zero, so that it is called, like other cells, with initial hidden states.

    Under autocast, oneDNN has no LSTM in bfloat16 for processors without AVX-512, and torch raises RuntimeError; there
    this layer computes in the precision of its weights.
    """

    def forward(self, inputs: torch.Tensor, h0: torch.Tensor | None = None) -> tuple[torch.Tensor, Any]:  # type: ignore[override]
        """inputs (T, B, input_size), h0 (1, B, hidden_size) -> outputs (T, B, hidden_size) and the last states."""
        if inputs.device.type == "cpu" and torch.is_autocast_enabled("cpu") and not _has_onednn_bfloat16():
            with torch.autocast("cpu", enabled=False):
                dtype = next(self.parameters()).dtype
                return self(inputs.to(dtype), None if h0 is None else h0.to(dtype))
        return super().forward(inputs, None if h0 is None else (h0, torch.zeros_like(h0)))


@cache
def _has_onednn_bfloat16() -> bool:
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


@torch.no_grad()
def initialized(rnn: nn.RNNBase) -> nn.RNNBase:
    """Xavier initialization for input weights (Glorot & Bengio 2010) and orthogonal recurrent weights (Saxe et al.
    2014), each gate by itself, so that gradients neither vanish nor explode at first. Biases are zero, except for that
    of an LSTM's forget gate, which is 1 (Jozefowicz et al. 2015)."""
    for name, weight in rnn.named_parameters():
        for gate in weight.split(rnn.hidden_size):
            if name.startswith("weight_ih"):
                nn.init.xavier_uniform_(gate)
            elif name.startswith("weight_hh"):
                nn.init.orthogonal_(gate)
            else:
                gate.zero_()
    if isinstance(rnn, nn.LSTM):
        rnn.get_parameter("bias_ih_l0").chunk(4)[1].fill_(1.0)  # the order is input, forget, cell, output
    return rnn


# (input_size, hidden_size, nonlinearity) -> a module of one layer and one direction with its initial weights. It maps
# inputs (T, B, input_size) and initial states (1, B, hidden_size) to a tuple that begins with outputs (T, B,
# hidden_size). Elman 1990 (rnn); Cho et al. 2014 (gru); Hochreiter & Schmidhuber 1997 with the forget gate of Gers et
# al. 2000 (lstm)
CELLS: dict[str, Callable[[int, int, str], nn.Module]] = {
    "rnn": lambda size, hidden, f: initialized(nn.RNN(size, hidden, nonlinearity=f)),
    "gru": lambda size, hidden, _: initialized(nn.GRU(size, hidden)),
    "lstm": lambda size, hidden, _: initialized(LSTM(size, hidden)),
}


class Direction(NamedTuple):
    """One direction of a layer, its inputs (T, B, input_size) in the order of its steps, and the initial state of every
    text, h0 (hidden_size,)."""

    rnn: nn.Module
    inputs: torch.Tensor
    h0: torch.Tensor

    def outputs(self) -> torch.Tensor:
        """(T, B, hidden_size)."""
        h0 = self.h0.expand(1, self.inputs.shape[1], -1).contiguous()
        outputs: torch.Tensor = self.rnn(self.inputs.contiguous(), h0)[0]
        return outputs


def layer_outputs(directions: Sequence[Direction]) -> list[torch.Tensor]:
    """The outputs (T, B, hidden_size) of each direction of a layer."""
    return [direction.outputs() for direction in directions]


class RNNEncoder(nn.Module):
    """Stacked recurrent layers over right-padded, time-major inputs.

    Each direction of each layer is a one-directional RNN over the whole padded batch. With right padding the forward
    direction is correct up to the end of each text. For the backward direction each text is reversed within its own
    length. Outputs at real positions equal those on packed sequences (`pack_padded_sequence`), which take many times as
    long on a CPU.

    concat_directions: whether each layer reads the concatenated outputs of both directions of the layer below, as
    `nn.LSTM(bidirectional=True)` does. If not, each direction is a separate stack, so that the forward outputs never
    depend on later words, as the left contexts of an RCNN require.

    Dropout is applied between layers only, never to the state passed from one step to the next. Initial states are
    zero. Raises ValueError for a cell that is not in CELLS.
    """

    def __init__(
        self, input_size: int, hidden_size: int, *, cell: str = "gru", nonlinearity: str = "tanh", num_layers: int = 1,
        bidirectional: bool = True, dropout: float = 0.0, concat_directions: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        if cell not in CELLS:
            raise ValueError(f"unknown cell {cell!r}")
        self.hidden_size = hidden_size
        self.num_directions = 2 if bidirectional else 1
        self.output_size = hidden_size * self.num_directions
        self.concat_directions = concat_directions
        self.dropout = Dropout(dropout)

        input_sizes = [input_size] + [self.output_size if concat_directions else hidden_size] * (num_layers - 1)
        self.layers = nn.ModuleList(
            nn.ModuleList(CELLS[cell](size, hidden_size, nonlinearity) for _ in range(self.num_directions))
            for size in input_sizes
        )

    def direction_outputs(
        self, inputs: torch.Tensor, lengths: torch.Tensor, h0: Sequence[torch.Tensor] | None = None, *,
        layer_outputs: Callable[[Sequence[Direction]], list[torch.Tensor]] = layer_outputs,
    ) -> list[torch.Tensor]:  # fmt: skip
        """inputs (T, B, input_size), lengths (B,) -> the outputs (T, B, hidden_size) of each direction of the last
        layer, in the order of its steps: step 0 of the backward direction reads the last word of each text.

        Values at padded positions are undefined. h0: initial states (hidden_size,) of the last layer, one for each
        direction, instead of zeros. layer_outputs: computes the outputs of a layer.
        """
        index = reversal_index(lengths, len(inputs))
        is_bidirectional = self.num_directions == 2
        zeros = [next(self.parameters()).new_zeros(self.hidden_size)] * self.num_directions
        outputs = [inputs, reverse(inputs, index)] if is_bidirectional else [inputs]  # outputs of the layer below
        for number, layer in enumerate(self.layers, start=1):
            assert isinstance(layer, nn.ModuleList)
            if number > 1 and is_bidirectional and self.concat_directions:
                both = self.dropout(torch.cat([outputs[0], reverse(outputs[1], index)], dim=-1))
                outputs = [both, reverse(both, index)]
            elif number > 1:
                outputs = [self.dropout(output) for output in outputs]
            initial = h0 if h0 is not None and number == len(self.layers) else zeros
            outputs = layer_outputs([Direction(*parts) for parts in zip(layer, outputs, initial, strict=True)])
        return outputs

    def forward(
        self, inputs: torch.Tensor, lengths: torch.Tensor, *, encode: Encode = direction_outputs
    ) -> torch.Tensor:
        """inputs (T, B, input_size), lengths (B,) -> outputs (T, B, output_size), zero at padded positions: first the
        forward direction, then the backward one."""
        outputs = in_text_order(encode(self, inputs, lengths), lengths)
        return torch.cat(outputs, dim=-1).masked_fill(padding_mask(lengths, len(inputs)).unsqueeze(-1), 0.0)


# `RNNEncoder.direction_outputs` or another function (encoder, inputs, lengths[, h0]) that computes the same outputs
Encode = Callable[..., list[torch.Tensor]]


def in_text_order(outputs: Sequence[torch.Tensor], lengths: torch.Tensor) -> list[torch.Tensor]:
    """`direction_outputs` with the output of each word at the position of the word, in both directions."""
    index = reversal_index(lengths, len(outputs[0]))
    return [outputs[0], *(reverse(output, index) for output in outputs[1:])]


def reversal_index(lengths: torch.Tensor, steps: int) -> torch.Tensor:
    """lengths (B,) -> (T * B,): at t * B + b, the flat position whose value moves there if each text is reversed within
    its length. Padding stays in place. steps: T."""
    time = torch.arange(steps, device=lengths.device).unsqueeze(1)
    source = torch.where(time < lengths, lengths - 1 - time, time)
    batch = torch.arange(len(lengths), device=lengths.device)
    return (source * len(lengths) + batch).flatten()


def reverse(values: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    """Reverse each text of values (T, B) or (T, B, size); index: its `reversal_index`."""
    return _Reverse.apply(values, index)


class _Reverse(torch.autograd.Function):
    """A reversal, whose gradient is the reversed gradient. autograd does not know that the index is a permutation and
    would add up gradients row by row, which is slow."""

    @staticmethod
    def forward(ctx: Any, values: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(index)
        return values.flatten(0, 1).index_select(0, index).view_as(values)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        (index,) = ctx.saved_tensors
        return gradient.flatten(0, 1).index_select(0, index).view_as(gradient), None
