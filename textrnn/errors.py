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


class BadRowError(DataError):
    """The first row of a file that cannot be read; other rows may be good."""


class CheckpointError(TextRNNError):
    """A run folder, model or saved state that is missing, damaged or of the wrong kind."""


class NotFiniteError(TextRNNError):
    """A model whose logits, or their loss, are NaN or infinite."""

    @classmethod
    def of(cls, what: str) -> NotFiniteError:
        """The error, with advice on the learning rate. what: "logits are" or "loss is"."""
        remedy = "training with a lower train.learning_rate avoids that"
        return cls(f"the model's {what} not finite: its weights are too large; {remedy}")


class UsageError(TextRNNError):
    """Contradictory options: exit code 2, as for options that the command line rejects."""


class _Short(reprlib.Repr):
    def repr_int(self, value: int, level: int) -> str:
        if value.bit_length() > 200:  # Python refuses to print very long integers
            return f"<a number of about {value.bit_length() * 3 // 10:,} digits>"
        return repr(value)


_SHORT = _Short()
_SHORT.maxlevel, _SHORT.maxstring, _SHORT.maxother = 3, 80, 80


def command(*arguments: object) -> str:
    """The shell command `textrnn` with these arguments, quoted, for the remedy in a message."""
    return shlex.join(["textrnn", *map(str, arguments)])


def short(value: Any) -> str:
    """`repr(value)` for a message, cut if it is long. Takes little time and memory for any value."""
    text = _SHORT.repr(value)
    return text if len(text) <= 200 else f"{text[:197]}..."
