from __future__ import annotations

import pytest

from scripts.accuracy.programs import on_train_and_dev
from textrnn.config import DataConfig, load_config, parse_override


@pytest.mark.parametrize(("dev", "train"), [(None, "a.tsv"), ("b.tsv", ["a.tsv", "b.tsv"])])
def test_a_recipe_trains_on_dev_too(dev: str | None, train: str | list[str]) -> None:
    words = [str(word) for word in on_train_and_dev(DataConfig(train="a.tsv", dev=dev))]
    assert set(words[::2]) == {"--set"}
    given = [("data.train", "a.tsv"), ("data.dev", dev), *map(parse_override, words[1::2])]
    data = load_config(None, given).data
    assert (data.train, data.dev, data.dev_fraction) == (train, None, 0)
