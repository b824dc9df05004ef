"""One direction and both (Schuster and Paliwal 1997): the distance of the read-out from the token that matters.

The task of `scripts/memory_span.py`, at a length that a simple recurrent network cannot bridge, with the symbol first,
in the middle or last. The last step of the backward direction reads the first token.
"""

from __future__ import annotations

from itertools import product
from statistics import fmean

import torch

from scripts.memory_span import Variant, accuracy, build, learns

LENGTH = 100  # tokens of noise
PLACES = {"first": 0, "middle": LENGTH // 2, "last": LENGTH}
SEEDS = (1, 2, 3)


def score(place: int, pooling: str, *, bidirectional: bool, span: int, steps: int, seed: int) -> float:
    """The accuracy of a tanh network that was trained for `steps` steps, or until it had learnt the task."""
    torch.manual_seed(seed)
    variant = Variant("rnn-tanh", orthogonal=False)  # as torch draws weights: orthogonal ones reach farther at times
    network = build(variant, hidden_size=32, pooling=pooling, bidirectional=bidirectional)
    random = torch.Generator().manual_seed(seed)
    learns(network, span, random, steps=steps, learning_rate=3e-3, place=place)
    return accuracy(network, span, random, place=place)


def report() -> str:
    lines = [
        "tanh RNN, uniform weights, 200 steps of training; % right, chance is 25;",
        f"one of 4 symbols in {LENGTH} tokens of noise, the mean of {len(SEEDS)} seeds", "",
        f"{'read-out':<12}{'directions':<12}" + "".join(f"{'symbol ' + place:>15}" for place in PLACES),
    ]  # fmt: skip
    for pooling, bidirectional in product(("last", "max"), (False, True)):
        line = f"{pooling:<12}{'both' if bidirectional else 'one':<12}"
        for place in PLACES.values():
            options = {"bidirectional": bidirectional, "span": LENGTH, "steps": 200}
            line += f"{fmean(score(place, pooling, seed=seed, **options) for seed in SEEDS):>15.1%}"
        lines.append(line)
    return "\n".join(lines)
