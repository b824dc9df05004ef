"""The YAML config: its keys, their defaults and limits, and how `--set a.b=v` changes them."""

from textrnn.config.load import (
    MODEL_FORMAT_KEY,
    build_config,
    changed_keys,
    known_keys,
    load_config,
    parse_override,
    read_yaml,
    set_key,
)  # fmt: skip
from textrnn.config.sections import (
    PLAIN,
    SECTIONS,
    Cell,
    Config,
    DataConfig,
    ModelConfig,
    Paths,
    TokenizerConfig,
    TrainConfig,
    VocabConfig,
    dead_keys,
    to_yaml,
)  # fmt: skip

__all__ = [
    "MODEL_FORMAT_KEY", "PLAIN", "SECTIONS", "Cell", "Config", "DataConfig", "ModelConfig", "Paths", "TokenizerConfig",
    "TrainConfig", "VocabConfig", "build_config", "changed_keys", "dead_keys", "known_keys", "load_config",
    "parse_override", "read_yaml", "set_key", "to_yaml",
]  # fmt: skip
