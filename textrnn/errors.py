"""What can go wrong for a user; each message says what was expected, what was found, where, and what to do."""


class TextRNNError(Exception):
    """A user's mistake or a fault of the machine: shown as one message, a line per problem, exit 1."""


class ConfigError(TextRNNError):
    """A config key or value, or a combination of them, that cannot work."""


class DataError(TextRNNError):
    """A data file that cannot be read as asked; the message begins with `file:line`."""


class CheckpointError(TextRNNError):
    """A run folder, model or saved state that is missing, damaged or of another kind."""


class UsageError(TextRNNError):
    """Options that do not go together: exit 2, as for options the command line itself refuses."""
