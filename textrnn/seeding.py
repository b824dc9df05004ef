"""Random state: set from a seed, taken, and put back."""

from __future__ import annotations

import torch


def seed_everything(seed: int) -> None:
    """All that training draws from torch: weights, dropout. Splits and batches have generators of their own."""
    torch.manual_seed(seed)


def random_state(device: torch.device) -> dict[str, torch.Tensor]:
    """The generators that training draws from: torch's own, and the GPU's where it trains there."""
    state = {"torch": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def restore_random_state(state: dict[str, torch.Tensor], device: torch.device) -> None:
    torch.set_rng_state(state["torch"])
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)
