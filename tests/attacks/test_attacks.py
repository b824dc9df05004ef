"""Whatever it is given, the program ends in time with an exit code it means, says why, and loses nothing."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.attacks.arguments import attack_arguments
from tests.attacks.configs import attack_keys, attack_yaml
from tests.attacks.conftest import copy_templates
from tests.attacks.data_files import attack_data, attack_stream
from tests.attacks.folders import attack_cache, attack_model, attack_state
from tests.attacks.hostile import Draw

Attack = Callable[[Draw], None]
# (attack, cases in `make test`, cases in `make slow`)
FAMILIES: list[tuple[Attack, int, int]] = [
    (attack_keys, 10, 40), (attack_yaml, 10, 60), (attack_arguments, 6, 40), (attack_data, 12, 40),
    (attack_stream, 4, 20), (attack_model, 8, 30), (attack_state, 4, 15), (attack_cache, 3, 10),
]  # fmt: skip


def _cases() -> Iterator[object]:
    times = float(os.environ.get("TEXTRNN_ATTACKS", "1"))
    for attack, few, many in FAMILIES:
        name = attack.__name__.removeprefix("attack_")
        yield pytest.param(attack, max(1, int(few * times)), id=f"few-{name}")
        yield pytest.param(attack, max(1, int(many * times)), id=f"many-{name}", marks=pytest.mark.slow)


@pytest.mark.parametrize(("attack", "examples"), [*_cases()])
def test_a_command_under_attack_ends_as_it_should(
    attack: Attack, examples: int, templates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @settings(max_examples=examples, derandomize=True, deadline=None, database=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(st.data())
    def attack_once(data: st.DataObject) -> None:
        folder = Path(tempfile.mkdtemp(dir=tmp_path), "here")
        copy_templates(templates, folder)
        monkeypatch.chdir(folder)
        attack(data.draw)
        shutil.rmtree(folder.parent, ignore_errors=True)

    attack_once()
