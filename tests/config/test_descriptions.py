"""Every key says what it means, in sentences that stand alone."""

from __future__ import annotations

import re

import pytest

from textrnn.config import MAIN_KEYS, description, known_keys

KEYS = ["preset", *known_keys()]


@pytest.mark.parametrize("key", KEYS)
def test_each_key_has_one_that_names_only_keys_that_exist(key: str) -> None:
    text = description(key)
    assert re.fullmatch(r"[A-Z][^\n]+\.", text) and len(text) < 400
    assert text.count("`") % 2 == 0
    sections = "data|tokenizer|vocab|model|train"
    assert set(re.findall(rf"`((?:{sections})\.\w+)`", text)) <= known_keys().keys() - {key}
    assert not re.search(rf"(?<!`)\b(?:{sections})\.\w+", text), "the name of a key is in backticks"


def test_no_two_are_equal() -> None:
    assert len({description(key) for key in KEYS}) == len(KEYS)


def test_keys_that_matter_first_are_keys() -> None:
    assert set(MAIN_KEYS) <= known_keys().keys() and len(set(MAIN_KEYS)) == len(MAIN_KEYS)


def test_an_unknown_key_has_none() -> None:
    for key in ("train.sed", "trian.seed", "seed"):
        with pytest.raises(KeyError):
            description(key)
