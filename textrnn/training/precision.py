"""How often a trained model decides alike in bfloat16 and in float32."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch

from textrnn.inference import compute_logits
from textrnn.linear.mixture import Decision
from textrnn.models.network import Network
from textrnn.runtime.device import has_bfloat16_units
from textrnn.training.plan import Part

MOST_TEXTS = 2000  # that are looked at


def bfloat16_agreement(
    networks: Iterable[Network], parts: Sequence[Part], margins: np.ndarray | None, decision: Decision, *,
    device: torch.device, after_batch: Callable[[int], object] = lambda count: None,
) -> float | None:  # fmt: skip
    """The share of held-out texts whose predicted class is the same in both precisions, each by the network that was
    not trained on it and the linear model; None where the processor has no bfloat16 units or no text was held out.

    networks: of each part, on `device`. margins (n, classes): of the linear model on all held-out texts, None where it
    does not decide. after_batch: may raise to stop.
    """
    if not has_bfloat16_units(device) or any(part.held_out is None for part in parts):
        return None
    if not decision.needs_network:
        return 1.0
    same = []
    for part, network in zip(parts, networks, strict=True):
        assert part.held_out is not None
        rows = np.random.default_rng(part.seed).permutation(len(part.held_out))[: MOST_TEXTS // len(parts)]
        own = part.own(margins)
        linear = None if own is None else torch.from_numpy(own[rows])
        classes = [
            decision.logits(
                compute_logits(
                    network, part.held_out.rows(rows), device=device, precision=precision, after_batch=after_batch
                ),
                linear,
            ).argmax(dim=1)
            for precision in ("float32", "bfloat16")
        ]
        same.append(classes[0] == classes[1])
    return float(torch.cat(same).double().mean())
