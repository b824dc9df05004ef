"""The pages that are made from the code are those that are in the repository, and say what the code does."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from scripts.docs.__main__ import ROOT, generated, main
from textrnn.config import MAIN_KEYS, known_keys

PINNED = f"typer=={typer.__version__}" in (ROOT / "constraints.txt").read_text().splitlines()


@pytest.mark.parametrize("path", generated())
def test_each_is_current(path: str) -> None:
    if "/commands/" in path and not PINNED:
        pytest.skip("another version of typer words its help differently")
    file = ROOT / path
    assert file.exists(), f"{path} is missing: python -m scripts.docs"
    content, expected = file.read_text(encoding="utf-8"), generated()[path]
    if path.endswith(".json"):  # versions of pydantic write 1 and 1.0
        assert json.loads(content) == json.loads(expected), f"{path} is stale: python -m scripts.docs"
    else:
        assert content == expected, f"{path} is stale: python -m scripts.docs"


def test_the_command_writes_what_has_changed(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("scripts.docs.__main__.ROOT", workplace)
    main()
    assert capsys.readouterr().out.splitlines() == list(generated())
    (workplace / "docs/reference/config.md").write_text("old\n")
    main()
    assert capsys.readouterr().out == "docs/reference/config.md\n"
    assert (workplace / "docs/reference/config.md").read_text() == generated()["docs/reference/config.md"]


def test_the_reference_has_every_key_once_with_its_default_and_those_that_matter_first() -> None:
    page = generated()["docs/reference/config.md"]
    rows = re.findall(r"^\| `([\w.]+)` \| `(.+?)`.*? \| (.+) \| (.+) \|$", page, re.MULTILINE)
    assert [key for key, *_ in rows[: len(MAIN_KEYS)]] == list(MAIN_KEYS)
    assert len(rows) == len(known_keys())
    assert {key: yaml.safe_load(default) for key, default, *_ in rows} == known_keys()
    meaning = {key: (values, text) for key, _, values, text in rows}
    assert meaning["model.dropout"][0] == "at least 0, below 1"
    assert meaning["train.epochs"][0] == "1 to 1,000,000 or `auto`"
    assert meaning["train.learning_rate"][0] == "above 0, at most 1e38"
    assert meaning["data.text_column"][0] == "0 to 999,999, name, list of columns or `null`"
    assert "| `train.folds` | `4`; plain: `1` |" in page


def test_each_command_has_a_page_with_its_options_and_none_is_left_of_a_command_that_is_gone() -> None:
    folder = "docs/reference/commands"
    pages = {path: content for path, content in generated().items() if path.startswith(folder)}
    assert {f"{folder}/{path.name}" for path in (ROOT / folder).iterdir()} == set(pages)
    page = pages[f"{folder}/predict.md"]
    assert "textrnn predict [OPTIONS] RUN [FILE|-]...\n" in page
    assert re.search(r"^\| <code>.*--batch-size N</code> \| .+ \| 512 \|$", page, re.MULTILINE)
    assert "[predict](predict.md)" in pages[f"{folder}/index.md"]
    for path, content in pages.items():
        assert not re.search(r"\{[a-z]+\.[a-z_]+\}", content), f"{path}: a placeholder of a config key is not filled in"


def test_the_navigation_of_the_site_has_each_page_once() -> None:
    def pages(entry: Any) -> list[str]:
        if isinstance(entry, dict):
            entry = list(entry.values())
        return [entry] if isinstance(entry, str) else [page for part in entry for page in pages(part)]

    docs = ROOT / "docs"
    files = [path for suffix in ("md", "ipynb") for path in docs.rglob(f"*.{suffix}")]
    navigation = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    assert sorted(pages(navigation)) == sorted(str(path.relative_to(docs)) for path in files)
