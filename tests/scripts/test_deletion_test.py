from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "deletion_test.py"


def test_removing_the_tokens_that_matter_lowers_the_log_odds_more(
    trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), str(trained), "test.tsv", "--texts", "10", "--remove", "1", "2"])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    heading, _, _, _, *rows = capsys.readouterr().out.splitlines()
    assert heading == "10 texts with more than 2 tokens, 5 random draws each"
    assert [row.split("|")[1].strip() for row in rows] == ["1", "2"]
    for row in rows:
        highest, random = map(float, re.findall(r"-?\d+\.\d\d ", row)[:2])
        assert highest > max(random, 0)
