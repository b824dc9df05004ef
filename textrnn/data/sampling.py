"""A random part of the texts of a source, of bounded size, in one pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from textrnn.data.reader import Example


def thinned(
    examples: Iterable[Example],
    rows: int,
    characters: int,
    seed: int,
    each: Callable[[Example], object] = lambda _: None,
) -> list[Example]:
    """All examples, in order, or a random part of them that fits both limits. Whenever there are too many, half of them
    go, and of those to come as large a part is left out. Every example is passed to `each`.
    """
    random = np.random.default_rng([seed, 0x7417])
    share, total = 1.0, 0
    kept: list[tuple[float, Example]] = []
    for example in examples:
        each(example)
        place = float(random.random())
        if place >= share:
            continue
        kept.append((place, example))
        total += len(example.text)
        while len(kept) > 1 and (len(kept) > rows or total > characters):
            share /= 2
            kept = [(place, example) for place, example in kept if place < share] or kept[:1]
            total = sum(len(example.text) for _, example in kept)
    return [example for _, example in kept]
