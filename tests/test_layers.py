"""Imports go one way: a file imports from its own room and from rooms above its own in ROOMS, and never in a circle."""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "textrnn"
ROOMS = [
    {"errors"}, {"runtime"}, {"reading"}, {"config"}, {"texts"}, {"corpus"}, {"models", "linear"}, {"inference"},
    {"evaluation"}, {"run"}, {"reports"}, {"training"}, {"active", "checking", "explaining", "gradients"},
    {"classifier"}, {"estimator", "serving"}, {"commands"}, {"cli"}, {"__main__"},
]  # fmt: skip
FLOORS = {room: floor for floor, rooms in enumerate(ROOMS) for room in rooms}
FILES = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in ROOT.rglob("*.py")}
del FILES["__init__"]  # imports lazily, from everywhere


def imported_files(path: Path) -> set[str]:
    """The files of textrnn that a file imports, wherever in it."""
    files = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            module = (node.module or "").removeprefix("textrnn.")
            whole = {f"{module}.{alias.name}" for alias in node.names}
            files |= whole & FILES.keys() or {module, f"{module}.__init__"}
        elif isinstance(node, ast.Import):
            files |= {alias.name.removeprefix("textrnn.") for alias in node.names}
    return files & FILES.keys()


def test_rooms_import_only_from_rooms_above_them() -> None:
    for file, path in FILES.items():
        room = file.split(".")[0]
        for other in {name.split(".")[0] for name in imported_files(path)} - {room}:
            assert FLOORS[other] < FLOORS[room], f"{file} imports {other}"


def test_no_files_import_each_other_in_a_circle() -> None:
    TopologicalSorter({file: imported_files(path) for file, path in FILES.items()}).prepare()  # else CycleError


def test_files_and_rooms_are_small() -> None:
    assert {file for file, path in FILES.items() if len(path.read_text().splitlines()) > 300} == set()
    sizes = {room: sum(file.startswith(f"{room}.") for file in FILES) for room in FLOORS}
    assert {room for room, size in sizes.items() if size > 15 and room not in ("commands", "cli")} == set()


def loaded_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sys.modules)"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_what_reads_and_tokenizes_does_not_import_torch() -> None:
    files = [
        name for name in FILES if name.split(".")[0] in ("reading", "texts", "corpus") and name != "texts.batching"
    ]
    loaded = loaded_by("; ".join(f"import textrnn.{name}" for name in files if "__init__" not in name))
    assert "textrnn.corpus.splits" in loaded
    assert "torch" not in loaded


def test_prediction_and_the_start_of_training_do_without_scikit_learn() -> None:
    loaded = loaded_by("import textrnn.commands.predict, textrnn.commands.train, textrnn.commands.eval")
    assert "torch" in loaded
    assert not loaded & {"sklearn", "matplotlib", "jieba"}


@pytest.mark.parametrize(
    "statement",
    [
        "import textrnn",
        "import textrnn.cli",
        "import contextlib; sys.argv = ['textrnn', '--help']; from textrnn.cli import main\n"
        "with contextlib.suppress(SystemExit): main()\nimport sys",
    ],
)
def test_help_and_import_stay_light(statement: str) -> None:
    loaded = loaded_by(f"exec({statement!r})")
    assert not loaded & {"torch", "sklearn", "pydantic", "matplotlib", "jieba", "numpy"}
