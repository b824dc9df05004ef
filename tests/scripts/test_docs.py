"""The generated pages of docs/ are current, and each page is in the site's navigation."""

from __future__ import annotations

import pytest
import typer

from scripts.docs.__main__ import ROOT, pages

PAGES = pages()
PINNED = f"typer=={typer.__version__}" in (ROOT / "constraints.txt").read_text().splitlines()


@pytest.mark.skipif(not PINNED, reason="another version of typer words its help differently")
@pytest.mark.parametrize("path", PAGES)
def test_a_generated_page_is_current(path: str) -> None:
    assert (ROOT / path).read_text(encoding="utf-8") == PAGES[path], "stale: run python -m scripts.docs"


def test_each_command_has_a_page_and_no_page_is_left_of_one_that_is_gone() -> None:
    folder = ROOT / "docs" / "reference" / "commands"
    assert {f"docs/reference/commands/{path.name}" for path in folder.iterdir()} == {
        path for path in PAGES if path.startswith("docs/reference/commands/")
    }
