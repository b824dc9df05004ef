"""`textrnn config`: the config that `train` would use."""

from __future__ import annotations

from textrnn.commands.data import warn_of_dead_keys
from textrnn.config import Config


def resolved(config: Config) -> str:
    """The config with every key, as YAML. Keys without effect are logged as warnings."""
    warn_of_dead_keys(config)
    return config.to_yaml()
