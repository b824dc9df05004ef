"""The best weights of each network of a run: in memory, and in its model folder."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from textrnn.errors import CheckpointError
from textrnn.linear.mixture import Decision
from textrnn.models.network import Network
from textrnn.run.folder import RunFolder
from textrnn.run.model import DECISION, read_decision, read_networks, save_decision, save_weights
from textrnn.runtime.distributed import is_first
from textrnn.runtime.tensors import difference

# Where no text was held out to learn from: equal parts, and a temperature of the linear model that suits most corpora.
EQUAL_PARTS = Decision(weight=0.5, linear_temperature=0.25)


class BestNetworks:
    """Of a run: how its networks decide is saved with their weights. Of several processes, the first alone writes.

    linear: whether there is a linear model. mix: whether it decides, too.
    """

    def __init__(self, run: RunFolder, *, linear: bool, mix: bool) -> None:
        self.run, self.linear, self.mix = run, linear, mix
        self.weights: list[dict[str, torch.Tensor]] = []
        self.decision = Decision()

    def load(self, network: Network, count: int) -> None:
        """What was saved before. network: one of the run's, of which there are to be `count`. Raises CheckpointError
        where it is damaged, or belongs to another run."""
        if not self.run.weights.exists():
            return
        self.weights = read_networks(self.run.weights)
        self.decision, _, _ = read_decision(self.run.model / DECISION)
        wrong = next(filter(None, (difference(each, network.state_dict()) for each in self.weights)), None)
        if wrong is None and len(self.weights) > count:
            wrong = f"{len(self.weights)} networks, where the run has {count}"
        if wrong is not None:
            raise CheckpointError(
                f"{self.run.weights}: damaged, or of another run ({wrong}); start over with: "
                f"{self.run.restart_command()}"
            )

    def has(self, fold: int | None) -> bool:
        return len(self.weights) >= (fold or 1)

    def keep(self, fold: int | None, network: Network, decision: Decision | None) -> None:
        """Replace the network of a fold, or the only one. decision: None where no text was held out."""
        number = (fold or 1) - 1
        self.weights[number : number + 1] = [{name: each.cpu().clone() for name, each in network.state_dict().items()}]
        self.save(decision or (EQUAL_PARTS if self.linear and self.mix else Decision()))

    def save(self, decision: Decision) -> None:
        self.decision = decision
        if is_first():
            save_weights(self.run.model, self.weights, decision, self.linear)

    def networks(self, network: Network) -> Iterator[Network]:
        """Each with its best weights. network: any of the run's; it has them one after the other."""
        for weights in self.weights:
            network.load_state_dict(weights)
            yield network

    def decide(self, decision: Decision, bfloat16_agreement: float | None = None) -> None:
        """Save how the networks decide; their weights stay. bfloat16_agreement: see `training.precision`."""
        self.decision = decision
        if is_first():
            save_decision(self.run.model, decision, self.linear, bfloat16_agreement)
