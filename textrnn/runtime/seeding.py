"""Random numbers as functions of the seed, so that no generator's state has to be kept."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

_forked = threading.Lock()


@contextmanager
def fork_rng(device: torch.device) -> Iterator[None]:
    """Inside the block torch's global random state may be changed; afterwards it is what it was. One thread of the
    process at a time: others wait for it."""
    with _forked, torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        yield


def seed_weights(seed: int) -> None:
    """Seed torch so that every process draws the same initial weights."""
    torch.manual_seed(seed)


def seed_step(seed: int, step: int, process: int, device: torch.device) -> None:
    """Seed dropout for one step of one process, independently of where training started."""
    # mixed, since torch's generator on the CPU looks at the lower 32 bits alone
    mixed = int(np.random.SeedSequence([seed, step, process]).generate_state(1, np.uint64)[0])
    if device.type == "cuda":
        torch.cuda.manual_seed_all(mixed)
    else:
        torch.default_generator.manual_seed(mixed)  # torch.manual_seed also looks for GPUs: ten times as slow
