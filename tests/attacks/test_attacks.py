"""Whatever it is given, the program ends in time with an exit code it means, says why, and loses nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest

from tests.attacks import (
    arguments,
    caches,
    configs,
    data_files,
    limits,
    models,
    signals,
    states,
    streams,
    yaml_files,
)
from tests.attacks.case import Case


class Family(NamedTuple):
    attack: Callable[[Case], None]
    few: int
    many: int


FAMILIES = {
    "config": Family(configs.attack, 12, 600),
    "yaml": Family(yaml_files.attack, 10, 500),
    "data": Family(data_files.attack, 12, 700),
    "models": Family(models.attack, 8, 400),
    "caches": Family(caches.attack, 4, 150),
    "states": Family(states.attack, 3, 150),
    "signals": Family(signals.attack, 1, 50),
    "limits": Family(limits.attack, 1, 60),
    "streams": Family(streams.attack, 4, 140),
    "arguments": Family(arguments.attack, 5, 250),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_few_cases(family: str, attack: Callable[..., None]) -> None:
    attack(family, FAMILIES[family].attack, FAMILIES[family].few)


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_many_cases(family: str, attack: Callable[..., None]) -> None:
    attack(family, FAMILIES[family].attack, FAMILIES[family].many)
