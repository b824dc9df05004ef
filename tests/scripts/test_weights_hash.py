from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import make_rows, write_tsv

ROOT = Path(__file__).parents[2]
CONFIG = """
data: {train: train.tsv}
model: {embedding_dim: 4, hidden_size: 4, max_ngrams: 16, linear: none}
train: {batch_size: 2, epochs: 1, folds: 1, seed: %d}
"""


@pytest.mark.slow  # starts python and trains three times
def test_equal_configs_have_equal_hashes_and_other_seeds_do_not(workplace: Path) -> None:
    write_tsv(workplace / "train.tsv", make_rows(130))
    for name, seed in (("one", 1), ("same", 1), ("other", 2)):
        (workplace / f"{name}.yaml").write_text(CONFIG % seed)
    command = [sys.executable, str(ROOT / "scripts" / "weights_hash.py"), "one.yaml", "same.yaml", "other.yaml"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    hashes = dict(line.split("\t") for line in done.stdout.splitlines())
    assert all(len(value) == 64 for value in hashes.values()), hashes
    assert hashes["one"] == hashes["same"] != hashes["other"]
