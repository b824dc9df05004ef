"""Errors shown to the user; each message says what was expected, what was found, where, and what to do."""


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


class UsageError(TextRNNError):
    """Options that contradict each other: exit code 2, as for options that the command line rejects."""
