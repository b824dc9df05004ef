"""`textrnn compare`: the same texts for all runs, and what is said of them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.conftest import TRAINED, Cli, copy_template, make_rows, sets, train_in, write_tsv
from textrnn import TextClassifier
from textrnn.reports.comparison import comparison_text
from textrnn.run.model_config import FORMAT_VERSION

RUNS = ("runs/a", "runs/b")


@pytest.fixture(scope="session")
def two_runs(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `train.tsv`, `test.tsv` and two runs of them, of which `runs/b` was trained for longer."""
    folder = tmp_path_factory.mktemp("two")
    copy_template(template, folder, "run")
    (folder / "runs").mkdir()
    (folder / "run").rename(folder / "runs/a")
    longer = ["epochs=8", "learning_rate=0.02", "patience=null"]
    longer = sets("model.embedding_dropout=0.0", *(f"train.{each}" for each in longer))
    train_in(folder, *TRAINED, *longer, "--run-dir", "runs/b")
    return folder


@pytest.fixture
def runs(two_runs: Path, workplace: Path) -> Path:
    """Their copy as the current folder."""
    shutil.copytree(two_runs, workplace, dirs_exist_ok=True)
    for run in RUNS:
        config = workplace / run / "config.yaml"
        config.write_text(config.read_text().replace(str(two_runs), str(workplace)))
    return workplace


def rename_labels(run: str, *labels: str) -> None:
    """Give the classes of a model other names, in its own order."""
    Path(run, "model/labels.txt").write_text("".join(f"{label}\n" for label in labels))


def replace(path: str, old: str, new: str) -> None:
    content = Path(path).read_text()
    assert old in content
    Path(path).write_text(content.replace(old, new))


def predictions(cli: Cli, run: str) -> list[tuple[str, str, str]]:
    """(true, predicted, text) as `eval` says."""
    assert cli("eval", run).code == 0
    lines = Path(run, "eval/test/predictions.tsv").read_text().splitlines()[1:]
    return [(true, predicted, text) for true, predicted, _, text in (line.split("\t") for line in lines)]


def test_scores_are_those_of_eval_and_texts_those_that_one_gets_right(cli: Cli, runs: Path) -> None:
    one, other = (predictions(cli, run) for run in RUNS)
    result = cli("compare", *RUNS, "--json", "--output", "out")
    assert result.code == 0, result.err
    found = json.loads(result.out)
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
        for (true, first, text), (_, second, _) in zip(one, other, strict=True)
        if (first == true) != (second == true)
    ]
    header = "true\tpredicted by a\tpredicted by b\ttext"
    assert Path("out/differences.tsv").read_text().splitlines() == [header, *differing]
    (comparison,) = found["comparisons"]
    texts = comparison["texts"]
    assert texts["only_first_right"] + texts["only_this_right"] == len(differing) == found["differing_texts"] > 0
    assert sum(texts[key] for key in texts if key != "same_prediction") == found["data"]["n"] == 24
    right = [sum(true == label for true, label, _ in each) for each in (one, other)]
    assert comparison["accuracy"]["difference"] == pytest.approx((right[1] - right[0]) / 24)
    low, high = comparison["accuracy"]["interval"]
    assert low <= comparison["accuracy"]["difference"] <= high
    assert found["config_differences"] == [
        {"key": "model.embedding_dropout", "values": [0.5, 0.0]},
        {"key": "train.epochs", "values": [2, 8]},
        {"key": "train.learning_rate", "values": [0.004, 0.02]},
        {"key": "train.patience", "values": [3, None]},
    ]


def test_what_is_printed_is_what_is_written(cli: Cli, runs: Path) -> None:
    result = cli("compare", *RUNS, "--output", "out")
    assert result.code == 0, result.err
    assert result.out == Path("out/comparison.txt").read_text()
    assert "McNemar's test, exact binomial, on the " in result.out and "1,000 resamples, seeded" in result.out
    assert result.out.endswith(
        "What differs in the configs (a | b)\nmodel.embedding_dropout: 0.5 | 0.0\ntrain.epochs: 2 | 8\n"
        "train.learning_rate: 0.004 | 0.02\ntrain.patience: 3 | null\n"
    )
    assert cli("compare", *RUNS).out == result.out, "the draws are seeded"
    assert {path.name for path in Path("out").iterdir()} == {
        "comparison.json", "comparison.txt", "comparison.html", "differences.tsv",
    }  # fmt: skip


def test_a_difference_of_the_seed_alone_is_said(cli: Cli, runs: Path) -> None:
    shutil.copytree("runs/a", "runs/c")
    replace("runs/c/config.yaml", "seed: 1", "seed: 3")
    lines = cli("compare", "runs/a", "runs/c").out.splitlines()[-2:]
    assert lines == [
        "train.seed: 1 | 3", "They differ in the seed alone: this is how much chance in training changes.",
    ]  # fmt: skip


def test_without_a_folder_nothing_is_written_and_that_is_said(cli: Cli, runs: Path) -> None:
    before = {path for path in Path().rglob("*") if ".textrnn_cache" not in path.parts}
    result = cli("compare", *RUNS)
    assert "--output DIR writes them to DIR/differences.tsv" in result.err
    assert {path for path in Path().rglob("*") if ".textrnn_cache" not in path.parts} == before


def test_each_further_run_is_compared_with_the_first(cli: Cli, runs: Path) -> None:
    shutil.copytree("runs/a", "other/a")
    result = cli("compare", *RUNS, "other/a", "--json", "--output", "out")
    assert result.code == 0, result.err
    found = json.loads(result.out)
    assert [run["name"] for run in found["runs"]] == ["runs/a", "runs/b", "other/a"]
    assert [(each["run"], each["with"]) for each in found["comparisons"]] == [
        ("runs/b", "runs/a"), ("other/a", "runs/a"),
    ]  # fmt: skip
    same = found["comparisons"][1]
    assert same["sentence"] == "cannot tell: other/a and runs/a give every text the same label"
    assert (same["mcnemar"]["p"], same["macro_f1"]["interval"], same["classes"]) == (1, [0, 0], [])
    low, high = same["accuracy"]["interval"]
    assert low == -high < -0.1, "24 texts do not show that two models are equal"
    rows = [line.split("\t") for line in Path("out/differences.tsv").read_text().splitlines()]
    assert {len(row) for row in rows} == {5} and all(row[1] == row[3] for row in rows[1:])
    assert "Each of these 2 comparisons is tested by itself" in Path("out/comparison.txt").read_text()


def test_labels_in_another_order_are_matched_by_name(cli: Cli, runs: Path) -> None:
    shutil.copytree("runs/a", "runs/c")
    rename_labels("runs/c", "sport", "travel", "food")
    found = json.loads(cli("compare", "runs/a", "runs/c", "--json").out)
    right = [sum(true == label for true, label, _ in predictions(cli, run)) for run in ("runs/a", "runs/c")]
    assert [run["accuracy"] for run in found["runs"]] == [pytest.approx(each / 24) for each in right]
    texts = found["comparisons"][0]["texts"]
    assert (texts["same_prediction"], texts["both_right"]) == (0, 0), "no class has kept its name"
    assert (texts["only_first_right"], texts["only_this_right"]) == tuple(right)


def test_given_texts_and_models_without_their_runs(cli: Cli, runs: Path) -> None:
    write_tsv(Path("more.tsv"), make_rows(30, seed=5))
    result = cli("compare", "runs/a/model", "runs/b/model", "--data", "more.tsv", "--json")
    assert result.code == 0, result.err
    found = json.loads(result.out)
    assert found["data"] == {"paths": [str(runs / "more.tsv")], "split": None, "n": 30}
    assert [run["training_seconds"] for run in found["runs"]] == [None, None]
    assert [each["key"] for each in found["config_differences"]] == ["model.embedding_dropout"], "what models keep"
    assert [run["name"] for run in found["runs"]] == ["a/model", "b/model"]


def test_training_texts_are_warned_of(cli: Cli, runs: Path) -> None:
    result = cli("compare", *RUNS, "--data", "train.tsv")
    assert result.code == 0
    assert "warning: a: the run was trained on 54 of the 60 texts" in result.err
    assert "warning: b: the run was trained on 54 of the 60 texts" in result.err
    assert "was trained on" not in cli("compare", *RUNS).err


def test_held_out_texts_that_differ_are_refused_and_a_dev_file_is_not(cli: Cli, runs: Path) -> None:
    assert cli("compare", *RUNS, "--split", "dev").code == 0, "both held out the same rows"
    config = ["--config", "runs/b/config.yaml", "--set", "train.seed=2"]
    assert cli("train", *config, "--run-dir", "runs/b", "--force").code == 0
    result = cli("compare", *RUNS, "--split", "dev")
    assert (result.code, result.out) == (1, "")
    assert "error: runs/b: its texts are not those of runs/a: " in result.err
    assert "the runs held out different texts; compare on one file: --data FILE" in result.err
    write_tsv(Path("dev.tsv"), make_rows(18, seed=7))
    for run in RUNS:
        replace(f"{run}/config.yaml", "dev: null", "dev: dev.tsv")
    result = cli("compare", *RUNS, "--split", "dev", "--json")
    assert result.code == 0, result.err
    assert json.loads(result.out)["data"]["n"] == 18
    assert "warning: these texts were held out of training to choose each run's best epoch" in result.err


def refused(cli: Cli, *arguments: object, code: int = 1) -> str:
    """The only message, without what is logged before it; nothing is written."""
    before = sorted(Path().glob("*"))
    result = cli("compare", *arguments, "--output", "out")
    assert (result.code, result.out, Path("out").exists()) == (code, "", False), result.err
    assert "Traceback" not in result.err
    assert {path.name for path in Path().glob("*")} - {".textrnn_cache"} <= {path.name for path in before}
    errors = [line for line in result.err.splitlines() if line.lower().startswith("error: ")]
    assert errors, result.err
    return "\n".join(errors)


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
    result = cli("compare", *RUNS, "--json")
    assert result.code == 0, "a copy of the file has the same content"


def test_a_file_that_is_read_in_two_ways_is_refused(cli: Cli, runs: Path) -> None:
    Path("x.csv").write_text("label,text,other\nfood,soup,x\nsport,goal,y\n")
    replace("runs/a/config.yaml", "text_column: null", "text_column: text")
    replace("runs/b/config.yaml", "text_column: null", "text_column: other")
    for run in RUNS:
        replace(f"{run}/config.yaml", "label_column: null", "label_column: label")
    message = refused(cli, *RUNS, "--data", "x.csv")
    assert "the runs read the file in different ways (data.text_column differ)" in message
    assert cli("compare", *RUNS, "--data", "x.csv", "--set", "data.text_column=text").code == 0
    result = cli("compare", *RUNS, "--set", "train.seed=3")
    assert result.code == 1 and "--set train.seed: only data keys that say how to read can be set here" in result.err


def test_other_labels_are_refused(cli: Cli, runs: Path) -> None:
    rename_labels("runs/b", "food", "sport", "trips")
    assert refused(cli, *RUNS) == (
        "error: runs/b: its labels are not those of runs/a: only runs/a has 'travel'; only runs/b has 'trips'; compare "
        "runs of the same labels"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["runs/a"], "Error: two or more runs were expected, as in: textrnn compare runs/a runs/b"),
        (["runs/a", "runs/b", "runs/../runs/a"], "Error: runs/../runs/a: the same run as runs/a; give different runs"),
        (["runs/a", "runs/a/model"], "Error: runs/a/model: the same run as runs/a; give different runs"),
        ([*RUNS, "--data", "x", "--split", "dev"], "Error: --split names a part of the runs' own data; it does not go "
         "with --data"),
    ],
)  # fmt: skip
def test_wrong_usage(cli: Cli, runs: Path, arguments: list[str], message: str) -> None:
    assert refused(cli, *arguments, code=2) == message


def test_runs_that_cannot_be_compared(cli: Cli, runs: Path) -> None:
    assert refused(cli, "runs/a", "runs/c") == (
        "error: runs/c: no such folder; a run's folder or its model/ was expected"
    )
    assert refused(cli, "runs/a", "runs/b/model") == (
        "error: runs/b/model: a model folder has no texts of its own; give some to compare on: --data FILE"
    )
    for run in RUNS:
        replace(f"{run}/config.yaml", f"test: {runs}/test.tsv", "test: null")
    lines = refused(cli, *RUNS).split("\n")
    assert [line.partition(": the run has no test file (data.test); ")[0] for line in lines] == [
        "error: runs/a", "error: runs/b",
    ]  # fmt: skip
    assert all("--data FILE" in line and "--split dev" in line for line in lines)
    replace("runs/b/model/config.yaml", f"format_version: {FORMAT_VERSION}", "format_version: 99")
    assert "runs/b/model/config.yaml: format_version: saved by a newer textrnn" in refused(cli, *RUNS)


def test_a_run_that_has_not_ended_is_warned_of(cli: Cli, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree("runs/b", "cut")
    monkeypatch.setattr("textrnn.commands.eval.has_ended", lambda run, networks: run.path != Path("cut"))
    result = cli("compare", "runs/a", "cut")
    assert result.code == 0
    assert "warning: cut: training has not ended: go on with: textrnn train --resume --run-dir cut" in result.err


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("", "error: x.tsv: "),
        ("spam\tsoup\nfood\tbread\n", "error: x.tsv:1: unknown label 'spam'; the model has: food, sport, travel. "),
        (None, "error: x.tsv: no such file or folder"),
    ],
)
def test_texts_that_cannot_be_compared_on(cli: Cli, runs: Path, rows: str | None, message: str) -> None:
    if rows is not None:
        Path("x.tsv").write_text(rows)
    assert refused(cli, *RUNS, "--data", "x.tsv").startswith(message)


def test_a_single_class_is_compared_with_a_warning(cli: Cli, runs: Path) -> None:
    write_tsv(Path("x.tsv"), [row for row in make_rows(30) if row[0] == "food"])
    result = cli("compare", *RUNS, "--data", "x.tsv", "--json")
    assert result.code == 0, result.err
    assert "warning: a: x has no texts of 'sport', 'travel': their F1 counts as 0 in macro-F1" in result.err
    assert json.loads(result.out)["data"]["n"] == 10


@pytest.mark.parametrize("folder", ["train.tsv", "test.tsv/out", "/proc/out"])
def test_a_folder_that_cannot_be_written_is_one_message(cli: Cli, runs: Path, folder: str) -> None:
    before = Path("test.tsv").read_bytes()
    result = cli("compare", *RUNS, "--output", folder)
    assert (result.code, result.out) == (1, "")
    assert f"error: {folder}: the folder cannot be made: " in result.err
    assert result.err.count("error:") == 1 and Path("test.tsv").read_bytes() == before


def test_a_run_whose_name_is_not_utf_8(cli: Cli, runs: Path) -> None:
    Path("runs/b").rename("runs/b\udcff")
    result = cli("compare", "runs/a", "runs/b\udcff", "--output", "out")
    assert result.code == 0, result.err
    for name in ("comparison.json", "comparison.txt", "comparison.html", "differences.tsv"):
        assert "b\\udcff" in Path("out", name).read_text(encoding="utf-8"), name


def test_a_file_that_changes_meanwhile_is_refused(cli: Cli, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def changed(*arguments: object) -> object:
        write_tsv(Path("test.tsv"), make_rows(24, seed=9))
        return original(*arguments)

    from textrnn.commands import compare

    original = compare.differing_rows
    monkeypatch.setattr(compare, "differing_rows", changed)
    result = cli("compare", *RUNS, "--output", "out")
    assert result.code == 1 and "test.tsv: changed while being read" in result.err
    assert list(Path("out").iterdir()) == []


HOSTILE = "</script><img src=x onerror=alert(1)>&amp;\"'{{ 7 * 7 }}"


def test_a_hundred_long_labels_from_right_to_left_and_hostile_ones(cli: Cli, workplace: Path) -> None:
    labels = [HOSTILE, *(f"{number}{'שלום ' * 40}"[:199] + "x" for number in range(99))]
    rows = [(label, f"{HOSTILE} word{number} مرحبا") for _ in range(2) for number, label in enumerate(labels)]
    write_tsv(Path("train.tsv"), rows)
    write_tsv(Path("test.tsv"), rows)
    assert cli("train", *TRAINED, "--set", "train.epochs=1", "--run-dir", "one").code == 0
    shutil.copytree("one", "two")
    own = Path("two/model/labels.txt").read_text().splitlines()
    rename_labels("two", *own[1:], own[0])
    result = cli("compare", "one", "two", "--output", "out")
    assert result.code == 0, result.err
    assert all(row.count("\t") == 3 for row in Path("out/differences.tsv").read_text().splitlines())
    found = json.loads(Path("out/comparison.json").read_text())
    assert len(found["labels"]) == 100 and found["differing_texts"] > 0
    page = Path("out/comparison.html").read_text()
    assert "<img" not in page and "<script" not in page and "{{" in page and "49" not in page.split("</style>")[0]
    assert "&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;&amp;amp;" in page
    assert len(page) < 200_000


def test_on_a_narrow_terminal_lines_fit(cli: Cli, runs: Path) -> None:
    Path("runs/b").rename("runs/a_run_with_a_name_that_is_longer_than_the_terminal_is_wide_" + "x" * 30)
    found = json.loads(cli("compare", "runs/a", *Path("runs").glob("a_*"), "--json").out)
    lines = comparison_text(found, 72).splitlines()
    assert max(map(len, lines)) <= 72
    assert any(line.startswith("a_run_with…") for line in lines)
