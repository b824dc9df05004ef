#!/usr/bin/env python3
"""How many steps back can a recurrent network learn to remember one token?

A sequence is one of four symbols, then `span` tokens of noise, drawn from four others; the network that reads it
predicts the symbol. A span is learnt if, within a fixed number of training steps from fresh weights, 95 % of 512 new
sequences are classified correctly. The longest span learnt is found by doubling and bisection, for each cell, with one
and two layers, and with and without what the program does to ease the path through time: orthogonal recurrent weights,
and a forget bias of 1. The result depends on the seed, so the table shows the median of several seeds and the range. It
also shows how much of the gradient arrives 20 steps back before any training.

With --grow a longer span is learnt from the weights that learnt a shorter one: this separates what a network can hold
from what it can learn.

The network is the program's own TextRNN in one direction, trained by Adam on sequences that are always new.
"""

from __future__ import annotations

import argparse
import copy
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from statistics import median_low
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from textrnn.models.embedding import Embedding
from textrnn.models.encoder import RNNEncoder
from textrnn.models.textrnn import TextRNN
from textrnn.training.optim import clip_gradients

SYMBOLS, NOISE = 4, 4  # kinds of tokens; id 0 is padding
TEXTS = 32  # in a training batch
TEST_TEXTS, TEST_EVERY, LEARNT = 512, 25, 0.95
BACK = 20  # steps, after which the table shows what is left of the gradient
CELLS = ("rnn-tanh", "rnn-relu", "gru", "lstm")


class Variant(NamedTuple):
    """forget_bias: the initial one of an LSTM, None for other cells."""

    cell: str
    num_layers: int = 1
    orthogonal: bool = True
    forget_bias: float | None = None

    def __str__(self) -> str:
        weights = "orthogonal" if self.orthogonal else "uniform"
        layers = f"{self.num_layers} layer{'s' * (self.num_layers > 1)}"
        bias = "" if self.forget_bias is None else f", forget bias {self.forget_bias:g}"
        return f"{self.cell}, {layers}, {weights}{bias}"


def variants(cells: Sequence[str]) -> list[Variant]:
    return [
        Variant(cell, layers, orthogonal, bias)
        for cell in cells
        for layers in (1, 2)
        for orthogonal in (True, False)
        for bias in ((1.0, 0.0) if cell == "lstm" else (None,))
    ]


def build(variant: Variant, *, hidden_size: int, pooling: str = "last", bidirectional: bool = False) -> TextRNN:
    """The program's network with its own initial weights, but for what the variant asks for."""
    cell, _, nonlinearity = variant.cell.partition("-")
    encoder = RNNEncoder(
        hidden_size, hidden_size, cell=cell, nonlinearity=nonlinearity or "tanh", num_layers=variant.num_layers,
        bidirectional=bidirectional,
    )  # fmt: skip
    for rnn in encoder.modules():
        if not isinstance(rnn, nn.RNNBase):
            continue
        _, recurrent_weight, input_bias, _ = rnn.all_weights[0]
        with torch.no_grad():
            if not variant.orthogonal:  # torch's own default
                recurrent_weight.uniform_(-(hidden_size**-0.5), hidden_size**-0.5)
            if variant.forget_bias is not None:  # gates are stacked in the order input, forget, cell, output
                input_bias[hidden_size : 2 * hidden_size] = variant.forget_bias
    embedding = Embedding(1 + SYMBOLS + NOISE, hidden_size)
    return TextRNN(embedding, encoder, pooling=pooling, hops=1, num_classes=SYMBOLS, fc_size=None, dropout=0.0)


def draw(count: int, span: int, random: torch.Generator, *, place: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids (span + 1, count), with a symbol at `place` and noise elsewhere, and which symbol it is, (count,)."""
    tokens = torch.randint(SYMBOLS + 1, SYMBOLS + NOISE + 1, (span + 1, count), generator=random)
    labels = torch.randint(SYMBOLS, (count,), generator=random)
    tokens[place] = labels + 1
    return tokens, labels


def logits_of(network: nn.Module, tokens: torch.Tensor, offset: torch.Tensor | None = None) -> torch.Tensor:
    return network(tokens, torch.full((tokens.shape[1],), len(tokens)), offset)


def accuracy(network: nn.Module, span: int, random: torch.Generator, *, place: int = 0) -> float:
    tokens, labels = draw(TEST_TEXTS, span, random, place=place)
    with torch.inference_mode():
        return float((logits_of(network, tokens).argmax(dim=1) == labels).float().mean())


def train(
    network: nn.Module, span: int, random: torch.Generator, *, steps: int, learning_rate: float, place: int = 0,
    max_norm: float | None = 1.0, optimizer: Callable[..., torch.optim.Optimizer] = torch.optim.Adam,
) -> Iterator[float]:  # fmt: skip
    """Train on new sequences, and yield the norm of the gradient, before clipping, after each step. max_norm: gradients
    are clipped to it; None: not at all."""
    descent = optimizer(network.parameters(), lr=learning_rate)
    for _ in range(steps):
        tokens, labels = draw(TEXTS, span, random, place=place)
        descent.zero_grad()
        loss = nn.functional.cross_entropy(logits_of(network, tokens), labels)
        loss.backward()
        norm = clip_gradients(network, max_norm)
        descent.step()
        yield norm.item()


def learns(
    network: nn.Module, span: int, random: torch.Generator, *, steps: int, learning_rate: float, place: int = 0
) -> int | None:
    """The number of training steps after which the network had learnt the span, or None if it has not."""
    for step, _ in enumerate(train(network, span, random, steps=steps, learning_rate=learning_rate, place=place), 1):
        is_test = step % TEST_EVERY == 0 or step == steps
        if is_test and accuracy(network, span, random, place=place) >= LEARNT:
            return step
    return None


def longest(is_learnt: Callable[[int], bool], most: int) -> int:
    """The longest span learnt, up to `most`; 0 if not even one step is. Doubling finds a power of two that is not
    learnt; bisection then goes on until the bounds are at most half of the span apart."""
    low, high = 0, 1
    while is_learnt(high):
        if high == most:
            return most
        low, high = high, min(2 * high, most)
    while high - low > max(1, low // 2):
        middle = (low + high) // 2
        low, high = (middle, high) if is_learnt(middle) else (low, middle)
    return low


def measure(
    variant: Variant, seed: int, *, most: int, steps: int, hidden_size: int, learning_rate: float, pooling: str,
    grow: bool,
) -> int:  # fmt: skip
    """The longest span that a network learns. Each trial is a line on stderr."""
    torch.set_num_threads(1)  # networks are measured side by side
    random = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    start = build(variant, hidden_size=hidden_size, pooling=pooling)

    def is_learnt(span: int) -> bool:
        nonlocal start
        network, begin = copy.deepcopy(start), time.process_time()
        taken = learns(network, span, random, steps=steps, learning_rate=learning_rate)
        if grow and taken is not None:
            start = network
        how = f"not learnt in {steps} steps" if taken is None else f"learnt in {taken} steps"
        seconds = time.process_time() - begin
        print(f"{variant}, seed {seed}: span {span} {how} ({seconds:.1f} s)", file=sys.stderr, flush=True)
        return taken is not None

    return longest(is_learnt, most)


def gradient_left(variant: Variant, seeds: int, hidden_size: int) -> float:
    """The norm of the gradient of the loss at the input BACK steps before the last, divided by that at the last: in
    networks with fresh weights, read at the last step; the geometric mean over sequences and seeds."""
    ratios = []
    for seed in range(seeds):
        torch.manual_seed(seed)
        network = build(variant, hidden_size=hidden_size)
        tokens, labels = draw(TEXTS, BACK, torch.Generator().manual_seed(seed))
        offset = torch.zeros(*tokens.shape, hidden_size, requires_grad=True)
        loss = nn.functional.cross_entropy(logits_of(network, tokens, offset), labels)
        norms = torch.autograd.grad(loss, offset)[0].double().norm(dim=-1)
        ratios.append(norms[0] / norms[-1])
    return float(torch.cat(ratios).log().mean().exp())


def shown(span: int, most: int) -> str:
    return f">= {span}" if span >= most else str(span)


Spans = dict[Variant, list[int]]  # the longest span of each seed, ascending


def table(longest_spans: Spans, left: dict[Variant, float], most: int) -> str:
    """left: the results of `gradient_left`."""
    lines = [
        f"{'gradient left':>49}",
        f"network  layers  weights    forget bias{f'{BACK} steps back':>15}  longest span  range",
    ]
    for variant, spans in longest_spans.items():
        weights = "orthogonal" if variant.orthogonal else "uniform"
        bias = "-" if variant.forget_bias is None else f"{variant.forget_bias:g}"
        low, high = spans[0], shown(spans[-1], most)
        lines.append(
            f"{variant.cell:<9}{variant.num_layers:>6}  {weights:<10}{bias:>12}{left[variant]:>15.1g}"
            f"{shown(median_low(spans), most):>14}  {high if low == spans[-1] else f'{low} to {high}'}"
        )
    return "\n".join(lines)


def plot(path: Path, longest_spans: Spans, most: int, title: str) -> None:
    """A point for the median of each variant, with a line for the range, on a log axis."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 1.8 + 0.27 * len(longest_spans)), layout="constrained")
    axes = figure.subplots()
    for color, orthogonal in (("C0", True), ("C1", False)):
        rows = [row for row, variant in enumerate(longest_spans) if variant.orthogonal is orthogonal]
        spans = np.array([spans for variant, spans in longest_spans.items() if variant.orthogonal is orthogonal])
        medians, low, high = [median_low(row) for row in spans], spans[:, 0], spans[:, -1]
        label = f"{'orthogonal' if orthogonal else 'uniform'} recurrent weights"
        ranges = [medians - low, high - medians]
        axes.errorbar(medians, rows, xerr=ranges, fmt="o", color=color, capsize=2, label=label)
        for row, middle, end in zip(rows, medians, high, strict=True):
            axes.annotate(shown(middle, most), (end, row), (7, 0), textcoords="offset points", va="center", fontsize=9)
    axes.set_yticks(range(len(longest_spans)), map(str, longest_spans))
    axes.set_xlim(0.75, 3 * most)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.invert_yaxis()
    axes.grid(alpha=0.3)
    axes.set_xlabel("longest span learnt, in steps: median, and range of seeds")
    axes.set_title(title, fontsize=10)
    figure.legend(loc="outside lower center", ncols=2, fontsize=9)
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cell", nargs="+", choices=CELLS, default=CELLS, help="all by default")
    parser.add_argument("--pooling", choices=["last", "mean", "max", "attention"], default="last",
                        help="pooling of the steps (last: the last state alone)")  # fmt: skip
    parser.add_argument("--steps", type=int, default=400, metavar="N", help="of training for each span (%(default)s)")
    parser.add_argument("--hidden-size", type=int, default=32, metavar="H", help="(%(default)s)")
    parser.add_argument("--learning-rate", type=float, default=3e-3, metavar="R", help="(%(default)s)")
    parser.add_argument("--longest", type=int, default=256, metavar="SPAN", help="longest span to try (%(default)s)")
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="networks of each kind (%(default)s)")
    parser.add_argument("--grow", action="store_true", help="learn a longer span from the weights of a shorter one")
    jobs, output = os.cpu_count(), Path("runs/memory_span.png")
    parser.add_argument("--jobs", type=int, default=jobs, metavar="N", help="networks at a time (%(default)s)")
    parser.add_argument("--output", type=Path, default=output, metavar="FILE.png", help="(%(default)s)")
    options = parser.parse_args()
    options.output.parent.mkdir(parents=True, exist_ok=True)  # so that an error comes before minutes of work
    begin = time.perf_counter()
    names = ("steps", "hidden_size", "learning_rate", "pooling", "grow")
    job = partial(measure, most=options.longest, **{name: getattr(options, name) for name in names})
    seeds = range(options.seeds)
    with ProcessPoolExecutor(options.jobs, get_context("spawn")) as pool:
        running = {variant: [pool.submit(job, variant, seed) for seed in seeds] for variant in variants(options.cell)}
        longest_spans = {variant: sorted(job.result() for job in jobs) for variant, jobs in running.items()}
    left = {variant: gradient_left(variant, options.seeds, options.hidden_size) for variant in longest_spans}
    print(table(longest_spans, left, options.longest))
    title = (
        f"{options.hidden_size} units, at most {options.steps} steps of training, read-out: {options.pooling}"
        f"{', growing spans' * options.grow}"
    )
    plot(options.output, longest_spans, options.longest, title)
    print(f"{options.output} written after {time.perf_counter() - begin:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
