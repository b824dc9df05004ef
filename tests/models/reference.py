"""Recurrent cells and their gradients in plain numpy, for one text and one layer.

x is (T, inputs), one row for each word; states are (T, hidden), and the initial state is zero. The weights of the gates
are stacked in torch's order: a single gate (rnn), reset, update, new (gru), or input, forget, cell, output (lstm).

The gradients are those of backpropagation through time (Werbos 1990). `upstream` (T, hidden) is the gradient of the
loss with respect to each output of the layer. Steps are processed from the last to the first, and each adds its
gradient with respect to the previous state. The pre-activation of a gate is the sum of W_ih x + b_ih and W_hh h + b_hh;
d_ih and d_hh are the gradients with respect to these two.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple, dataclass
from functools import partial

import numpy as np


@dataclass
class Weights:
    w_ih: np.ndarray
    w_hh: np.ndarray
    b_ih: np.ndarray
    b_hh: np.ndarray

    @property
    def hidden_size(self) -> int:
        return self.w_hh.shape[1]


class Gradients(Weights):
    """The gradient of the loss with respect to each weight, summed over time, and to x (T, inputs)."""

    def __init__(self, weights: Weights, x: np.ndarray) -> None:
        super().__init__(*(np.zeros_like(weight) for weight in astuple(weights)))
        self.x = np.zeros_like(x)

    def add(
        self, weights: Weights, t: int, x_t: np.ndarray, h_before: np.ndarray, d_ih: np.ndarray, d_hh: np.ndarray
    ) -> None:
        """Add the contribution of step t, given the gradients with respect to W_ih x + b_ih and to W_hh h + b_hh."""
        self.w_ih += np.outer(d_ih, x_t)
        self.w_hh += np.outer(d_hh, h_before)
        self.b_ih += d_ih
        self.b_hh += d_hh
        self.x[t] = weights.w_ih.T @ d_ih


States = Callable[[Weights, np.ndarray], np.ndarray]
Slope = Callable[[np.ndarray], np.ndarray]


def sigmoid(a: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-a))


def rnn_states(w: Weights, x: np.ndarray, activation: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Elman 1990, "Finding Structure in Time": h_t = f(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh), with tanh or relu (Le,
    Jaitly and Hinton 2015) as f."""
    h, states = np.zeros(w.hidden_size), []
    for x_t in x:
        h = activation(w.w_ih @ x_t + w.b_ih + w.w_hh @ h + w.b_hh)
        states.append(h)
    return np.array(states)


def rnn_gradients(w: Weights, x: np.ndarray, upstream: np.ndarray, states: States, slope: Slope) -> Gradients:
    """slope: f' as a function of f."""
    h, gradients = states(w, x), Gradients(w, x)
    d_h = np.zeros(w.hidden_size)
    for t in reversed(range(len(x))):
        h_before = h[t - 1] if t > 0 else np.zeros(w.hidden_size)
        d_a = (d_h + upstream[t]) * slope(h[t])
        gradients.add(w, t, x[t], h_before, d_a, d_a)
        d_h = w.w_hh.T @ d_a
    return gradients


def _lstm_steps(w: Weights, x: np.ndarray) -> list[tuple[np.ndarray, ...]]:
    """Hochreiter & Schmidhuber 1997 with the forget gate of Gers, Schmidhuber & Cummins 2000, without peepholes:

    i, f, o = sigmoid(W x + U h + b) each; g = tanh(W x + U h + b); c_t = f c_{t-1} + i g; h_t = o tanh(c_t).
    """
    h = c = np.zeros(w.hidden_size)
    steps = []
    for x_t in x:
        a_i, a_f, a_g, a_o = np.split(w.w_ih @ x_t + w.b_ih + w.w_hh @ h + w.b_hh, 4)
        i, f, g, o = sigmoid(a_i), sigmoid(a_f), np.tanh(a_g), sigmoid(a_o)
        c = f * c + i * g
        h = o * np.tanh(c)
        steps.append((i, f, g, o, c, h))
    return steps


def lstm_states(w: Weights, x: np.ndarray) -> np.ndarray:
    return np.array([h for *_, h in _lstm_steps(w, x)])


def lstm_gradients(w: Weights, x: np.ndarray, upstream: np.ndarray) -> Gradients:
    """The cell state has a gradient of its own, d_c, which passes from step to step through the forget gate."""
    steps, gradients = _lstm_steps(w, x), Gradients(w, x)
    zero = np.zeros(w.hidden_size)
    d_h = d_c = zero
    for t in reversed(range(len(x))):
        i, f, g, o, c, _ = steps[t]
        *_, c_before, h_before = steps[t - 1] if t > 0 else (zero, zero)
        d_h = d_h + upstream[t]
        d_c = d_c + d_h * o * (1 - np.tanh(c) ** 2)
        d_i, d_f, d_g, d_o = d_c * g, d_c * c_before, d_c * i, d_h * np.tanh(c)
        d_a = np.concatenate([d_i * i * (1 - i), d_f * f * (1 - f), d_g * (1 - g**2), d_o * o * (1 - o)])
        gradients.add(w, t, x[t], h_before, d_a, d_a)
        d_h = w.w_hh.T @ d_a
        d_c = d_c * f
    return gradients


def _gru_steps(w: Weights, x: np.ndarray) -> list[tuple[np.ndarray, ...]]:
    """Cho et al. 2014 (arXiv 1406.1078v1, where the reset gate is applied after the matrix product):

    r, z = sigmoid(W x + U h + b) each; m = U h + b; n = tanh(W x + b + r m); h_t = (1 - z) n + z h_{t-1}.
    """
    h = np.zeros(w.hidden_size)
    steps = []
    for x_t in x:
        of_x, of_h = np.split(w.w_ih @ x_t + w.b_ih, 3), np.split(w.w_hh @ h + w.b_hh, 3)
        r, z, m = sigmoid(of_x[0] + of_h[0]), sigmoid(of_x[1] + of_h[1]), of_h[2]
        n = np.tanh(of_x[2] + r * m)
        h = (1 - z) * n + z * h
        steps.append((r, z, m, n, h))
    return steps


def gru_states(w: Weights, x: np.ndarray) -> np.ndarray:
    return np.array([h for *_, h in _gru_steps(w, x)])


def gru_gradients(w: Weights, x: np.ndarray, upstream: np.ndarray) -> Gradients:
    """In the new gate, W_hh h + b_hh is multiplied by the reset gate, so that there d_hh = r * d_ih."""
    steps, gradients = _gru_steps(w, x), Gradients(w, x)
    d_h = np.zeros(w.hidden_size)
    for t in reversed(range(len(x))):
        r, z, m, n, _ = steps[t]
        h_before = steps[t - 1][-1] if t > 0 else np.zeros(w.hidden_size)
        d_h = d_h + upstream[t]
        d_z, d_n = d_h * (h_before - n), d_h * (1 - z)
        a_n = d_n * (1 - n**2)
        a_r, a_z = a_n * m * r * (1 - r), d_z * z * (1 - z)
        d_ih, d_hh = np.concatenate([a_r, a_z, a_n]), np.concatenate([a_r, a_z, a_n * r])
        gradients.add(w, t, x[t], h_before, d_ih, d_hh)
        d_h = d_h * z + w.w_hh.T @ d_hh
    return gradients


tanh_states: States = partial(rnn_states, activation=np.tanh)
relu_states: States = partial(rnn_states, activation=partial(np.maximum, 0))
STATES = {"rnn-tanh": tanh_states, "rnn-relu": relu_states, "lstm": lstm_states, "gru": gru_states}
GRADIENTS = {
    "rnn-tanh": partial(rnn_gradients, states=tanh_states, slope=lambda h: 1 - h**2),
    "rnn-relu": partial(rnn_gradients, states=relu_states, slope=lambda h: h > 0),
    "lstm": lstm_gradients,
    "gru": gru_gradients,
}
