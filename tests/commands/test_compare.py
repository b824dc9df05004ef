"""`textrnn compare`: the same texts for all runs, the results, and what it refuses to compare."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.commands.bad_inputs import snapshot
from tests.conftest import TRAINED, Cli, copy_template, make_rows, sets, train_in, write_tsv
from textrnn import TextClassifier
from textrnn.evaluation.comparison import differing_rows
from textrnn.reports.comparison import comparison_text
from textrnn.run.model_config import FORMAT_VERSION

RUNS = ("runs/a", "runs/b")
COMPARISON = ("comparison.json", "comparison.txt", "comparison.html", "differences.tsv")


@pytest.fixture(scope="session")
def two_runs(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `train.tsv`, `test.tsv` and two runs of them, of which `runs/b` was trained for longer."""
    folder = tmp_path_factory.mktemp("two")
    copy_template(template, folder, "run")
    (folder / "runs").mkdir()
    (folder / "run").rename(folder / "runs/a")
    longer = ["model.embedding_dropout=0.0", "train.epochs=8", "train.learning_rate=0.02", "train.patience=null"]
    train_in(folder, *TRAINED, *sets(*longer), "--run-dir", "runs/b")
    return folder


@pytest.fixture
def runs(two_runs: Path, workplace: Path) -> Path:
    """Their copy as the current folder."""
    shutil.copytree(two_runs, workplace, dirs_exist_ok=True)
    for config in workplace.glob("runs/*/config.yaml"):
        config.write_text(config.read_text().replace(str(two_runs), str(workplace)))
    return workplace


def rename_labels(run: str, *labels: str) -> None:
    """Give the classes of a model other names, in its own order."""
    Path(run, "model/labels.txt").write_text("".join(f"{label}\n" for label in labels))


def replace(path: str, old: str, new: str) -> None:
    content = Path(path).read_text()
    assert old in content
    Path(path).write_text(content.replace(old, new))


def compared(cli: Cli, *arguments: object) -> dict[str, Any]:
    """The result as JSON."""
    result = cli("compare", *arguments, "--json")
    assert result.code == 0, result.err
    return json.loads(result.out)


def predictions(cli: Cli, run: str) -> list[list[str]]:
    """[true, predicted, probability, text] of each text, as `eval` writes them."""
    assert cli("eval", run).code == 0
    return [line.split("\t") for line in Path(run, "eval/test/predictions.tsv").read_text().splitlines()[1:]]


def test_scores_are_those_of_eval_and_texts_those_that_one_gets_right(cli: Cli, runs: Path) -> None:
    one, other = (predictions(cli, run) for run in RUNS)
    found = compared(cli, *RUNS, "--output", "out")
    assert json.loads(Path("out/comparison.json").read_text()) == found
    for run, scores in zip(RUNS, found["runs"], strict=True):
        metrics = json.loads(Path(run, "eval/test/metrics.json").read_text())
        for key in ("accuracy", "macro_f1", "loss", "interval", "parts", "per_class", "calibration_error"):
            assert scores[key] == metrics[key], key
        history = [json.loads(line) for line in Path(run, "history.jsonl").read_text().splitlines()]
        assert scores["training_seconds"] == history[-1]["seconds"]
        assert scores["parameters"] == sum(each.numel() for each in TextClassifier.load(run).networks.parameters())
        assert scores["model_bytes"] == sum(file.stat().st_size for file in Path(run, "model").iterdir())
    differing = [
        "\t".join([true, first, second, text])
        for (true, first, _, text), (_, second, *_) in zip(one, other, strict=True)
        if (first == true) != (second == true)
    ]
    header = "true\tpredicted by a\tpredicted by b\ttext"
    assert Path("out/differences.tsv").read_text().splitlines() == [header, *differing]
    (comparison,) = found["comparisons"]
    texts = comparison["texts"]
    assert texts["only_first_right"] + texts["only_this_right"] == len(differing) == found["differing_texts"] > 0
    assert sum(texts[key] for key in texts if key != "same_prediction") == found["data"]["n"] == 24
    right = [sum(row[0] == row[1] for row in rows) for rows in (one, other)]
    assert comparison["accuracy"]["difference"] == pytest.approx((right[1] - right[0]) / 24)
    low, high = comparison["accuracy"]["interval"]
    assert low <= comparison["accuracy"]["difference"] <= high
    assert found["config_differences"] == [
        {"key": "model.embedding_dropout", "values": [0.5, 0.0]},
        {"key": "train.epochs", "values": [2, 8]},
        {"key": "train.learning_rate", "values": [0.004, 0.02]},
        {"key": "train.patience", "values": [3, None]},
    ]


def test_what_is_printed_is_what_is_written_into_the_folder_and_nowhere_else(cli: Cli, runs: Path) -> None:
    before = snapshot()
    result = cli("compare", *RUNS)
    assert result.code == 0 and "--output DIR writes them to DIR/differences.tsv" in result.err
    assert snapshot() == before
    assert "McNemar's test, exact binomial, on the " in result.out and "1,000 resamples, seeded" in result.out
    assert result.out.endswith(
        "Differences between the configs (a | b)\nmodel.embedding_dropout: 0.5 | 0.0\ntrain.epochs: 2 | 8\n"
        "train.learning_rate: 0.004 | 0.02\ntrain.patience: 3 | null\n"
    )
    assert cli("compare", *RUNS, "--output", "out").out == result.out, "the draws are seeded"
    assert Path("out/comparison.txt").read_text() == result.out
    assert {path.name for path in Path("out").iterdir()} == {*COMPARISON}


def test_a_difference_of_the_seed_alone_is_pointed_out(cli: Cli, runs: Path) -> None:
    shutil.copytree("runs/a", "runs/c")
    replace("runs/c/config.yaml", "seed: 1", "seed: 3")
    text = cli("compare", "runs/a", "runs/c").out
    assert text.rpartition("(a | c)\n")[2].startswith("train.seed: 1 | 3\nThey differ in the seed alone: ")


def test_each_further_run_is_compared_with_the_first(cli: Cli, runs: Path) -> None:
    shutil.copytree("runs/a", "other/a")
    found = compared(cli, *RUNS, "other/a", "--output", "out")
    assert [run["name"] for run in found["runs"]] == ["runs/a", "runs/b", "other/a"]
    longer, same = found["comparisons"]
    assert (longer["run"], longer["with"], same["run"], same["with"]) == ("runs/b", "runs/a", "other/a", "runs/a")
    assert same["sentence"] == "no difference: other/a and runs/a give every text the same label"
    assert (same["mcnemar"]["p"], same["macro_f1"]["interval"], same["classes"]) == (1, [0, 0], [])
    low, high = same["accuracy"]["interval"]
    assert low == -high < -0.1, "24 texts do not show that two models are equal"
    rows = [line.split("\t") for line in Path("out/differences.tsv").read_text().splitlines()]
    assert {len(row) for row in rows} == {5} and all(row[1] == row[3] for row in rows[1:])
    assert "Each of these 2 comparisons is tested by itself" in Path("out/comparison.txt").read_text()


def test_labels_in_another_order_are_matched_by_name(cli: Cli, runs: Path) -> None:
    shutil.copytree("runs/a", "runs/c")
    rename_labels("runs/c", "sport", "travel", "food")
    found = compared(cli, "runs/a", "runs/c")
    right = [sum(row[0] == row[1] for row in predictions(cli, run)) for run in ("runs/a", "runs/c")]
    assert [run["accuracy"] for run in found["runs"]] == [pytest.approx(each / 24) for each in right]
    texts = found["comparisons"][0]["texts"]
    assert (texts["same_prediction"], texts["both_right"]) == (0, 0), "no class has kept its name"
    assert (texts["only_first_right"], texts["only_this_right"]) == tuple(right)


def test_given_texts_and_models_without_their_runs(cli: Cli, runs: Path) -> None:
    write_tsv(Path("more.tsv"), make_rows(30, seed=5))
    found = compared(cli, "runs/a/model", "runs/b/model", "--data", "more.tsv")
    assert found["data"] == {"paths": [str(runs / "more.tsv")], "split": None, "n": 30}
    assert [run["training_seconds"] for run in found["runs"]] == [None, None]
    assert [each["key"] for each in found["config_differences"]] == ["model.embedding_dropout"], "what models keep"
    assert [run["name"] for run in found["runs"]] == ["a/model", "b/model"]


def test_training_texts_and_a_single_class_are_warned_of(cli: Cli, runs: Path) -> None:
    warnings = cli("compare", *RUNS, "--data", "train.tsv").err
    for name in ("a", "b"):
        assert f"warning: {name}: the run was trained on 54 of the 60 texts" in warnings
    assert "was trained on" not in cli("compare", *RUNS).err
    write_tsv(Path("x.tsv"), [row for row in make_rows(30) if row[0] == "food"])
    result = cli("compare", *RUNS, "--data", "x.tsv")
    assert result.code == 0 and result.out.startswith("10 texts: ")
    assert "warning: a: x has no texts of 'sport', 'travel': their F1 counts as 0 in macro-F1" in result.err


def test_held_out_texts_that_differ_are_refused_and_a_dev_file_is_not(cli: Cli, runs: Path) -> None:
    assert cli("compare", *RUNS, "--split", "dev").code == 0, "both held out the same rows"
    config = ["--config", "runs/b/config.yaml", "--set", "train.seed=2"]
    assert cli("train", *config, "--run-dir", "runs/b", "--force").code == 0
    message = refused(cli, *RUNS, "--split", "dev")
    assert message.startswith("error: runs/b: its texts are not those of runs/a: ")
    assert message.endswith("the runs held out different texts; compare on one file: --data FILE")
    write_tsv(Path("dev.tsv"), make_rows(18, seed=7))
    for run in RUNS:
        replace(f"{run}/config.yaml", "dev: null", "dev: dev.tsv")
    result = cli("compare", *RUNS, "--split", "dev")
    assert result.code == 0 and result.out.startswith("18 texts: held-out texts of ")
    assert "warning: these texts were held out of training to choose each run's best epoch" in result.err


def refused(cli: Cli, *arguments: object, code: int = 1) -> str:
    """The only message, without what is logged before it; nothing is written."""
    before = snapshot()
    result = cli("compare", *arguments, "--output", "out")
    assert (result.code, result.out) == (code, ""), result.err
    assert "Traceback" not in result.err and snapshot() == before
    return "\n".join(line for line in result.err.splitlines() if line.lower().startswith("error: "))


def test_other_texts_are_refused(cli: Cli, runs: Path) -> None:
    rows = make_rows(24, seed=1)
    write_tsv(Path("other.tsv"), [*rows[:20], ("food", "soup"), ("sport", "goal")])
    replace("runs/b/config.yaml", "/test.tsv", "/other.tsv")
    assert refused(cli, *RUNS) == (
        f"error: runs/b: its texts are not those of runs/a: runs/a has 24 rows of {runs}/test.tsv, runs/b has 22 rows "
        f"of {runs}/other.tsv: 4 rows are only in the first, 2 only in the second; compare on one file: --data FILE"
    )
    write_tsv(Path("other.tsv"), rows[::-1])
    assert "the same rows in another order" in refused(cli, *RUNS)
    write_tsv(Path("other.tsv"), [("food", rows[1][1]) if row is rows[1] else row for row in rows])
    assert "1 of the same texts have other labels" in refused(cli, *RUNS)
    write_tsv(Path("other.tsv"), rows)
    assert cli("compare", *RUNS).code == 0, "a copy of the file has the same content"


def test_a_file_that_is_read_in_two_ways_is_refused(cli: Cli, runs: Path) -> None:
    Path("x.csv").write_text("label,text,other\nfood,soup,x\nsport,goal,y\n")
    replace("runs/a/config.yaml", "text_column: null", "text_column: text")
    replace("runs/b/config.yaml", "text_column: null", "text_column: other")
    for run in RUNS:
        replace(f"{run}/config.yaml", "label_column: null", "label_column: label")
    message = refused(cli, *RUNS, "--data", "x.csv")
    assert "the runs read the file in different ways (data.text_column differ)" in message
    assert cli("compare", *RUNS, "--data", "x.csv", "--set", "data.text_column=text").code == 0
    message = refused(cli, *RUNS, "--set", "train.seed=3")
    assert "--set train.seed: only keys that control how data is read can be set here" in message


def test_wrong_usage(cli: Cli, runs: Path) -> None:
    assert refused(cli, "runs/a", code=2).startswith("error: two or more runs were expected, as in: ")
    for again in ("runs/../runs/a", "runs/a/model"):
        assert refused(cli, "runs/a", again, code=2) == f"error: {again}: the same run as runs/a; give different runs"
    message = "error: --split names a part of the runs' own data; it does not go with --data"
    assert refused(cli, *RUNS, "--data", "x", "--split", "dev", code=2) == message


def test_runs_that_cannot_be_compared(cli: Cli, runs: Path) -> None:
    assert refused(cli, "runs/a", "runs/c").startswith("error: runs/c: no such folder; ")
    message = "error: runs/b/model: a model folder has no texts of its own; give some to compare on: --data FILE"
    assert refused(cli, "runs/a", "runs/b/model") == message
    for run in RUNS:
        replace(f"{run}/config.yaml", f"test: {runs}/test.tsv", "test: null")
    for run, line in zip(RUNS, refused(cli, *RUNS).split("\n"), strict=True):
        assert line.startswith(f"error: {run}: the run has no test file (data.test); ")
        assert "--data FILE" in line and "--split dev" in line
    rename_labels("runs/b", "food", "sport", "trips")
    assert refused(cli, *RUNS) == (
        "error: runs/b: its labels are not those of runs/a: only runs/a has 'travel'; only runs/b has 'trips'; compare "
        "runs of the same labels"
    )
    replace("runs/b/model/config.yaml", f"format_version: {FORMAT_VERSION}", "format_version: 99")
    assert "runs/b/model/config.yaml: format_version: saved by a newer textrnn" in refused(cli, *RUNS)


def test_a_run_that_has_not_ended_is_warned_of(cli: Cli, runs: Path) -> None:
    shutil.copytree("runs/b", "cut")
    Path("cut/resume/held_out.safetensors").unlink()  # the last file that training writes
    warning = "warning: cut: training has not ended: continue it with: textrnn train --resume --run-dir cut"
    assert warning in cli("compare", "runs/a", "cut").err


def test_texts_that_cannot_be_compared_on(cli: Cli, runs: Path) -> None:
    assert refused(cli, *RUNS, "--data", "x.tsv").startswith("error: x.tsv: no such file or folder")
    Path("x.tsv").write_text("")
    assert refused(cli, *RUNS, "--data", "x.tsv").startswith("error: x.tsv: ")
    Path("x.tsv").write_text("spam\tsoup\nfood\tbread\n")
    message = "error: x.tsv:1: unknown label 'spam'; the model has: food, sport, travel. "
    assert refused(cli, *RUNS, "--data", "x.tsv").startswith(message)


@pytest.mark.parametrize("folder", ["train.tsv", "test.tsv/out", "/proc/out"])
def test_a_folder_that_cannot_be_written_is_one_message(cli: Cli, runs: Path, folder: str) -> None:
    result = cli("compare", *RUNS, "--output", folder)
    assert (result.code, result.out, result.err.count("error:")) == (1, "", 1)
    assert result.err.startswith(f"error: {folder}: the folder cannot be created: ")


def test_a_run_whose_name_is_not_utf_8(cli: Cli, runs: Path) -> None:
    Path("runs/b").rename("runs/b\udcff")
    compared(cli, "runs/a", "runs/b\udcff", "--output", "out")
    for name in COMPARISON:
        assert "b\\udcff" in Path("out", name).read_text(encoding="utf-8"), name


def test_a_file_that_changes_meanwhile_is_refused(cli: Cli, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def change(*arguments: object) -> object:
        write_tsv(Path("test.tsv"), make_rows(24, seed=9))
        return differing_rows(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("textrnn.commands.compare.differing_rows", change)
    result = cli("compare", *RUNS, "--output", "out")
    assert result.code == 1 and "test.tsv: changed while or after it was read" in result.err
    assert list(Path("out").iterdir()) == []


def test_on_a_narrow_terminal_lines_fit(cli: Cli, runs: Path) -> None:
    Path("runs/b").rename("runs/a_run_with_a_name_that_is_longer_than_the_terminal_is_wide_" + "x" * 30)
    lines = comparison_text(compared(cli, "runs/a", *Path("runs").glob("a_*")), 72).splitlines()
    assert max(map(len, lines)) <= 72
    assert any(line.startswith("a_run_with…") for line in lines)
