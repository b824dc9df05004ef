"""What a wrong name of a key is taken for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Cli
from textrnn.config import known_keys
from textrnn.config.aliases import _ALIASES, _KEY_OF

MEANT = {
    "lr": "train.learning_rate",
    "rnn_type": "model.cell",
    "num_epochs": "train.epochs",
    "hops": "model.attention_hops",
    "bs": "train.batch_size",
    "clip": "train.grad_clip_norm",
    "max-len": "data.max_length",
    "sep": "data.delimiter",
    "max_time": "train.minutes",
    "hidden_size": "model.hidden_size",
}
NO_KEY = {
    "train.optimizer": "the optimizer is always AdamW",
    "model.optim": "the optimizer is always AdamW",
    "train.max_hours": "pass --minutes",
    "train.loss": "the loss is always cross-entropy",
    "model.num_classes": "the classes are those of the training texts",
    "train.device": "pass --device",
}


@pytest.mark.parametrize("name", MEANT)
def test_a_name_from_elsewhere_is_understood_wherever_it_stands(cli: Cli, name: str) -> None:
    """At the top of the file, in a wrong section, on the command line with and without one."""
    question = f"did you mean {MEANT[name]}?\n"
    for text in (f"{name}: 1\n", f"vocab: {{{name}: 1}}\n"):
        Path("c.yaml").write_text(text)
        result = cli("train", "--config", "c.yaml")
        assert result.code == 1 and result.err.endswith(question), result.err
    result = cli("train", "--data", "x.tsv", "--set", f"train.{name}=1")
    assert result.code == 1 and result.err.endswith(question), result.err
    result = cli("train", "--data", "x.tsv", "--set", f"{name}=1")
    assert result.code == 2 and result.err.endswith(f"did you mean {MEANT[name]}=1?\n"), result.err


def test_a_section_is_not_taken_for_a_key(cli: Cli) -> None:
    Path("c.yaml").write_text("vocabulary: {min_count: 1}\nlr: {}\n")
    assert "c.yaml: vocabulary: no such section; did you mean vocab?" in cli("train", "--config", "c.yaml").err


def test_each_wrong_set_option_is_named(cli: Cli) -> None:
    result = cli("train", "--data", "x.tsv", "--set", "train.lr=1", "--set", "model.cel=gru")
    assert result.err.splitlines() == [
        "error: --set train.lr: no such key; did you mean train.learning_rate?",
        "error: --set model.cel: no such key; did you mean model.cell?",
    ]


def test_the_table_names_keys_that_exist_and_each_alias_once() -> None:
    assert set(_ALIASES) <= set(known_keys())
    assert len(_KEY_OF) == sum(len(aliases.split()) for aliases in _ALIASES.values()) > 100


@pytest.mark.parametrize(
    ("option", "code", "hint"),
    [
        ("tokenizer=word", 2, "; did you mean tokenizer.kind=word?"),  # the main key of a section
        ("data.delimiter=,", 2, "; to give it as text, quote it twice: 'data.delimiter=\",\"'"),
        ("model.type=x", 1, "; did you mean model.architecture?"),  # "type" is another key in each section
        ("tokenizer.type=x", 1, "; did you mean tokenizer.kind?"),
        ("data.type=x", 1, "; did you mean data.format?"),
    ],
)
def test_a_wrong_set_option_is_answered_with_what_is_meant(cli: Cli, option: str, code: int, hint: str) -> None:
    result = cli("train", "--data", "x.tsv", "--set", option)
    assert result.code == code and result.err.endswith(f"{hint}\n"), result.err


def test_the_mistyped_name_of_a_config_is_answered_with_the_likely_file(cli: Cli) -> None:
    Path("messy.yaml").write_text("{}")
    result = cli("train", "--config", "mesy.yaml")
    assert result.code == 1 and result.err.endswith("No such file or directory; did you mean messy.yaml?\n")


@pytest.mark.parametrize("name", NO_KEY)
def test_what_has_no_key_is_explained(cli: Cli, name: str) -> None:
    section, _, bare = name.partition(".")
    for text in (f"{section}: {{{bare}: x}}\n", f"{bare}: x\n", f"{bare}: {{x: 1}}\n"):
        Path("c.yaml").write_text(text)
        result = cli("train", "--config", "c.yaml")
        assert result.code == 1 and result.err.endswith(f"; {NO_KEY[name]}\n"), result.err
    assert cli("train", "--data", "x.tsv", "--set", f"{name}=x").err.endswith(f"no such key; {NO_KEY[name]}\n")
    assert cli("train", "--data", "x.tsv", "--set", f"{bare}=x").err.endswith(f"; {NO_KEY[name]}\n")


@pytest.mark.parametrize("name", ["train.foo", "train.name", "model.beam", "vocab.epsilon_greedy", "data.steps"])
def test_a_key_that_is_far_from_all_others_is_not_taken_for_one(cli: Cli, name: str) -> None:
    section = name.partition(".")[0]
    keys = [key.partition(".")[2] for key in known_keys() if key.startswith(f"{section}.")]
    result = cli("train", "--data", "x.tsv", "--set", f"{name}=1")
    assert result.err == f"error: --set {name}: no such key; the keys of {section} are: {', '.join(keys)}\n"
