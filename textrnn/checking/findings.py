"""What is said of data that may be faulty: one finding, and how bad it is."""

from __future__ import annotations

from dataclasses import dataclass, field

SEVERE_SHARE = 0.01  # of texts: with more of them faulty, a score may be off by a point


@dataclass(frozen=True)
class Finding:
    """about: a word for the kind. text: a sentence with the count. severe: whether it can move a score by a point or
    loses a class. remedy: what to do, where `text` does not say it. examples: a line each, with `file:line` where it is
    of a row. split: whose texts it is about, where that is one."""

    about: str
    text: str
    severe: bool = False
    remedy: str = ""
    examples: list[str] = field(default_factory=list)
    split: str = ""

    def lines(self) -> list[str]:
        """For a log."""
        return [self.text, *self.examples]


def is_severe(count: int, total: int) -> bool:
    """Whether so many of some texts are enough to be severe."""
    return count > SEVERE_SHARE * total
