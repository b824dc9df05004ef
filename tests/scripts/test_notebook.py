"""docs/course.ipynb runs, quietly and from any folder of the project, and is stored with the outputs of its code."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from scripts.docs.notebook import COURSE, code_cells, run, source_digest

ROOT = COURSE.parents[1]
RENEW = "`make notebook` runs the notebook and stores its outputs"


@pytest.fixture
def course() -> NotebookNode:
    return nbformat.read(COURSE, as_version=4)


def kinds(cell: NotebookNode) -> set[str]:
    """Of its outputs: stdout, stderr, or the type of data."""
    return {kind for output in cell.outputs for kind in ([output["name"]] if "name" in output else output.data)}


def test_the_stored_outputs_are_those_of_the_code(course: NotebookNode) -> None:
    assert course.metadata.get("source_digest") == source_digest(course), RENEW
    assert [cell.execution_count for cell in code_cells(course)] == list(range(1, len(code_cells(course)) + 1)), RENEW
    assert [cell.id for cell in code_cells(course) if not kinds(cell)] == [], f"no outputs: {RENEW}"


def test_the_notebook_is_small_and_has_nothing_of_the_machine_it_ran_on(course: NotebookNode) -> None:
    assert COURSE.stat().st_size < 300_000
    assert course.metadata.keys() == {"kernelspec", "language_info", "source_digest"}
    assert [cell.id for cell in course.cells if cell.metadata] == []
    assert str(Path.home()) not in COURSE.read_text(encoding="utf-8")


@pytest.mark.slow  # a minute, as it trains eleven networks
def test_every_cell_of_the_course_runs_and_its_assertions_hold(course: NotebookNode) -> None:
    stored = [kinds(cell) for cell in code_cells(course)]
    run(course, COURSE.parent)
    assert [kinds(cell) for cell in code_cells(course)] == stored


def notebook_of(*sources: str) -> NotebookNode:
    return new_notebook(cells=[new_code_cell(source) for source in sources])


@pytest.mark.slow  # starts a kernel that loads torch
def test_the_first_cell_finds_the_sample_from_the_root_of_the_project(course: NotebookNode) -> None:
    notebook = notebook_of(code_cells(course)[0].source)
    run(notebook, ROOT)
    assert "1600 texts" in notebook.cells[0].outputs[0].text


def test_a_cell_that_fails_and_one_that_is_not_quiet_are_errors(tmp_path: Path) -> None:
    with pytest.raises(CellExecutionError, match="AssertionError"):
        run(notebook_of("x = 1", "assert x == 2"), tmp_path)
    with pytest.raises(ValueError, match="a warning"):
        run(notebook_of("import warnings; warnings.warn('a warning')"), tmp_path)
