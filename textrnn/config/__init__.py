"""The YAML config: its keys, their defaults, limits and meanings, and how `--set a.b=v` changes them."""

from textrnn.config.config import (  # noqa: F401, I001 - the names that other rooms use, in few lines
    MAIN_KEYS, PRESETS, SECTIONS, Config, dead_keys, description, is_of_network, to_yaml,
)  # fmt: skip
from textrnn.config.load import (  # noqa: F401
    MODEL_FORMAT_KEY, build_config, changed_keys, known_keys, load_config, parse_override, read_yaml, set_key,
)  # fmt: skip
from textrnn.config.data import DataConfig  # noqa: F401
from textrnn.config.sections import Cell, ModelConfig, TokenizerConfig, TrainConfig  # noqa: F401
from textrnn.config.values import Paths  # noqa: F401
