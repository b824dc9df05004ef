"""report.html, as `eval` writes it."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import textrnn.cli.eval as eval_options
from tests.conftest import TINY, Cli, make_rows, sets, write_tsv
from textrnn.classifier import TextClassifier
from textrnn.reports import results

PAGE = "eval/test/report.html"


def test_the_page_names_model_data_and_the_best_epoch_and_has_the_scores(cli: Cli, trained: Path) -> None:
    assert cli("eval", trained).code == 0
    html = (trained / PAGE).read_text()
    assert "<title>test.tsv: " in html
    assert "TextRNN (1-layer LSTM, both directions, max pooling, " in html
    assert "evaluated on 24 texts of 3 classes." in html
    assert "The weights of epoch " in html
    assert "linear model" not in html.partition("<script")[0]
    metrics = json.loads((trained / "eval/test/metrics.json").read_text())
    assert f"<dd>{100 * metrics['accuracy']:.1f} %<small>" in html
    for label, scores in metrics["per_class"].items():
        assert f'<th scope="row" data-value="{label}">' in html
        assert f'data-value="{scores["recall"]:.6f}"' in html


@pytest.mark.parametrize(
    ("settings", "phrase"),
    [
        (["architecture=rcnn"], "RCNN (1-layer LSTM, both directions, max pooling, "),
        (["architecture=tdnn"], "TDNN (1 layer, centred windows, max pooling, "),
        (["architecture=tdnn", "num_layers=2", "bidirectional=false"], "TDNN (2 layers, windows of earlier words, "),
    ],
)
def test_each_architecture_has_its_name(cli: Cli, train_file: Path, settings: list[str], phrase: str) -> None:
    options = sets("train.epochs=1", *(f"model.{setting}" for setting in settings))
    assert cli("train", "--data", "train.tsv", *TINY, *options).code == 0
    assert cli("eval", "runs/train", "train.tsv").code == 0
    assert phrase in Path("runs/train/eval/train/report.html").read_text()


def test_a_page_of_parts_shows_all_three(cli: Cli, train_file: Path) -> None:
    options = sets(
        "model.linear=mix", "data.test=train.tsv", "train.folds=2", "train.epochs=5", "train.batch_size=4",
        "train.learning_rate=0.03", "train.embedding_lr_multiplier=5", "model.dropout=0",
        "model.embedding_dropout=0",  # so that the network has weight
    )  # fmt: skip
    assert cli("train", "--data", "train.tsv", *TINY, *options).code == 0
    assert cli("eval", "runs/train").code == 0
    html = Path("runs/train", PAGE).read_text()
    for part in ("network alone", "linear model alone", "together"):
        assert f'<th scope="row">{part}</th>' in html
    assert re.search(r", 2 x [\d,]+ parameters\) plus a linear model \(mixed in\), evaluated on", html)
    assert "A line is the mean of the folds that reached an epoch" in html


def test_a_run_without_state_history_or_both_has_a_page(cli: Cli, trained: Path) -> None:
    shutil.rmtree(trained / "resume")
    assert cli("eval", trained).code == 0
    assert "The best epoch is not recorded here" in (trained / PAGE).read_text()
    (trained / "history.jsonl").unlink()
    assert cli("eval", trained).code == 0
    assert "The model has no history.jsonl" in (trained / PAGE).read_text()
    assert cli("eval", trained / "model", "test.tsv").code == 0
    assert "The model has no history.jsonl" in Path(PAGE).read_text()


def test_one_class_and_an_empty_text(cli: Cli, trained: Path) -> None:
    write_tsv(Path("one.tsv"), [("food", "soup"), ("food", ""), ("food", "qqq zzz")])
    result = cli("eval", trained, "one.tsv")
    assert result.code == 0, result.err
    assert "one has no texts of 'sport', 'travel'" in result.err
    html = (trained / "eval/one/report.html").read_text()
    assert "A class without texts here counts as F1 0 in macro-F1." in html
    assert "50 to 100 %" in html


HOSTILE = "</script><img src=x onerror=alert(1)>&amp;\"'{{ 7 * 7 }}"


def test_a_hundred_hostile_long_and_right_to_left_labels(cli: Cli, workplace: Path) -> None:
    long = [f"{number:03} " + ("שלום" if number % 2 else "label ") * 50 for number in range(99)]
    labels = [HOSTILE, *(f"{label[:199]}x" for label in long)]
    write_tsv(
        workplace / "train.tsv", [(label, f"{HOSTILE} {text} שלום") for label in labels for _, text in make_rows(2)]
    )
    assert cli("train", "--data", "train.tsv", "--set", "data.test=train.tsv", *TINY).code == 0
    assert cli("eval", "runs/train").code == 0
    page = Path("runs/train", PAGE).read_text()
    assert len(page.encode()) < 3_000_000
    assert labels[99] in page and "<img" not in page
    assert "Of 100 classes; confusion_matrix.csv has the whole matrix." in page
    shutil.copytree("runs/train/model", "copy")
    own = Path("copy/labels.txt").read_text().splitlines()
    Path("copy/labels.txt").write_text("\n".join([*own[1:], own[0], ""]))
    result = cli("compare", "runs/train", "copy", "--data", "train.tsv", "--output", "out")
    assert result.code == 0, result.err
    lines = Path("out/differences.tsv").read_text().splitlines()
    assert len(lines) > 1 and all(line.count("\t") == 3 for line in lines)
    page = Path("out/comparison.html").read_text()
    assert "<img" not in page and "<script" not in page and "{{" in page and "49" not in page.split("</style>")[0]
    assert "&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;&amp;amp;" in page
    assert len(page) < 200_000


def test_the_time_used_is_that_of_the_whole_command(cli: Cli, trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    load, write = TextClassifier.load, results.write_predictions

    def slowly(do: Callable[..., Any], seconds: float) -> Callable[..., Any]:
        def done(*arguments: Any, **options: Any) -> Any:
            clock[0] += seconds
            return do(*arguments, **options)

        return done

    monkeypatch.setattr(TextClassifier, "load", slowly(load, 100))
    monkeypatch.setattr(eval_options, "check_memory", slowly(eval_options.check_memory, 20))  # before torch is imported
    monkeypatch.setattr(results, "write_predictions", slowly(write, 3))
    result = cli("eval", trained)
    assert "time used  123.0 s" in result.out
    assert json.loads((trained / "eval/test/metrics.json").read_text())["seconds"] == 123
    assert (trained / "eval/test/report.txt").read_text() == result.out


def test_250_classes_are_pairs_in_every_file(cli: Cli, workplace: Path) -> None:
    rows = [(f"label {number}", f"text {number} {word}") for number in range(250) for word in ("a", "b")]
    write_tsv(workplace / "train.tsv", rows)
    assert cli("train", "--data", "train.tsv", *TINY, *sets("train.epochs=1", "data.dev_fraction=0")).code == 0
    result = cli("eval", "runs/train", "train.tsv")
    assert result.code == 0, result.err
    assert "Most confused pairs of the 250 classes" in result.out
    folder = Path("runs/train/eval/train")
    assert (folder / "report.txt").read_text() == result.out
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["confusion_matrix"] is None
    table = [line.split(",") for line in (folder / "confusion_matrix.csv").read_text().splitlines()]
    assert table[0] == ["true", "predicted", "count"]
    assert [[true, predicted, int(count)] for true, predicted, count in table[1:]] == metrics["confusion_pairs"]
    assert sum(int(row[2]) for row in table[1:]) == metrics["n"] == 500
    shutil.copytree("runs/train/model", "copy")
    assert cli("compare", "runs/train", "copy", "--data", "train.tsv").code == 0


def test_a_page_that_cannot_be_written_is_one_message(cli: Cli, trained: Path) -> None:
    (trained / PAGE).mkdir(parents=True)
    result = cli("eval", trained)
    assert result.code == 1
    assert "error: " in result.err and "report.html: cannot be written: " in result.err
    assert len(result.err.strip().splitlines()) == 1
