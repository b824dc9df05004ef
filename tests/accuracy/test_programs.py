from __future__ import annotations

from typing import Literal

import pytest

from scripts.accuracy.programs import on_train_and_dev
from textrnn.config import Config, DataConfig, ModelConfig, load_config, parse_override


@pytest.mark.parametrize(("linear", "held_out"), [("none", 0), ("mix", 0.1)])
@pytest.mark.parametrize(("dev", "train"), [(None, "a.tsv"), ("b.tsv", ["a.tsv", "b.tsv"])])
def test_a_recipe_trains_on_dev_too_and_learns_from_a_tenth_how_both_parts_decide(
    dev: str | None, train: str | list[str], linear: Literal["none", "mix"], held_out: float
) -> None:
    config = Config(data=DataConfig(train="a.tsv", dev=dev), model=ModelConfig(linear=linear))
    words = [str(word) for word in on_train_and_dev(config)]
    assert set(words[::2]) == {"--set"}
    given = [("data.train", "a.tsv"), ("data.dev", dev), *map(parse_override, words[1::2])]
    data = load_config(None, given).data
    assert (data.train, data.dev, data.dev_fraction) == (train, None, held_out)
