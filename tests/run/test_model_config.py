"""The table of defaults by version of the format."""

from __future__ import annotations

from textrnn.config import Config
from textrnn.run.model_config import FORMAT_VERSION, defaults_of, kept_keys


def test_the_defaults_of_the_current_version_are_those_of_the_config() -> None:
    assert defaults_of(FORMAT_VERSION) == kept_keys(Config()), (
        "a key that a model keeps is new or gone, or its default has changed: models saved before must keep their "
        "meaning, so append a new version of the format to DEFAULTS in textrnn/run/model_config.py"
    )
