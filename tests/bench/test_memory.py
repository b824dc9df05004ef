"""Peak memory of the commands, measured as `scripts/bench/memory.py` does for anyone who runs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMANDS = ("vocab", "train", "eval", "predict")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="RssAnon is Linux's")
def test_memory_grows_with_the_documents_and_distinct_words_of_a_corpus_alone(tmp_path: Path) -> None:
    # the smaller corpus already fills every window
    script = [sys.executable, str(ROOT / "scripts" / "bench" / "memory.py")]
    sizes = ["--documents", "17000", "--words", "30", "--work", str(tmp_path)]
    done = subprocess.run([*script, *sizes], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in done.stdout.splitlines()[2:]]
    assert [row[:2] for row in rows] == [[f"new-words {times}x", name] for times in (1, 20) for name in COMMANDS]
    assert {row[2] for row in rows[4:]} == {"340,000"}
    for row in rows:
        assert 10 < float(row[3]) < 1000
    for row in rows[4:]:
        assert float(row[3]) <= float(row[5])
