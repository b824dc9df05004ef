"""The contract of the command line: names, files, outputs, exit codes."""

from __future__ import annotations

import csv
import errno
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import get_args
from unittest.mock import Mock

import pytest
import torch

from tests.conftest import COMMAND, TINY, Cli, make_rows, sets, write_tsv
from tests.forked import Forked
from textrnn import __version__
from textrnn.config import Cell
from textrnn.run.folder import RunFolder


def test_version(cli: Cli) -> None:
    assert cli("--version").out == f"textrnn {__version__}\n"


@pytest.mark.parametrize(
    "command", ["vocab", "check", "train", "eval", "predict", "next", "embed", "compare", "gradients", "info"]
)
def test_help_has_an_example(cli: Cli, command: str) -> None:
    result = cli(command, "--help")
    assert result.code == 0
    assert f"Example: textrnn {command} " in " ".join(result.out.split())


@pytest.mark.parametrize(
    "arguments", ["trian", "train --confg x", "train", "vocab", "check", "eval", "gradients", "train --config"]
)
def test_wrong_usage_is_exit_2(cli: Cli, arguments: str) -> None:
    result = cli(*arguments.split())
    assert (result.code, result.out) == (2, "")
    assert "Traceback" not in result.err


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ("train --data x.tsv --lr 3", "No such option: --lr; did you mean --set train.learning_rate=VALUE?"),
        ("eval R x.tsv --encoding gb18030", "No such option: --encoding; did you mean --set data.encoding=VALUE?"),
        ("eval R x.tsv --lr 3", "No such option: --lr"),  # which a trained model does not take
        ("info --encoding gb18030", "No such option: --encoding"),
    ],
)
def test_an_unknown_option_that_names_a_key_is_answered_with_the_key(cli: Cli, arguments: str, hint: str) -> None:
    result = cli(*arguments.split())
    assert result.code == 2 and hint in result.err
    assert ("--set" in hint) == ("--set" in result.err)


@pytest.mark.parametrize(
    ("arguments", "choices"),
    [
        (["train", "--preset"], "'best', 'plain', 'linear'"),
        (["eval", "R", "--split"], "'test', 'dev', 'train'"),
        (["eval", "R", "--precision"], "'float32', 'bfloat16', 'auto'"),
        (["compare", "A", "B", "--split"], "'test', 'dev'"),
        (["predict", "R", "--format"], "'text', 'tsv', 'csv', 'jsonl', 'fasttext', 'folder'"),
        (["predict", "R", "--output-format"], "'tsv', 'csv', 'jsonl'"),
        (["predict", "R", "--bad-rows"], "'error', 'mark'"),
        (["explain", "R", "--output-format"], "'text', 'jsonl'"),
        (["gradients", "--cell"], ", ".join(map(repr, ["rnn", "rnn-relu", *get_args(Cell)[1:]]))),
    ],
)
def test_a_wrong_choice_is_answered_with_the_choices(cli: Cli, arguments: list[str], choices: str) -> None:
    result = cli(*arguments, "tets")
    assert (result.code, result.out) == (2, "")
    assert f"Invalid value for '{arguments[-1]}': 'tets' is not one of {choices}." in result.err


def test_vocab_prints_what_is_in_the_corpus(cli: Cli, train_file: Path) -> None:
    result = cli("vocab", "--data", "train.tsv", "--output", "vocab.tsv")
    assert result.code == 0, result.err
    for part in ("vocabulary: ", "% of tokens known", "% <unk>", "tokens per text: median", "label food: 20 "):
        assert part in result.out
    counts = [line.split("\t") for line in Path("vocab.tsv").read_text().splitlines()]
    assert [int(count) for _, count in counts] == sorted((int(count) for _, count in counts), reverse=True)
    assert Path(".textrnn_cache").is_dir()


def test_a_run_holds_what_the_contract_says(cli: Cli, trained: Path) -> None:
    files = {str(path.relative_to(trained)) for path in trained.rglob("*") if path.is_file()}
    assert files == {
        "config.yaml", "environment.json", "history.jsonl", "train.log", "plots/curves.png",
        "train_hashes.npy", "resume/held_out.safetensors",
        "resume/state.safetensors", "model/model.safetensors", "model/config.yaml", "model/vocab.txt",
        "model/labels.txt", "model/decision.json", "model/training_texts.json",
    }  # fmt: skip
    keys = {
        "epoch", "step", "train_loss", "dev_loss", "dev_accuracy", "dev_macro_f1", "learning_rate", "grad_norm_mean",
        "grad_norm_max", "clipped", "tokens_per_second", "seconds", "dev_network_loss", "dev_network_accuracy",
        "dev_network_macro_f1", "dev_linear_loss", "dev_linear_accuracy", "dev_linear_macro_f1",
    }  # fmt: skip
    history = [json.loads(line) for line in (trained / "history.jsonl").read_text().splitlines()]
    assert [set(line) for line in history] == [keys, keys]
    assert (trained / "model" / "labels.txt").read_text() == "food\nsport\ntravel\n"


def test_a_run_can_be_repeated_from_its_own_config_and_stdout_has_its_folder_alone(cli: Cli, trained: Path) -> None:
    result = cli("train", "--config", trained / "config.yaml", "--run-dir", "other")
    assert (result.code, result.out) == (0, "other\n"), result.err
    for name in ("config.yaml", "model/model.safetensors"):
        assert (trained / name).read_bytes() == Path("other", name).read_bytes()
    weights = Path("other/model/model.safetensors").read_bytes()
    header = json.loads(weights[8 : 8 + int.from_bytes(weights[:8], "little")])
    assert "__metadata__" not in header  # which could differ between equal models


def test_an_existing_run_is_refused_and_force_starts_over(cli: Cli, trained: Path) -> None:
    refused = cli("train", "--data", "train.tsv", *TINY)
    assert refused.code == 1
    assert "--resume" in refused.err
    assert "--force" in refused.err
    cli("eval", trained)
    assert cli("train", "--data", "train.tsv", *TINY, "--force").code == 0
    assert not (trained / "eval").exists()


def test_eval_prints_the_report_and_writes_its_files(cli: Cli, trained: Path) -> None:
    result = cli("eval", trained)
    assert result.code == 0, result.err
    for part in ("precision    recall  f1-score   support", "Confusion matrix (rows: true, columns: predicted)"):
        assert part in result.out
    folder = trained / "eval" / "test"
    assert {path.name for path in folder.iterdir()} == {
        "report.txt", "metrics.json", "confusion_matrix.csv", "confusion_matrix.png", "predictions.tsv",
        "data.json", "report.html",
    }  # fmt: skip
    assert (folder / "report.txt").read_text() == result.out
    assert cli("eval", trained, "--json").out == (folder / "metrics.json").read_text()
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics.keys() == {
        "accuracy", "macro_f1", "weighted_f1", "loss", "n", "interval", "calibration_error", "parts", "labels",
        "per_class", "confusion_matrix", "verdict", "weight", "held_out", "seen", "seconds",
    }  # fmt: skip
    header, *rows = (line.split("\t") for line in (folder / "predictions.tsv").read_text().splitlines())
    assert header == ["true", "predicted", "probability", "text"]
    assert "".join(f"{row[0]}\t{row[3]}\n" for row in rows) == Path("test.tsv").read_text()
    assert metrics["n"] == len(rows) == 24
    assert metrics["accuracy"] == sum(row[0] == row[1] for row in rows) / 24
    with (folder / "confusion_matrix.csv").open(newline="") as stream:
        table = list(csv.reader(stream))
    assert table[0][1:] == [row[0] for row in table[1:]] == metrics["labels"]
    assert [[int(count) for count in row[1:]] for row in table[1:]] == metrics["confusion_matrix"]


def test_all_that_the_defaults_switch_on_goes_through_training_eval_and_predict(
    cli: Cli, train_file: Path, drawn: None
) -> None:
    write_tsv(train_file.with_name("test.tsv"), make_rows(24, seed=1))
    sizes = ["model.embedding_dim=8", "model.hidden_size=8", "model.max_ngrams=64"]
    options = sets(*sizes, "train.batch_size=8", "vocab.min_count=1", "data.test=test.tsv")
    trained = cli("train", "--data", "train.tsv", *options)
    assert trained.code == 0, trained.err
    assert "linear model: " in trained.err
    losses = [json.loads(line)["train_loss"] for line in Path("runs/train/history.jsonl").read_text().splitlines()]
    assert 4 < len(losses) <= 4 * 8 + 1 and losses[-1] is None and losses[-2] < losses[0]
    assert json.loads(cli("eval", "runs/train", "--json").out)["accuracy"] == 1.0  # each class has words of its own
    texts = "".join(f"{text}\n" for _, text in make_rows(24, seed=1))
    Path("texts.txt").write_text(texts)
    together = cli("predict", "runs/train", "texts.txt")
    assert [line.split("\t")[0] for line in together.out.splitlines()] == [label for label, _ in make_rows(24, seed=1)]
    assert cli("predict", "runs/train", "texts.txt", "--batch-size", "1").out == together.out


def test_eval_of_other_data_and_of_a_model_alone(cli: Cli, trained: Path) -> None:
    write_tsv(Path("more.txt"), make_rows(9, seed=5))
    assert cli("eval", trained, "more.txt").code == 0
    shutil.copytree(trained / "model", "elsewhere")
    shutil.rmtree(trained)
    result = cli("eval", "elsewhere", "more.txt")
    assert result.code == 0, result.err
    assert Path("eval/more/metrics.json").is_file()
    assert cli("eval", "elsewhere", "more.txt", "--output", "out/deep").code == 0
    assert Path("out/deep/report.txt").is_file()


def test_eval_reads_data_as_it_is_told(cli: Cli, trained: Path) -> None:
    Path("x.csv").write_text("what,is\nfood,the soup was good\nsport,the match was late\n")
    result = cli("eval", trained, "x.csv", "--set", "data.label_column=what", "--set", "data.text_column=is")
    assert result.code == 0, result.err
    assert (trained / "eval/x/predictions.tsv").read_text().splitlines()[1].endswith("\tthe soup was good")


def test_without_a_test_file_dev_is_judged_and_that_is_said(cli: Cli, train_file: Path) -> None:
    cli("train", "--data", "train.tsv", *TINY)
    result = cli("eval", "runs/train")
    assert result.code == 0
    assert "no test file" in result.err
    assert Path("runs/train/eval/dev/metrics.json").is_file()


def test_a_name_of_dots_does_not_lead_out_of_the_runs(cli: Cli, trained: Path) -> None:
    for name in ("...tsv", "..gz"):
        Path("test.tsv").rename(name)
        assert cli("eval", trained, name).code == 0
        Path(name).rename("test.tsv")
    assert {path.name for path in (trained / "eval").iterdir()} == {"data"}  # the file of the first has moved
    Path("...yaml").write_text((trained / "config.yaml").read_text())
    result = cli("train", "--config", "...yaml")
    assert (result.code, result.out) == (0, "runs/data\n")
    assert {path.name for path in Path().iterdir()} >= {"runs", "...yaml"}
    assert {path.name for path in Path("runs").iterdir()} == {"train", "data"}


def test_a_file_name_that_is_not_utf_8_can_be_trained_on_evaluated_and_printed(cli: Cli, trained: Path) -> None:
    name = os.fsdecode(b"caf\xe9")
    Path("train.tsv").rename(f"{name}.tsv")
    process = Forked("train", "--data", f"{name}.tsv", *TINY)
    out, error = process.communicate()
    assert (process.returncode, out) == (0, b"runs/caf\xe9\n"), error
    assert rb"evaluate it with: textrnn eval 'runs/caf\udce9'" in error
    assert "eval 'runs/caf\\udce9'" in Path("runs", name, "train.log").read_text(encoding="utf-8")
    assert cli("eval", Path("runs", name), f"{name}.tsv").code == 0
    assert Path("runs", name, "eval", name, "report.txt").is_file()
    assert cli("train", "--config", Path("runs", name, "config.yaml"), "--run-dir", "again").code == 0


class PanicException(BaseException):
    """As the Rust code of safetensors raises it."""


OUT_OF_MEMORY = [
    MemoryError(), OSError(errno.ENOMEM, "Cannot allocate memory"), PanicException("PyObject pointer is null"),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:127] . DefaultCPUAllocator: can't allocate memory"),
    ImportError("libtorch_cpu.so: failed to map segment from shared object"),
]  # fmt: skip


@pytest.mark.parametrize("error", OUT_OF_MEMORY)
def test_full_memory_is_one_message(cli: Cli, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    monkeypatch.setattr("textrnn.commands.train.train", Mock(side_effect=error))
    result = cli("train", "--data", "x.tsv")
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("error: out of memory (")
    assert result.err.count("\n") == 1


def test_another_fault_keeps_its_traceback(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    fault = RuntimeError("CUDA error: an illegal memory access was encountered")
    monkeypatch.setattr("textrnn.commands.train.train", Mock(side_effect=fault))
    with pytest.raises(RuntimeError, match="illegal memory access"):
        cli("train", "--data", "x.tsv")


def test_tokenizing_with_workers_stops_at_a_signal(workplace: Path) -> None:
    rows = [(label, text * 40) for label, text in make_rows(20_000)]
    write_tsv(workplace / "big.tsv", rows)
    command = [*COMMAND, "vocab", "--data", "big.tsv", "--set", "tokenizer.kind=jieba"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, cwd=workplace, start_new_session=True)
    time.sleep(4)
    for _ in range(2):
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.1)
    _, error = process.communicate(timeout=15)
    assert process.returncode == 130
    assert b"Traceback" not in error


def test_a_run_is_held_by_one_process(cli: Cli, trained: Path) -> None:
    with RunFolder(trained).locked():
        result = cli("train", "--data", "train.tsv", *TINY, "--force")
    assert result.code == 1
    assert "another process is training this run" in result.err
