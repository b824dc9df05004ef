"""What an RNNClassifier saves is a model's folder, as the command line knows it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Cli
from tests.test_estimator import GOOD, LABELS, SMALL, TEXTS
from textrnn import RNNClassifier, TextClassifier
from textrnn.errors import CheckpointError, TextRNNError


@pytest.fixture(scope="module")
def fitted() -> RNNClassifier:
    return RNNClassifier(**GOOD).fit(TEXTS, LABELS)


def test_what_is_saved_predicts_the_same_from_the_command_line(
    cli: Cli, workplace: Path, fitted: RNNClassifier
) -> None:
    fitted.save("saved")
    loaded = TextClassifier.load("saved")
    np.testing.assert_array_equal(loaded.predict_proba(TEXTS), fitted.predict_proba(TEXTS))
    (workplace / "texts.txt").write_text("\n".join(TEXTS) + "\n")
    result = cli("predict", "saved", "texts.txt")
    assert [line.split("\t")[0] for line in result.out.splitlines()] == fitted.predict(TEXTS).tolist()


def test_several_networks_are_saved(workplace: Path) -> None:
    texts, labels = [f"{word} number {at}" for word in ("soup", "goal") for at in range(20)], [0] * 20 + [1] * 20
    classifier = RNNClassifier(epochs=1, hidden_size=4, embedding_dim=4, folds=3).fit(texts, labels)
    classifier.save("saved")
    assert np.array_equal(TextClassifier.load("saved").predict_proba(texts), classifier.predict_proba(texts))
    classifier.set_params(linear="none").fit(texts, labels).save("saved")
    assert not list(Path("saved").glob("linear*"))


def test_a_run_s_folder_is_not_saved_into(trained: Path, fitted: RNNClassifier) -> None:
    before = (trained / "config.yaml").read_bytes()
    with pytest.raises(CheckpointError, match="the folder of a run"):
        fitted.save(trained)
    assert (trained / "config.yaml").read_bytes() == before


def test_labels_that_would_be_confused_on_disk_are_not_saved(workplace: Path) -> None:
    classifier = RNNClassifier(**{**SMALL, "epochs": 1}).fit(TEXTS, [f"{label}\nline" for label in LABELS])
    with pytest.raises(ValueError, match="expected a label on one line"):
        classifier.save("saved")
    assert not Path("saved").exists()


def test_a_name_that_no_folder_can_have_is_refused(workplace: Path, fitted: RNNClassifier) -> None:
    for name in ("", " "):
        with pytest.raises(ValueError, match="the name of a folder was expected, found an empty one"):
            fitted.save(name)
    with pytest.raises(TextRNNError, match="the folder cannot be created: File name too long"):
        fitted.save("x" * 300)
    assert list(workplace.iterdir()) == []


def test_a_folder_of_the_user_s_home(workplace: Path, fitted: RNNClassifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(workplace / "home"))
    fitted.save("~/models/saved")
    assert (workplace / "home/models/saved/labels.txt").is_file()
    assert TextClassifier.load("~/models/saved").labels == ["food", "sport", "travel"]
