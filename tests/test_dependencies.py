"""What the project imports is declared, and in a version that has it."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DISTRIBUTIONS = {"sklearn": "scikit-learn", "yaml": "pyyaml", "fasttext": "fasttext-wheel", "PIL": "pillow"}
# Keras runs in an environment of its own, which scripts/bench/programs.py makes
ELSEWHERE = {"keras", "tensorflow"}
SINCE = {"get_total_norm": (2, 6), "OutOfMemoryError": (2, 5)}  # names of torch that its first versions lack


def declared() -> dict[str, list[str]]:
    """Group -> its requirements, "" for those of the package itself. (tomllib is newer than the oldest Python.)"""
    text = (ROOT / "pyproject.toml").read_text()
    groups = {"": re.search(r"^dependencies = \[(.*?)^\]", text, re.MULTILINE | re.DOTALL)}
    for name in ("dev", "bench", "tensorboard", "serve", "browser", "docs"):
        groups[name] = re.search(rf"^{name} = \[(.*?)\]", text, re.MULTILINE | re.DOTALL)
    return {name: re.findall(r'"([^"]+)"', found[1]) for name, found in groups.items() if found}


def names(*groups: str) -> set[str]:
    return {re.split("[>=<]", requirement)[0] for group in groups for requirement in declared()[group]}


def imported(folder: str) -> set[str]:
    found: set[str] = set()
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    ours = {"textrnn", "tests", "scripts", *(path.stem for path in (ROOT / folder).rglob("*.py"))}
    return {DISTRIBUTIONS.get(name, name.replace("_", "-")) for name in found - ours - set(sys.stdlib_module_names)}


@pytest.mark.parametrize(
    ("folder", "groups"),
    [
        ("textrnn", ("", "tensorboard", "serve")),
        ("scripts", ("", "bench", "browser", "docs", "dev")),
        ("tests", ("", "dev")),
    ],
)
def test_every_import_is_declared(folder: str, groups: Iterable[str]) -> None:
    found = imported(folder) - ELSEWHERE
    assert len(found) > 4
    assert found <= names(*groups)


def test_every_dependency_is_imported() -> None:
    assert names("", "tensorboard", "serve") == imported("textrnn")


def test_the_oldest_torch_has_all_that_is_used() -> None:
    (requirement,) = [found for found in declared()[""] if found.startswith("torch>=")]
    oldest = tuple(map(int, requirement.partition(">=")[2].split(".")))
    source = "".join(path.read_text() for path in (ROOT / "textrnn").rglob("*.py"))
    used = {name: version for name, version in SINCE.items() if name in source}
    assert used and all(version <= oldest for version in used.values()), used
