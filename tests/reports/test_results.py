from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from textrnn.corpus.corpus import Corpus
from textrnn.errors import DataError
from textrnn.evaluation.slices import Predictions
from textrnn.reading.source import Source
from textrnn.reports.results import write_predictions
from textrnn.texts.tokenizer import Tokenizer

ROWS = ["a\tone", "b\ttwo", "a\tthree"]
HASHES = Corpus.from_texts(["one", "two", "three"], None, Tokenizer()).hashes


def written(folder: Path, rows: list[str], chosen: list[int]) -> list[str]:
    """The lines written if ROWS were read, the `chosen` ones evaluated, and `rows` are in the file now."""
    (folder / "x.tsv").write_text("".join(f"{row}\n" for row in rows))
    truth = np.asarray([0, 1, 0])[chosen]
    predictions = Predictions(np.asarray(chosen), HASHES, truth, 1 - truth, np.full(len(chosen), 0.75))
    source = Source([str(folder / "x.tsv")])
    write_predictions(folder / "out.tsv", source, predictions, ["a", "b"], lambda at, text: None)
    return (folder / "out.tsv").read_text().splitlines()


def test_each_line_has_the_text_that_was_evaluated(tmp_path: Path) -> None:
    assert written(tmp_path, ROWS, [0, 1, 2])[1:] == ["a\tb\t0.7500\tone", "b\ta\t0.7500\ttwo", "a\tb\t0.7500\tthree"]
    assert written(tmp_path, ROWS, [2]) == ["true\tpredicted\tprobability\ttext", "a\tb\t0.7500\tthree"]


@pytest.mark.parametrize("chosen", [[0, 1, 2], [1]])
@pytest.mark.parametrize(
    "rows",
    [ROWS[:2], [*ROWS, "a\tfour"], [ROWS[2], ROWS[1], ROWS[0]], ["a\tone", "a\ttwo", "a\tthree"]],
    ids=["shorter", "longer", "shuffled", "relabelled"],
)
def test_a_file_that_has_changed_since_is_refused(tmp_path: Path, rows: list[str], chosen: list[int]) -> None:
    (tmp_path / "out.tsv").write_text("as it was")
    with pytest.raises(DataError, match="x.tsv: changed while or after it was read"):
        written(tmp_path, rows, chosen)
    assert (tmp_path / "out.tsv").read_text() == "as it was"
