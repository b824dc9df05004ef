"""Recurrent layers of one direction, computed without gradients on a CPU."""

from __future__ import annotations

import torch
from torch import nn

_ROW_MULTIPLE = 512  # in bfloat16, the number of distinct vectors is padded to a multiple of this


class InferenceCell:
    """The input products of a layer.

    A cell is faster than its module because each distinct input vector is multiplied by the input weights only once,
    the first step needs no recurrent product if the initial state is zero, and each step writes to memory that was
    allocated once. tanh(x) is computed as 2 sigmoid(2x) - 1 (accurate to about 1e-7), because torch's tanh takes
    several times as long. Under autocast only the products are rounded, because gates in bfloat16 take longer.
    """

    def __init__(self, rnn: nn.RNNBase, bias: torch.Tensor, vectors: torch.Tensor | None) -> None:
        """bias: what is added to the input products. vectors (U, input_size): if given, inputs are rows of it. Weights
        are copied; those of the third gate, whose activation is tanh in both cells, are doubled."""
        self.size = size = rnn.hidden_size
        input_weight, recurrent_weight = (weight.t().contiguous() for weight in rnn.all_weights[0][:2])
        factor = torch.ones_like(bias)
        factor[2 * size : 3 * size] = 2.0
        autocast = torch.is_autocast_enabled("cpu")
        self.product_dtype: torch.dtype = torch.get_autocast_dtype("cpu") if autocast else bias.dtype
        self.input_weight = (input_weight * factor).to(self.product_dtype)
        self.recurrent_weight = (recurrent_weight * factor).to(self.product_dtype)
        self.input_bias = bias * factor
        self.projected = None  # (U, gates * H): the input products of each distinct vector
        if vectors is not None:
            if self.product_dtype == torch.bfloat16:  # oneDNN prepares a kernel for each shape: keep them few
                vectors = nn.functional.pad(vectors, (0, 0, 0, -len(vectors) % _ROW_MULTIPLE))
            self.projected = self._input_products(vectors)

    def _input_products(self, inputs: torch.Tensor) -> torch.Tensor:
        products = inputs.to(self.product_dtype) @ self.input_weight
        return products.to(self.input_bias.dtype).add_(self.input_bias)

    def read(self, step: torch.Tensor, gates: torch.Tensor) -> None:
        """Inputs (B, input_size), or rows (B,) -> their products with the input weights, written to gates."""
        if self.projected is None:
            gates.copy_(self._input_products(step))
        else:
            torch.index_select(self.projected, 0, step, out=gates)


class InferenceGRU(InferenceCell):
    """Computes the outputs of an `nn.GRU` with one layer and one direction.

    Cho et al. 2014, in the variant of cuDNN and PyTorch, which applies the reset gate after the recurrent product:
    r, z = sigmoid(x W_i + h W_h), n = tanh(x W_in + r (h W_hn)), h' = n + z (h - n).
    """

    def __init__(self, gru: nn.GRU, vectors: torch.Tensor | None = None) -> None:
        """vectors (U, input_size): if given, inputs are rows of it. The weights of `gru` are copied."""
        size = gru.hidden_size
        _, _, input_bias, recurrent_bias = gru.all_weights[0]
        # r and z add both biases, so they are summed once, here. n multiplies its recurrent bias by r.
        bias = torch.cat([(input_bias + recurrent_bias)[: 2 * size], input_bias[2 * size :]])
        self.recurrent_bias = 2.0 * recurrent_bias[2 * size :]
        super().__init__(gru, bias, vectors)

    def __call__(self, inputs: torch.Tensor, h0: torch.Tensor) -> torch.Tensor:
        """inputs (T, B, input_size), or rows (T, B), and h0 (H,) -> outputs (T, B, H). Several threads may call it at
        the same time."""
        steps, texts = inputs.shape[:2]
        outputs = h0.new_empty(steps, texts, self.size)
        state, minus_one, is_zero = h0.expand(texts, -1), h0.new_tensor(-1.0), not h0.any()
        # Both (B, 3H), with views of their gates; all operations in the loop write to these or to `outputs`.
        gates, recurrent = h0.new_zeros(2, texts, 3 * self.size)
        reset_and_update, new = gates.split([2 * self.size, self.size], dim=1)
        reset, update = reset_and_update.chunk(2, dim=1)
        recurrent_reset_and_update, recurrent_new = recurrent.split([2 * self.size, self.size], dim=1)
        rounded, product = state.to(self.product_dtype).clone(), recurrent.to(self.product_dtype)
        for number, (step, output) in enumerate(zip(inputs.unbind(), outputs.unbind(), strict=True)):
            self.read(step, gates)
            if number == 0 and is_zero:
                pass  # the recurrent product is zero
            elif product is recurrent:
                torch.mm(state, self.recurrent_weight, out=recurrent)  # addmm would first copy a bias to every row
            else:
                torch.mm(rounded.copy_(state), self.recurrent_weight, out=product)
                recurrent.copy_(product)
            reset_and_update.add_(recurrent_reset_and_update).sigmoid_()
            new.addcmul_(reset, recurrent_new).addcmul_(reset, self.recurrent_bias)
            torch.add(minus_one, new.sigmoid_(), alpha=2.0, out=new)  # 2 new - 1 in one operation
            state = torch.lerp(new, state, update, out=output)
        return outputs


class InferenceLSTM(InferenceCell):
    """Computes the outputs of an `nn.LSTM` with one layer and one direction, not under autocast.

    Hochreiter & Schmidhuber 1997 with the forget gate of Gers et al. 2000: i, f, o = sigmoid(x W_i + h W_h),
    g = tanh(x W_ig + h W_hg), c' = f c + i g, h' = o tanh(c').
    """

    def __init__(self, lstm: nn.LSTM, vectors: torch.Tensor | None = None) -> None:
        """vectors (U, input_size): if given, inputs are rows of it. The weights of `lstm` are copied."""
        _, _, input_bias, recurrent_bias = lstm.all_weights[0]
        super().__init__(lstm, input_bias + recurrent_bias, vectors)

    def __call__(self, inputs: torch.Tensor, h0: torch.Tensor) -> torch.Tensor:
        """As `InferenceGRU`; the cell state is zero before the first step."""
        steps, texts = inputs.shape[:2]
        outputs = h0.new_empty(steps, texts, self.size)
        state, minus_one, is_zero = h0.expand(texts, -1), h0.new_tensor(-1.0), not h0.any()
        gates, twice_cell, tanh = (h0.new_zeros(texts, count * self.size) for count in (4, 1, 1))
        put_in, forget, new, put_out = gates.chunk(4, dim=1)
        for number, (step, output) in enumerate(zip(inputs.unbind(), outputs.unbind(), strict=True)):
            self.read(step, gates)
            if number > 0 or not is_zero:
                gates.addmm_(state, self.recurrent_weight)
            gates.sigmoid_()
            # 2c' = f 2c + 2i (2 new - 1), since g = 2 new - 1
            twice_cell.mul_(forget).addcmul_(put_in, new, value=4.0).add_(put_in, alpha=-2.0)
            torch.sigmoid(twice_cell, out=tanh)
            torch.add(minus_one, tanh, alpha=2.0, out=tanh)
            state = torch.mul(put_out, tanh, out=output)
        return outputs
