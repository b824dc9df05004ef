"""The time that a run may take (`train.minutes`): when the steps of a network must end, and how far its learning-rate
schedule must be by now."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

from textrnn.training.fit import FitSettings
from textrnn.training.state import TrainingState

SHARE_FOR_THE_END = 0.1  # of the whole time, for curves, files and what takes longer than expected
EVALUATION_COST = 0.12  # a token in an evaluation takes about this part of its time in an optimizer step


@dataclass(frozen=True)
class TimeLimit:
    """seconds: of the whole run, infinite without a limit. begin: when it began, by time.monotonic(), which all
    processes of a machine share; earlier by the time that earlier processes of a resumed run have used."""

    seconds: float = math.inf
    begin: float = field(default_factory=time.monotonic)

    @classmethod
    def of(cls, minutes: float | None, begin: float, used_before: float = 0.0) -> TimeLimit:
        return cls(math.inf if minutes is None else 60 * minutes, begin - used_before)

    def used(self) -> float:
        """The seconds since the run began."""
        return time.monotonic() - self.begin

    def left(self) -> float:
        """The seconds in which networks may still be trained."""
        return (1 - SHARE_FOR_THE_END) * self.seconds - self.used()


class Pace:
    """The pace at which a network must be trained to end in time. texts_ratio: the tokens of its held-out texts, as a
    multiple of those of its training texts. networks: the number of networks, this one included, that are evaluated
    when training ends."""

    def __init__(
        self, limit: TimeLimit, settings: FitSettings, state: TrainingState, texts_ratio: float, networks: int
    ) -> None:
        self.limit, self.settings, self.state = limit, settings, state
        self.texts_ratio, self.networks = texts_ratio, networks
        self.began, self.began_at = time.monotonic(), max(state.step, state.due)

    def due(self) -> int:
        """The number of steps that the schedule must have reached by now to reach its last one in time. It grows
        evenly from where the schedule was when this process began."""
        passed = time.monotonic() - self.began
        whole = passed + max(self.limit.left() - self.seconds_after_steps(), 0.0)
        total = self.settings.total_steps
        return min(total, self.began_at + int((total - self.began_at) * passed / whole)) if whole > 0 else total

    def seconds_after_steps(self) -> float:
        """The estimated time from the last step to the end of training: for the last evaluation of this network, and
        one or two of each network at the end, in one precision or in two."""
        epoch_seconds = self.state.seconds / max(self.state.step, 1) * self.settings.steps_per_epoch
        return (1 + 2 * self.networks) * EVALUATION_COST * self.texts_ratio * epoch_seconds
