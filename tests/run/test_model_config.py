"""The table of defaults by version of the format."""

from __future__ import annotations

from textrnn.config import Config
from textrnn.run.model_config import FORMAT_VERSION, HASHED, defaults_of, kept_keys
from textrnn.run.old_models import OldParts


def test_the_defaults_of_the_current_version_are_those_of_the_config() -> None:
    assert defaults_of(FORMAT_VERSION) == kept_keys(Config()), (
        "a key that a model keeps is new or gone, or its default has changed: models saved before must keep their "
        "meaning, so append a new version of the format to DEFAULTS in textrnn/run/model_config.py"
    )


def test_each_version_has_a_default_for_each_key_of_the_version_before() -> None:
    for version in range(FORMAT_VERSION):
        gone = OldParts._fields if version == HASHED else ()
        for section, keys in defaults_of(version).items():
            assert keys.keys() - set(gone) <= defaults_of(version + 1)[section].keys()
