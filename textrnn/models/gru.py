"""What a GRU reads where no gradients are needed: the states of `nn.GRU`, sooner."""

from __future__ import annotations

import torch
from torch import nn

from textrnn.models.unique_inputs import Inputs, UniqueInputs


class GRUReader:
    """Reads with the weights of a GRU of one layer and direction, on a CPU.

    Cho et al. 2014, in the form of cuDNN and PyTorch, where the reset gate is applied behind the recurrent product:
    r, z = sigmoid(x W_i + h W_h), n = tanh(x W_in + r (h W_hn)), h' = n + z (h - n). Half of the products are those of
    the inputs x: of `UniqueInputs`, each distinct one is multiplied once. tanh(x) is computed as 2 sigmoid(2x) - 1
    (right to about 1e-7 in float32), as torch's takes several times as long. Several threads may read with it.
    """

    def __init__(self, gru: nn.GRU, inputs: Inputs) -> None:
        """inputs: all that will be read, or nothing but parts of it."""
        self.size = size = gru.hidden_size
        input_weight, recurrent_weight, input_bias, recurrent_bias = (each.clone() for each in gru.all_weights[0])
        input_bias[: 2 * size] += recurrent_bias[: 2 * size]
        recurrent_bias[: 2 * size] = 0.0
        for each in (input_weight, recurrent_weight, input_bias, recurrent_bias):
            each[2 * size :] *= 2.0
        self.input_weight, self.input_bias = input_weight.t(), input_bias
        self.recurrent_weight, self.recurrent_bias = recurrent_weight.t().contiguous(), recurrent_bias
        self.projected = None
        if isinstance(inputs, UniqueInputs):
            self.projected = torch.addmm(self.input_bias, inputs.vectors, self.input_weight)

    def read(self, inputs: Inputs, start: torch.Tensor) -> torch.Tensor:
        """States (T, B, H) after each step; the first step begins from `start` (H,)."""
        given = inputs.rows if isinstance(inputs, UniqueInputs) else inputs
        steps, texts = given.shape[:2]
        states = start.new_empty(steps, texts, self.size)
        state, minus_one = start.expand(texts, -1), start.new_tensor(-1.0)
        gates, recurrent = start.new_empty(2, texts, 3 * self.size)
        reset_and_update, new = gates.split([2 * self.size, self.size], dim=1)
        reset, update = reset_and_update.chunk(2, dim=1)
        recurrent_reset_and_update, recurrent_new = recurrent.split([2 * self.size, self.size], dim=1)
        for words, following in zip(given.unbind(), states.unbind(), strict=True):
            if self.projected is None:
                torch.addmm(self.input_bias, words, self.input_weight, out=gates)
            else:
                torch.index_select(self.projected, 0, words, out=gates)
            torch.addmm(self.recurrent_bias, state, self.recurrent_weight, out=recurrent)
            reset_and_update.add_(recurrent_reset_and_update).sigmoid_()
            new.addcmul_(reset, recurrent_new).sigmoid_()
            torch.add(minus_one, new, alpha=2.0, out=new)  # 2 new - 1 in one pass
            state = torch.lerp(new, state, update, out=following)
        return states
