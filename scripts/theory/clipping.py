"""Clipping the norm of the gradient (Pascanu, Mikolov and Bengio 2013, algorithm 1): when it helps.

Networks learn the task of `scripts/memory_span.py` by gradient descent and by Adam, with and without clipping to a norm
of 1, at several learning rates.
"""

from __future__ import annotations

from itertools import product
from statistics import mean
from typing import NamedTuple

import torch

from scripts.memory_span import Variant, accuracy, build, train

SPAN = 8
STEPS = 150
SEEDS = (1, 2, 3)
OPTIMIZERS = {"SGD": (torch.optim.SGD, (0.1, 0.3, 1.0, 3.0, 10.0)), "Adam": (torch.optim.Adam, (1e-3, 1e-2, 1e-1))}


class Outcome(NamedTuple):
    """accuracy: the share of the first class if weights are not numbers. largest: gradient norm before clipping,
    infinite if a loss was not a number. exceeding: share of steps whose norm exceeds 1."""

    accuracy: float
    largest: float
    exceeding: float


def outcome(
    cell: str, optimizer: str, rate: float, max_norm: float | None, *, span: int, steps: int, seed: int
) -> Outcome:
    """The outcome of training a network."""
    torch.manual_seed(seed)
    network, random = build(Variant(cell), hidden_size=32), torch.Generator().manual_seed(seed)
    descent = OPTIMIZERS[optimizer][0]
    steps_done = train(network, span, random, steps=steps, learning_rate=rate, max_norm=max_norm, optimizer=descent)
    norms = torch.tensor(list(steps_done)).nan_to_num(nan=float("inf"))
    return Outcome(accuracy(network, span, random), float(norms.max()), float((norms > 1).float().mean()))


def report() -> str:
    lines = [
        f"one of 4 symbols, then {SPAN} tokens of noise, {STEPS} steps; {len(SEEDS)} seeds, 25 % is chance", "",
        f"{'':<26} {'not clipped':^28}   {'clipped to 1':^16}",
        f"{'network':<10}{'optimizer':<10}{'rate':>6}  {'right':<13}{'largest norm':>13}   {'right':<13}{'clipped':>7}",
    ]  # fmt: skip
    for cell, (optimizer, (_, rates)) in product(("rnn-tanh", "rnn-relu"), OPTIMIZERS.items()):
        for rate in rates:
            free, clipped = (
                [outcome(cell, optimizer, rate, limit, span=SPAN, steps=STEPS, seed=seed) for seed in SEEDS]
                for limit in (None, 1.0)
            )
            largest, share = max(run.largest for run in free), mean(run.exceeding for run in clipped)
            lines.append(
                f"{cell:<10}{optimizer:<10}{rate:>6g}  {in_percent(free):<13}{largest:>13.2g}"
                f"   {in_percent(clipped):<13}{share:>7.0%}"
            )
    return "\n".join(lines)


def in_percent(outcomes: list[Outcome]) -> str:
    return " ".join(f"{outcome.accuracy:>3.0%}".rstrip("%") for outcome in outcomes)
