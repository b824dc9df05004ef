"""Networks of the estimator's folds in processes of their own (`n_jobs`)."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from tests.test_estimator import LABELS, SMALL, TEXTS
from textrnn import RNNClassifier

FOLDS = {**SMALL, "folds": 2, "linear": "mix", "batch_size": 8}
ON_STDIN = f"""
from textrnn.training import side_by_side
side_by_side.LEAST_SECONDS = 0
from textrnn import RNNClassifier
one, two = (RNNClassifier(**{FOLDS!r}, device="cpu", n_jobs=n_jobs).fit({TEXTS!r}, {LABELS!r}) for n_jobs in (None, 2))
assert (one.predict_proba({TEXTS!r}) == two.predict_proba({TEXTS!r})).all()
for line in one.history_ + two.history_:
    line |= {{"seconds": None, "tokens_per_second": None}}
assert one.history_ == two.history_ and len(one.history_) == 5
"""


@pytest.mark.slow  # ten seconds
def test_folds_in_two_processes_give_the_model_of_one_even_from_stdin_without_a_main_guard() -> None:
    done = subprocess.run([sys.executable, "-"], input=ON_STDIN, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


@pytest.mark.parametrize("n_jobs", [0, 1.5, "2", True])
def test_n_jobs_is_a_whole_number_other_than_0(n_jobs: Any) -> None:
    with pytest.raises(ValueError, match="n_jobs: None or a whole number other than 0 was expected, found"):
        RNNClassifier(**FOLDS, n_jobs=n_jobs).fit(TEXTS, LABELS)
