"""The bench as it is run: what is not there is said and is no failure."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.bench import parts
from scripts.bench.corpora import ROOT, accuracy
from scripts.bench.report import load
from scripts.bench.rivals.corpus import Labelled, read_labelled, read_texts


def test_every_part_has_a_title_and_says_what_it_measures() -> None:
    code = "import importlib\nfor name in {!r}:\n part = importlib.import_module(f'scripts.bench.{{name}}')\n"
    code += " assert part.TITLE and part.ABOUT.endswith(('.', '.)')) and callable(part.measure), name\nprint('all')"
    done = subprocess.run([sys.executable, "-c", code.format(parts.PARTS)], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "all\n", done.stderr


def test_without_corpora_a_part_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEXTRNN_DATASETS", raising=False)
    monkeypatch.setattr(parts, "WORK", tmp_path)
    parts.measure("titles")
    found = load(tmp_path, "titles")
    assert found is not None
    assert found.tables == []
    assert found.skipped == ["TEXTRNN_DATASETS is not set: name the folder of the real corpora"]


def test_an_unknown_part_is_named_with_those_there_are() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "scripts.bench", "encodr"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=dict(os.environ),
    )
    assert done.returncode == 2
    assert "encodr" in done.stderr
    assert "startup" in done.stderr


def test_raw_files_are_read_as_they_are(tmp_path: Path) -> None:
    titles = tmp_path / "titles.txt"
    titles.write_text("a\u0085b\t0\nc d\t1\n", encoding="utf-8")
    assert read_labelled(titles) == Labelled(["0", "1"], ["a\u0085b", "c d"])
    reviews = tmp_path / "reviews.csv"
    reviews.write_text('label,text\npos,"good, very ""good"""\nneg,bad\n', encoding="utf-8")
    assert read_labelled(reviews) == Labelled(["pos", "neg"], ['good, very "good"', "bad"])
    texts = tmp_path / "texts.txt"
    texts.write_text("a\u2028b\n\nc\n", encoding="utf-8")
    assert read_texts(texts) == ["a\u2028b", "", "c"]


def test_accuracy() -> None:
    assert accuracy(["a", "b", "b", "a"], ["a", "b", "a", "a"]) == 0.75
    with pytest.raises(ValueError, match="longer"):
        accuracy(["a"], ["a", "b"])
