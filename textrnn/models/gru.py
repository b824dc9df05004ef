"""What a GRU reads where no gradients are needed: the states of `nn.GRU`, sooner."""

from __future__ import annotations

import torch
from torch import nn


def may_read_gru(inputs: torch.Tensor) -> bool:
    """Whether `read_gru` can take the place of the module."""
    return inputs.device.type == "cpu" and not torch.is_grad_enabled() and not torch.is_autocast_enabled("cpu")


def read_gru(gru: nn.GRU, inputs: torch.Tensor, start: torch.Tensor, vectors: torch.Tensor | None) -> torch.Tensor:
    """States (T, B, H) of a layer of one direction that begins with the states `start` (B, H).

    inputs: (T, B, input_size); or, where `vectors` (U, input_size) are given, the row (T, B) of each position. Then
    each distinct word is multiplied by the input weights once, which halves the work: the words of a batch recur.

    Cho et al. 2014, in the form of cuDNN and PyTorch, where the reset gate is applied behind the recurrent product:
    r, z = sigmoid(x W_i + h W_h), n = tanh(x W_in + r (h W_hn)), h' = n + z (h - n). tanh(x) is computed as
    2 sigmoid(2x) - 1, as PyTorch's tanh takes several times as long on a CPU; doubling is exact.
    """
    size = gru.hidden_size
    input_weight, recurrent_weight, input_bias, recurrent_bias = (each.clone() for each in gru.all_weights[0])
    input_bias[: 2 * size] += recurrent_bias[: 2 * size]
    recurrent_bias[: 2 * size] = 0.0
    for each in (input_weight, recurrent_weight, input_bias, recurrent_bias):
        each[2 * size :] *= 2.0
    input_weight, recurrent_weight = input_weight.t(), recurrent_weight.t().contiguous()
    projected = None if vectors is None else torch.addmm(input_bias, vectors, input_weight)

    steps, texts = inputs.shape[:2]
    states = start.new_empty(steps, texts, size)
    state, minus_one = start, start.new_tensor(-1.0)
    gates, recurrent = start.new_empty(2, texts, 3 * size)
    reset_and_update, new = gates.split([2 * size, size], dim=1)
    reset, update = reset_and_update.chunk(2, dim=1)
    recurrent_reset_and_update, recurrent_new = recurrent.split([2 * size, size], dim=1)
    for words, following in zip(inputs.unbind(), states.unbind(), strict=True):
        if projected is None:
            torch.addmm(input_bias, words, input_weight, out=gates)
        else:
            torch.index_select(projected, 0, words, out=gates)
        torch.addmm(recurrent_bias, state, recurrent_weight, out=recurrent)
        reset_and_update.add_(recurrent_reset_and_update).sigmoid_()
        new.addcmul_(reset, recurrent_new).sigmoid_()
        torch.add(minus_one, new, alpha=2.0, out=new)
        state = torch.lerp(new, state, update, out=following)
    return states
