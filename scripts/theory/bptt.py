"""Back-propagation through time (Rumelhart, Hinton and Williams 1986; Werbos 1990), step by step and in numpy.

The network reads a text x_1 ... x_T word by word, and classifies it by its last state:

    h_t = tanh(U x_t + W h_{t-1} + b),  h_0 = 0,  p = softmax(V h_T),  L = -log p[label]

Unrolled in time it is a network of T layers that share their weights. So the chain rule goes back layer by layer,
and each step adds its own part to the gradient of the shared weights.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import nn

WORDS = ["the", "soup", "was", "not", "good"]
UNITS, DIM, CLASSES = 3, 4, 2


class Weights(NamedTuple):
    """The weights of the network above, or their gradients: U (units, dim), W (units, units), b (units,), V (classes,
    units)."""

    U: np.ndarray
    W: np.ndarray
    b: np.ndarray
    V: np.ndarray


def draw(seed: int = 1) -> tuple[Weights, np.ndarray]:
    """Random weights and word vectors x (T, dim)."""
    random = np.random.default_rng(seed)
    shapes = [(UNITS, DIM), (UNITS, UNITS), (UNITS,), (CLASSES, UNITS)]
    return Weights(*(0.6 * random.normal(size=shape) for shape in shapes)), random.normal(size=(len(WORDS), DIM))


def by_hand(weights: Weights, x: np.ndarray, label: int) -> tuple[Weights, np.ndarray, np.ndarray]:
    """The gradients of the loss with respect to the weights and to each state (T, units), and what each step adds to
    that of W (T, units, units)."""
    U, W, b, V = weights
    T = len(x)

    # forward: h[t + 1] is the state after word t, h[0] that before the first
    h = np.zeros((T + 1, len(b)))
    for t in range(T):
        h[t + 1] = np.tanh(U @ x[t] + W @ h[t] + b)
    p = np.exp(V @ h[T]) / np.exp(V @ h[T]).sum()

    # the read-out: dL/dlogits = p - y, y = 1 at the label
    dlogits = p - np.eye(len(p))[label]
    dV = np.outer(dlogits, h[T])

    # backward: dL/dh_T comes from the read-out, that of each state before from the one after it
    dU, dW, db = np.zeros_like(U), np.zeros_like(W), np.zeros_like(b)
    states, parts_of_W = np.zeros((T, len(b))), np.zeros((T, *W.shape))
    dh = V.T @ dlogits
    for t in reversed(range(T)):
        states[t] = dh
        da = (1 - h[t + 1] ** 2) * dh  # through tanh, whose slope is 1 - tanh^2
        parts_of_W[t] = np.outer(da, h[t])
        dW += parts_of_W[t]
        dU += np.outer(da, x[t])
        db += da
        dh = W.T @ da  # dL/dh_{t-1} = W^T diag(1 - h_t^2) dL/dh_t
    return Weights(dU, dW, db, dV), states, parts_of_W


def by_autograd(weights: Weights, x: np.ndarray, label: int) -> tuple[Weights, np.ndarray]:
    """The same gradients of weights and states from `nn.RNN`, which runs word by word, since autograd would not keep
    the gradients of states inside of it."""
    U, W, b, V = (torch.tensor(array) for array in weights)
    rnn = nn.RNN(U.shape[1], U.shape[0]).double()
    with torch.no_grad():
        for parameter, values in zip(rnn.parameters(), [U, W, b, torch.zeros_like(b)], strict=True):
            parameter.copy_(values)
    V.requires_grad_()
    state, states = torch.zeros(1, len(b), dtype=torch.float64), []
    for word in torch.from_numpy(x):
        _, state = rnn(word.unsqueeze(0), state)
        state.retain_grad()
        states.append(state)
    nn.functional.cross_entropy((state @ V.t()), torch.tensor([label])).backward()
    leaves = [rnn.weight_ih_l0, rnn.weight_hh_l0, rnn.bias_ih_l0, V]
    return Weights(*(leaf.grad.numpy() for leaf in leaves)), torch.cat([state.grad for state in states]).numpy()


def report() -> str:
    weights, x = draw()
    hand, hand_states, parts_of_W = by_hand(weights, x, label=0)
    automatic, automatic_states = by_autograd(weights, x, label=0)
    lines = [
        f"a tanh network of {UNITS} units reads {len(WORDS)} words; the loss is read off its last state", "",
        f"{'':8} {'|dL/dh_t|':>21} {'largest':>12} {'|what step t':>15}",
        f"{'word t':<8} {'by hand':>10} {'autograd':>10} {'difference':>12} {'adds to dL/dW|':>15}",
    ]  # fmt: skip
    for t, word in enumerate(WORDS):
        mine, its = hand_states[t], automatic_states[t]
        lines.append(
            f"{word:<8} {np.linalg.norm(mine):>10.6f} {np.linalg.norm(its):>10.6f} {abs(mine - its).max():>12.0e} "
            f"{np.linalg.norm(parts_of_W[t]):>15.6f}"
        )
    lines += [
        "(the first word adds nothing: before it, the state is 0)",
        "",
        "the gradients of the weights, summed over t:",
    ]
    for name, mine, its in zip(Weights._fields, hand, automatic, strict=True):
        lines.append(f"|dL/d{name}| {np.linalg.norm(mine):.6f}, largest difference {abs(mine - its).max():.0e}")
    return "\n".join(lines)
