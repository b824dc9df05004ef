"""The YAML config: its keys, their defaults and limits, and how `--set a.b=v` changes them."""

from textrnn.config.load import (  # noqa: F401, I001 - the names that other rooms use, in few lines
    MODEL_FORMAT_KEY, build_config, changed_keys, known_keys, load_config, parse_override, read_yaml, set_key,
)  # fmt: skip
from textrnn.config.sections import (  # noqa: F401
    PLAIN, SECTIONS, Cell, Config, DataConfig, ModelConfig, Paths, TokenizerConfig, TrainConfig, dead_keys, to_yaml,
)  # fmt: skip
