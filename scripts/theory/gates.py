"""What gates do (Hochreiter and Schmidhuber 1997; Gers, Schmidhuber and Cummins 2000; Cho et al. 2014).

An LSTM and a GRU learn the task of `scripts/memory_span.py`: to remember the first token over tokens of noise. The
table shows their gates before and after training, and how much of the first state is left at the end:

    LSTM  c_t = f_t c_(t-1) + i_t g_t          f the forget gate, i the input gate
    GRU   h_t = z_t h_(t-1) + (1 - z_t) n_t    z the update gate, as torch has it: 1 keeps the state

Along the state alone, a unit passes the gradient on by the product of its f (or z). The whole gradient also goes
through gates and candidates, which read the state of the step before.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn

from scripts.memory_span import Variant, accuracy, build, draw, learns
from textrnn.models.textrnn import TextRNN

SPANS = (10, 25, 50)  # learnt in turn, since from afar nothing may be learnt at first; the last is the one measured
TEXTS = 16  # over which all is averaged


class Passage(NamedTuple):
    """keep (T, B, H): the gate that keeps the state, f or z. write (T, B, H): the gate that lets the new one in, i or
    1 - z. jacobians (B, H, H): of the state after the last token with respect to that after the first."""

    keep: torch.Tensor
    write: torch.Tensor
    jacobians: torch.Tensor


def cell_of(network: TextRNN) -> nn.RNNBase:
    return next(module for module in network.modules() if isinstance(module, nn.RNNBase))


def one_step(rnn: nn.RNNBase, x: torch.Tensor, h: torch.Tensor, c: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """x (B, dim), h, c (B, H) -> the gates keep and write, and the new h and c; c is h in a GRU."""
    w_x, w_h, b_x, b_h = rnn.all_weights[0]
    from_x, from_h = x @ w_x.t() + b_x, h @ w_h.t() + b_h
    if isinstance(rnn, nn.LSTM):
        i, f, g, o = (from_x + from_h).chunk(4, dim=1)
        i, f, o = i.sigmoid(), f.sigmoid(), o.sigmoid()
        c = f * c + i * g.tanh()
        return f, i, o * c.tanh(), c
    (r_x, z_x, n_x), (r_h, z_h, n_h) = from_x.chunk(3, dim=1), from_h.chunk(3, dim=1)
    z = (z_x + z_h).sigmoid()
    h = z * h + (1 - z) * (n_x + (r_x + r_h).sigmoid() * n_h).tanh()
    return z, 1 - z, h, h


def passage(network: TextRNN, tokens: torch.Tensor) -> Passage:
    """network: of one layer and direction. tokens: (T, B)."""
    rnn, inputs = cell_of(network), network.embedding(tokens).detach()
    h = c = inputs.new_zeros(tokens.shape[1], rnn.hidden_size)
    gates = []
    for t, x in enumerate(inputs):
        keep, write, h, c = one_step(rnn, x, h, c)
        if t == 0:  # the state that carries: of an LSTM c, from which h = o tanh(c) follows
            first = c.detach().requires_grad_()
            h = (h / c.tanh()).detach() * first.tanh() if isinstance(rnn, nn.LSTM) else first
            c = first
        gates.append((keep.detach(), write.detach()))
    # a text's last state depends on its own first state alone: one pass for each unit serves all texts
    rows = [torch.autograd.grad(c[:, unit].sum(), first, retain_graph=True)[0] for unit in range(rnn.hidden_size)]
    keeps, writes = zip(*gates, strict=True)
    return Passage(torch.stack(keeps), torch.stack(writes), torch.stack(rows, dim=1))


def row(network: TextRNN, tokens: torch.Tensor) -> list[float]:
    """The columns of the table after the accuracy."""
    keep, write, jacobians = passage(network, tokens)
    products = keep[1:].prod(dim=0)  # (B, H)
    texts, best = torch.arange(len(products)), products.argmax(dim=1)  # which unit keeps depends on the symbol
    columns = (
        keep[1:], keep[1:, texts, best], write[0, texts, best], write[1:, texts, best], products[texts, best],
        jacobians[texts, best, best], torch.linalg.matrix_norm(jacobians, 2),
    )  # fmt: skip
    return [float(column.mean()) for column in columns]


def report() -> str:
    lines = [
        f"one of 4 symbols, then {SPANS[-1]} tokens of noise; means over {TEXTS} texts",
        "keep: f or z; write: i or 1 - z; gradient: d last state / d first state",
        "",
        f"{'':<26} {'all':>5} | of each text the unit that keeps best   |",
        f"{'':<26} {'keep,':>5} | {'keep,':>5} {'write,':>6} {'write,':>6} {'product':>7} {'its':>8} | whole",
        f"{'network':<12} {'weights':<7} {'right':>5} {'noise':>5} | {'noise':>5} {'symbol':>6} {'noise':>6} "
        f"{'of keep':>7} {'gradient':>8} | norm",
    ]
    tokens, _ = draw(TEXTS, SPANS[-1], torch.Generator().manual_seed(0))
    for variant in (Variant("lstm", forget_bias=1.0), Variant("lstm", forget_bias=0.0), Variant("gru")):
        torch.manual_seed(1)
        network = build(variant, hidden_size=32)
        name = variant.cell if variant.forget_bias is None else f"{variant.cell}, bias {variant.forget_bias:g}"
        for weights in ("fresh", "trained"):
            if weights == "trained":
                random = torch.Generator().manual_seed(1)
                for span in SPANS:
                    learns(network, span, random, steps=500, learning_rate=3e-3)
            right = accuracy(network, SPANS[-1], torch.Generator().manual_seed(9))
            keep, best, first, noise, product, own, norm = row(network, tokens)
            lines.append(
                f"{name:<12} {weights:<7} {right:>5.0%} {keep:>5.2f} | {best:>5.2f} {first:>6.2f} {noise:>6.2f} "
                f"{product:>7.1g} {own:>8.1g} | {norm:.1g}"
            )
    return "\n".join(lines)
