"""The twelve small tasks: the same texts each time, and readings that are kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scripts.accuracy import __main__ as program
from scripts.accuracy import record, small
from scripts.accuracy.page import small_results
from scripts.accuracy.programs import DEFAULTS, Predicted
from scripts.accuracy.small import SMALL, SmallTask, drawn
from scripts.accuracy.small_programs import TUNED, tuned_labels
from scripts.bench.rivals.corpus import Labelled
from tests.conftest import make_rows, needs_datasets


def labelled(count: int, seed: int = 0) -> Labelled:
    labels, texts = zip(*make_rows(count, seed=seed), strict=True)
    return Labelled(list(labels), list(texts))


def test_a_draw_is_always_the_same() -> None:
    part = labelled(500)
    one = drawn(part, 100)
    assert one == drawn(part, 100) != drawn(part, 101)
    assert len(set(one.texts)) == 100 and set(zip(*one, strict=True)) <= set(zip(*part, strict=True))
    assert len(drawn(part, 1000).texts) == 500


@needs_datasets
def test_the_tasks_have_their_texts() -> None:
    quick = [task for task in SMALL if not task.name.startswith("20 Newsgroups")]
    sizes = {task.name: [(len(a.texts), len(b.texts)) for a, b in task.folds()] for task in quick}
    assert len(SMALL) == 12
    assert sizes["TREC"] == [(5452, 500)]
    assert sizes["cnews sample, five folds"] == [(800, 200)] * 5
    assert sizes["IMDB, 3,000 rows"] == [(3000, 5000)]


def test_the_linear_model_is_tuned_on_the_training_texts() -> None:
    test = labelled(60, seed=1)
    found = tuned_labels("word", labelled(150), test.texts)
    assert sum(one == other for one, other in zip(found.labels, test.labels, strict=True)) > 54


def test_readings_are_kept_and_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = []

    def labels(name: str, right: int) -> object:
        def found(train: Labelled, texts: list[str]) -> Predicted:
            done.append(name)
            return Predicted(["a"] * right + ["b"] * (len(texts) - right), [0.75] * len(texts))

        return found

    test = Labelled(["a"] * 10, ["x"] * 10)
    task = SmallTask("mine", "word", lambda: [(test, test), (test, test)])
    programs = [(TUNED, 0, "one", labels("linear", 8)), (DEFAULTS, 1, "two", labels("ours", 9))]
    monkeypatch.setattr(record, "RECORD", tmp_path / "accuracy.jsonl")
    monkeypatch.setattr(program, "ROOT", tmp_path)
    monkeypatch.setattr(program, "commit", lambda: "abc")
    monkeypatch.setattr(program, "SMALL", [task])
    monkeypatch.setattr(program, "small_programs", lambda task: programs)
    monkeypatch.setattr("scripts.accuracy.page.SMALL", [task])
    (tmp_path / "docs").mkdir()
    page = tmp_path / "docs" / "accuracy.md"
    page.write_text("<!-- small -->\n\n<!-- end of small -->")
    program.evaluate_small(again=False, seeds=[1])
    assert done == ["ours", "ours"], "the folds of one seed"
    for _ in range(2):
        program.evaluate_small(again=False)
    assert done == ["ours", "ours", "linear", "linear"], "each fold once"
    assert [json.loads(line)["accuracy"] for line in record.RECORD.read_text().splitlines()] == [0.9, 0.8]
    assert "| mine | 80.0 % | " in page.read_text() and "| +10.0 |" in page.read_text()


def test_a_task_without_both_readings_has_no_row() -> None:
    assert small.SMALL and small_results([])[0].count("\n") == 3


def test_only_readings_of_the_last_defaults_are_in_the_table() -> None:
    def reading(task: str, program: str, seed: int, recipe: str, accuracy: float) -> dict:
        return {"task": task, "program": program, "seed": seed, "recipe": recipe, "accuracy": accuracy}

    (table, _) = small_results([
        reading("small: TREC", TUNED, 0, "t", 0.5), reading("small: MR", TUNED, 0, "t", 0.5),
        reading("small: TREC", DEFAULTS, 1, "old", 0.1), reading("small: TREC", DEFAULTS, 2, "old", 0.1),
        reading("small: MR", DEFAULTS, 1, "old", 0.1), reading("small: TREC", DEFAULTS, 1, "new", 0.6),
    ])  # fmt: skip
    assert [line.split(" | ")[0] for line in table.splitlines()[4:]] == ["| TREC", "| mean"]
    assert "| 50.0 % | 60.0 % | +10.0 | 60.0 to 60.0 | 1 |" in table
