"""The whole config: its sections, its presets, and the descriptions of its keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import yaml
from pydantic import Field, model_validator

from textrnn.config.data import DataConfig
from textrnn.config.needs import Needs
from textrnn.config.sections import ModelConfig, TokenizerConfig, TrainConfig, VocabConfig
from textrnn.config.values import Section

# What each preset changes of the defaults. The linear model reads texts whole, up to as many characters
# (MOST_CHARACTERS in linear/model.py).
PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    "best": {},
    "plain": {
        "model": {"rare_dim": None, "ngrams": 1, "linear": "report"},
        "train": {"adversarial_norm": None, "embedding_lr_multiplier": 1.0, "folds": 1, "precision": "float32"},
    },
    "linear": {"data": {"max_length": 1_000_000}, "model": {"linear": "only"}},
}
# The keys of `model` and `train` that have an effect without a network.
_WITHOUT_NETWORK = ("model.linear", "train.folds", "train.class_weights", "train.seed")


class Config(Section):
    preset: Literal["best", "plain", "linear"] = Field(
        "best", description="Defaults of the keys that are not set: `best` aims at the best accuracy; `plain` is "
        "the network of the config and nothing else; `linear` is a linear model without a network, which is trained in "
        "seconds.",
    )  # fmt: skip
    data: DataConfig = DataConfig()
    tokenizer: TokenizerConfig = TokenizerConfig()
    vocab: VocabConfig = VocabConfig()
    model: ModelConfig = ModelConfig()
    train: TrainConfig = TrainConfig()

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, tree: Any) -> Any:
        """Keys that are not stated take the defaults of the preset."""
        if not isinstance(tree, dict):
            return tree
        tree, preset, model = dict(tree), tree.get("preset", "best"), tree.get("model", {})
        linear = model.get("linear", "only" if preset == "linear" else "mix") if isinstance(model, dict) else "mix"
        for section, defaults in _preset_defaults(preset, linear).items():
            given = tree.get(section, {})
            if isinstance(given, dict):
                tree[section] = defaults | given
        return tree

    def default(self, section: str, key: str) -> Any:
        """The value of a key that is not stated."""
        changed = _preset_defaults(self.preset, self.model.linear).get(section, {})
        return changed.get(key, type(getattr(self, section)).model_fields[key].default)

    def sections(self) -> Iterator[tuple[str, Section]]:
        return ((name, getattr(self, name)) for name in SECTIONS)

    def replaced(self, **sections: dict[str, Any]) -> Config:
        """A copy with other values, which are not checked. sections: the keys to change, by the name of the section."""
        changed = {name: getattr(self, name).model_copy(update=keys) for name, keys in sections.items()}
        return self.model_copy(update=changed)

    def to_yaml(self) -> str:
        return to_yaml(self.model_dump())


def _preset_defaults(preset: Any, linear: Any) -> dict[str, dict[str, Any]]:
    """The defaults that a preset changes. linear: the value of model.linear. Whether there is a network decides on the
    preset `linear`, so that a network never has its defaults."""
    if linear == "only":
        return PRESETS["linear"]
    return PRESETS["plain"] if preset == "plain" else {}


SECTIONS = [name for name in Config.model_fields if name != "preset"]
# The keys that matter first. The reference shows them before all others.
MAIN_KEYS = (
    "data.train", "data.dev", "data.test", "data.text_column", "data.label_column",
    "tokenizer.kind", "model.architecture", "model.cell", "model.hidden_size", "model.num_layers",
    "model.bidirectional", "model.dropout", "train.batch_size", "train.epochs",
    "train.learning_rate", "train.grad_clip_norm", "train.seed",
)  # fmt: skip


def description(key: str) -> str:
    """The meaning of `preset` or of a `section.key`: sentences, with values and names of keys in backticks. Raises
    KeyError for an unknown key."""
    section, _, name = key.rpartition(".")
    model = Config.model_fields[section].annotation if section else Config
    return str(model.model_fields[name].description)  # type: ignore[union-attr]


def to_yaml(tree: dict[str, Any]) -> str:
    return yaml.safe_dump(tree, sort_keys=False, allow_unicode=True)


def dead_keys(config: Config) -> list[str]:
    """A sentence for each key whose value is not the default and whose precondition this config does not meet."""
    sentences = []
    for name, section in config.sections():
        for key, value in section:
            if value == config.default(name, key):
                continue
            if not config.model.has_network and is_of_network(f"{name}.{key}"):
                sentences.append(f"{name}.{key}: {value} has no effect: there is no network (model.linear is only)")
                continue
            for needs in type(section).model_fields[key].metadata:
                if isinstance(needs, Needs) and not needs.met(config):
                    reason = needs.reason.format(**dict(config.sections()))
                    sentences.append(f"{name}.{key}: {value} {needs.result}: {reason}")
    return sentences


def is_of_network(key: str) -> bool:
    """Whether a `section.key` has no effect without a network."""
    return key == "data.max_length" or (key.startswith(("model.", "train.")) and key not in _WITHOUT_NETWORK)
