"""The estimator's signature and docstring, which are made from the config."""

from __future__ import annotations

import inspect
import re
from ast import literal_eval

from textrnn import RNNClassifier
from textrnn.config import PRESETS, description, known_keys


def test_parameters_are_the_config_s_keys_with_its_defaults() -> None:
    own = {"tokenizer": "char", "random_state": 1, "device": "auto", "n_jobs": None, "verbose": 0, "preset": "best"}
    own |= dict.fromkeys((key for sections in PRESETS.values() for keys in sections.values() for key in keys), "preset")
    keys = {"data.max_length", "data.empty_texts", "data.dev_fraction", "tokenizer.lowercase", "tokenizer.normalize"}
    keys |= {key for key in known_keys() if key.split(".")[0] in ("vocab", "model", "train")}
    keys -= {"model.pretrained", "train.seed", "train.save_minutes", "train.tensorboard"}
    expected = {key.split(".")[1]: known_keys()[key] for key in keys}
    found = {name: each.default for name, each in inspect.signature(RNNClassifier).parameters.items()}
    assert found == expected | own


def test_its_docstring_has_each_parameter_once_with_the_meaning_of_the_key() -> None:
    entries = re.findall(
        r"^(\w+) : (.+), default=(.+)\n((?:    .+\n)+)", inspect.getdoc(RNNClassifier) or "", re.MULTILINE
    )
    defaults = {name: each.default for name, each in inspect.signature(RNNClassifier).parameters.items()}
    assert {name: literal_eval(default) for name, _, default, _ in entries} == defaults
    assert len(entries) == len(defaults)
    types = {name: kind for name, kind, *_ in entries}
    meanings = {name: " ".join(text.split()) for name, *_, text in entries}
    assert types["cell"] == '{"rnn", "gru", "lstm"}' and types["epochs"] == 'int or "auto"'
    assert types["rare_dim"] == 'int or None or "preset"'
    assert meanings["hidden_size"] == description("model.hidden_size")
    assert meanings["fc_size"] == description("model.fc_size").replace("null", "None")
    assert meanings["ngrams"].endswith('"preset" means 2, or 1 with the preset `plain`.')
