"""Every config that is shipped loads, builds, and tells how to use it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from textrnn.config import dead_keys, load_config
from textrnn.models.build import build_network

ROOT = Path(__file__).parents[1]
CONFIGS = sorted((ROOT / "configs").rglob("*"))


def test_how_many_there_are() -> None:
    assert len(CONFIGS) == 18
    assert all(path.suffix == ".yaml" for path in CONFIGS)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_it_loads_and_builds_without_dead_keys(path: Path) -> None:
    config = load_config(path)
    assert dead_keys(config) == []
    assert config.data.train is not None
    model = build_network(config.model, vocab_size=50, num_classes=3)
    assert sum(parameter.numel() for parameter in model.parameters()) > 0


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_its_header_names_the_command_and_the_result(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    header = text[: text.index("\n\n")]
    assert f"textrnn train --config configs/{path.name}" in header
    assert re.search(r"Measured.*%|not measured", header, re.DOTALL)
    assert "RESULT" not in header
    for script in re.findall(r"scripts/\w+\.py", header):
        assert (ROOT / script).exists()
