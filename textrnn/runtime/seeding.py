"""Random numbers as functions of the seed, so that no generator's state has to be kept."""

from __future__ import annotations

import contextlib

import numpy as np
import torch


def fork_rng(device: torch.device) -> contextlib.AbstractContextManager[None]:
    """Inside the block torch's global random state may be changed; afterwards it is what it was."""
    return torch.random.fork_rng(devices=[device] if device.type == "cuda" else [])


def seed_weights(seed: int) -> None:
    """What a new model's weights are drawn from; the same in each process."""
    torch.manual_seed(seed)


def seed_step(seed: int, step: int, process: int, device: torch.device) -> None:
    """What dropout is drawn from in one step of one process, wherever training began or was resumed."""
    # mixed, since torch's generator on the CPU looks at the lower 32 bits alone
    mixed = int(np.random.SeedSequence([seed, step, process]).generate_state(1, np.uint64)[0])
    if device.type == "cuda":
        torch.cuda.manual_seed_all(mixed)
    else:
        torch.default_generator.manual_seed(mixed)  # torch.manual_seed also looks for GPUs: ten times as slow
