"""Errors shown to the user; each message says what was expected, what was found, where, and what to do."""

from __future__ import annotations

import reprlib
import shlex
from typing import Any


class TextRNNError(Exception):
    """A user's mistake or a failure of the machine: shown as one message, a line per problem; exit code 1."""


class ConfigError(TextRNNError):
    """A config key or value, or a combination of them, that cannot work."""


class DataError(TextRNNError):
    """A data file that cannot be read as asked; the message begins with `file:line`."""


class CheckpointError(TextRNNError):
    """A run folder, model or saved state that is missing, damaged or of another kind."""


class NotFiniteError(TextRNNError):
    """A model whose logits, or their loss, are NaN or infinite."""

    @classmethod
    def of(cls, what: str) -> NotFiniteError:
        """With the remedy. what: "logits are" or "loss is"."""
        return cls(
            f"the model's {what} not finite: its weights are too large; training with a lower train.learning_rate "
            f"avoids that"
        )


class UsageError(TextRNNError):
    """Options that contradict each other: exit code 2, as for options that the command line rejects."""


class _Short(reprlib.Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 3
        self.maxstring = self.maxother = 80

    def repr_int(self, value: int, level: int) -> str:
        if value.bit_length() > 200:  # Python refuses to print very long ones
            return f"<a number of about {value.bit_length() * 3 // 10:,} digits>"
        return repr(value)


_SHORT = _Short()


def command(*words: object) -> str:
    """`textrnn` with these words as it is typed in a shell, for a message that says what to do next."""
    return shlex.join(["textrnn", *map(str, words)])


def short(value: Any) -> str:
    """`repr(value)` for a message, cut where it is long. It takes little time and memory, whatever the value is."""
    text = _SHORT.repr(value)
    return text if len(text) <= 200 else f"{text[:197]}..."
