"""A GRU for inference on a CPU: the outputs of `nn.GRU` in less time."""

from __future__ import annotations

import torch
from torch import nn

from textrnn.models.unique_inputs import Inputs, UniqueInputs, steps_and_texts

_ROWS_TOGETHER = 512  # distinct vectors are padded to a multiple of it


class InferenceGRU:
    """Computes the outputs of an `nn.GRU` with one layer and one direction, without gradients, on a CPU.

    Cho et al. 2014, in the variant of cuDNN and PyTorch, which applies the reset gate after the recurrent product:
    r, z = sigmoid(x W_i + h W_h), n = tanh(x W_in + r (h W_hn)), h' = n + z (h - n).

    It is faster for three reasons. Each distinct vector of UniqueInputs is multiplied by the input weights only once,
    which saves up to about half of the work. In float32, tanh(x) is computed as 2 sigmoid(2x) - 1 (accurate to about
    1e-7), as torch's own tanh takes several times as long; in bfloat16 that would lose digits near zero. Each step
    writes to memory that was allocated once.
    """

    def __init__(self, gru: nn.GRU, inputs: Inputs) -> None:
        """inputs: those on which `run` will be called, as a whole or in chunks. The weights of `gru` are copied."""
        self.size = size = gru.hidden_size
        input_weight, recurrent_weight, input_bias, recurrent_bias = (each.clone() for each in gru.all_weights[0])
        # r and z add both biases, which can be summed once, here. n multiplies its recurrent bias by r: it stays apart.
        input_bias[: 2 * size] += recurrent_bias[: 2 * size]
        dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else input_weight.dtype
        self.by_sigmoid = torch.finfo(dtype).bits >= 32  # whether tanh(x) is computed as 2 sigmoid(2x) - 1
        if self.by_sigmoid:
            for each in (input_weight, recurrent_weight, input_bias, recurrent_bias):
                each[2 * size :] *= 2.0  # the factor 2 of x
        self.input_weight, self.input_bias = input_weight.t().to(dtype), input_bias.to(dtype)
        self.recurrent_weight = recurrent_weight.t().contiguous().to(dtype)
        self.recurrent_bias = recurrent_bias[2 * size :].to(dtype)
        self.projected = None  # (U, 3H): the input products of each distinct vector
        if isinstance(inputs, UniqueInputs):
            vectors = inputs.vectors.to(dtype)
            if dtype == torch.bfloat16:  # oneDNN prepares itself anew for each shape: let there be few
                vectors = nn.functional.pad(vectors, (0, 0, 0, -len(vectors) % _ROWS_TOGETHER))
            self.projected = (vectors @ self.input_weight).add_(self.input_bias)

    def run(self, inputs: Inputs, h0: torch.Tensor) -> torch.Tensor:
        """inputs (T, B, input_size), h0 (H,) -> outputs (T, B, H). Several threads may call it at the same time."""
        steps, texts = steps_and_texts(inputs)
        h0 = h0.to(self.recurrent_weight.dtype)
        outputs = h0.new_empty(steps, texts, self.size)
        state, minus_one = h0.expand(texts, -1), h0.new_tensor(-1.0)
        # Both (B, 3H), with views of their gates; all operations in the loop write to these or to `outputs`.
        gates, recurrent = h0.new_empty(2, texts, 3 * self.size)
        reset_and_update, new = gates.split([2 * self.size, self.size], dim=1)
        reset, update = reset_and_update.chunk(2, dim=1)
        recurrent_reset_and_update, recurrent_new = recurrent.split([2 * self.size, self.size], dim=1)
        sequence = inputs.rows if isinstance(inputs, UniqueInputs) else inputs
        for step, output in zip(sequence.unbind(), outputs.unbind(), strict=True):
            if self.projected is None:
                torch.addmm(self.input_bias, step.to(gates.dtype), self.input_weight, out=gates)
            else:
                torch.index_select(self.projected, 0, step, out=gates)
            torch.mm(state, self.recurrent_weight, out=recurrent)  # addmm would first copy a bias to every row
            reset_and_update.add_(recurrent_reset_and_update).sigmoid_()
            new.addcmul_(reset, recurrent_new).addcmul_(reset, self.recurrent_bias)
            if self.by_sigmoid:
                torch.add(minus_one, new.sigmoid_(), alpha=2.0, out=new)  # 2 new - 1 in one operation
            else:
                new.tanh_()
            state = torch.lerp(new, state, update, out=output)
        return outputs
