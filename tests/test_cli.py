"""The contract of the command line: names, files, outputs, exit codes."""

from __future__ import annotations

import csv
import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import TINY, Cli, make_rows, write_tsv
from textrnn import TextClassifier, __version__
from textrnn.run_folder import RunFolder

COMMAND = [sys.executable, "-m", "textrnn"]


def test_version(cli: Cli) -> None:
    assert cli("--version").out == f"textrnn {__version__}\n"


@pytest.mark.parametrize("command", ["vocab", "train", "eval", "predict"])
def test_help_has_an_example(cli: Cli, command: str) -> None:
    result = cli(command, "--help")
    assert result.code == 0
    assert f"Example: textrnn {command} " in " ".join(result.out.split())


@pytest.mark.parametrize(
    "arguments",
    [["trian"], ["train", "--confg", "x"], ["train"], ["vocab"], ["eval"], ["train", "--config"]],
)
def test_wrong_usage_is_exit_2(cli: Cli, arguments: list[str]) -> None:
    result = cli(*arguments)
    assert (result.code, result.out) == (2, "")
    assert "Traceback" not in result.err


def test_vocab_prints_what_is_in_the_corpus(cli: Cli, train_file: Path) -> None:
    result = cli("vocab", "--data", "train.tsv", "--output", "vocab.tsv")
    assert result.code == 0, result.err
    for part in ("vocabulary: ", "% of tokens known", "% <unk>", "tokens in a text: median", "label food: 18 "):
        assert part in result.out
    counts = [line.split("\t") for line in Path("vocab.tsv").read_text().splitlines()]
    assert [int(count) for _, count in counts] == sorted((int(count) for _, count in counts), reverse=True)
    assert Path(".textrnn_cache").is_dir()


def test_a_run_holds_what_the_contract_says(cli: Cli, trained: Path) -> None:
    files = {str(path.relative_to(trained)) for path in trained.rglob("*") if path.is_file()}
    assert files == {
        "config.yaml", "environment.json", "history.jsonl", "train.log", "plots/curves.png",
        "resume/state.safetensors", "model/model.safetensors", "model/config.yaml", "model/vocab.txt",
        "model/labels.txt",
    }  # fmt: skip
    keys = {
        "epoch", "step", "train_loss", "dev_loss", "dev_accuracy", "dev_macro_f1", "learning_rate", "grad_norm_mean",
        "grad_norm_max", "clipped", "tokens_per_second", "seconds",
    }  # fmt: skip
    history = [json.loads(line) for line in (trained / "history.jsonl").read_text().splitlines()]
    assert [set(line) for line in history] == [keys, keys]
    assert (trained / "model" / "labels.txt").read_text() == "food\nsport\ntravel\n"


def test_train_prints_the_folder_alone_on_stdout(cli: Cli, train_file: Path) -> None:
    assert cli("train", "--data", "train.tsv", *TINY).out == "runs/train\n"


def test_a_run_can_be_repeated_from_its_own_config(cli: Cli, trained: Path) -> None:
    result = cli("train", "--config", trained / "config.yaml", "--run-dir", "other")
    assert result.code == 0, result.err
    weights = "model/model.safetensors"
    assert (trained / weights).read_bytes() == Path("other", weights).read_bytes()
    assert (trained / "config.yaml").read_bytes() == Path("other/config.yaml").read_bytes()


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
    }  # fmt: skip
    assert (folder / "report.txt").read_text() == result.out
    metrics = json.loads((folder / "metrics.json").read_text())
    assert list(metrics) == [
        "accuracy", "macro_f1", "weighted_f1", "loss", "n", "labels", "per_class", "confusion_matrix", "seconds",
    ]  # fmt: skip
    lines = (folder / "predictions.tsv").read_text().splitlines()
    assert lines[0] == "true\tpredicted\tprobability\ttext"
    rows = [line.split("\t") for line in lines[1:]]
    assert [[row[0], row[3]] for row in rows] == [
        line.split("\t") for line in Path("test.tsv").read_text().splitlines()
    ]
    assert metrics["n"] == len(rows) == 24
    assert metrics["accuracy"] == sum(row[0] == row[1] for row in rows) / 24
    with (folder / "confusion_matrix.csv").open(newline="") as stream:
        table = list(csv.reader(stream))
    assert table[0][1:] == [row[0] for row in table[1:]] == metrics["labels"]
    assert [[int(count) for count in row[1:]] for row in table[1:]] == metrics["confusion_matrix"]


def test_eval_json_is_the_file(cli: Cli, trained: Path) -> None:
    result = cli("eval", trained, "--json")
    assert result.out == (trained / "eval/test/metrics.json").read_text()


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


def piped(text: bytes | str, *arguments: object, cwd: Path) -> subprocess.CompletedProcess:
    content = text.encode() if isinstance(text, str) else text
    environment = {**os.environ, "LC_ALL": "C", "PYTHONIOENCODING": "ascii"}
    return subprocess.run(
        [*COMMAND, "predict", *map(str, arguments)], input=content, capture_output=True, cwd=cwd, env=environment
    )


def test_three_lines_in_three_lines_out_in_any_locale(trained: Path, workplace: Path) -> None:
    result = piped("中文\n\nb", trained, "-", cwd=workplace)
    assert result.returncode == 0, result.stderr
    rows = [line.split("\t") for line in result.stdout.decode().splitlines()]
    assert [row[2] for row in rows] == ["中文", "", "b"]
    assert all(len(row[1].split(".")[1]) == 4 for row in rows)


def test_stdin_is_the_default_when_piped(trained: Path, workplace: Path) -> None:
    assert piped("a\n", trained, cwd=workplace).stdout.count(b"\n") == 1
    assert piped("", trained, cwd=workplace).stdout == b""


def test_predictions_are_those_of_the_python_class_in_order(cli: Cli, trained: Path) -> None:
    texts = [text for _, text in make_rows(300, seed=2)]
    Path("texts.txt").write_text("".join(f"{text}\n" for text in texts))
    result = cli("predict", trained, "texts.txt", "--output-format", "jsonl", "--top-k", "2")
    items = [json.loads(line) for line in result.out.splitlines()]
    assert [item["text"] for item in items] == texts
    classifier = TextClassifier.load(trained)
    probabilities = classifier.predict_proba(texts)
    assert [item["label"] for item in items] == classifier.predict(texts)
    assert np.allclose([item["probability"] for item in items], probabilities.max(axis=1), atol=1e-4)
    assert all(len(item["top"]) == 2 and item["top"][0]["label"] == item["label"] for item in items)
    assert np.allclose(probabilities.sum(axis=1), 1)
    alone = np.concatenate([classifier.predict_proba([text]) for text in texts[:20]])
    assert np.abs(alone - probabilities[:20]).max() < 1e-5


@pytest.mark.parametrize(
    ("name", "content", "options", "texts"),
    [
        ("x.csv", 'text,n\n"a\nb",1\n,2\nc,3', [], ["a b", "", "c"]),
        ("x.csv", "review\nx\n\ny\n", ["--text-column", "review"], ["x", "", "y"]),
        ("x.csv", "x,1\ny,2\n", ["--text-column", "0"], ["x", "y"]),
        ("x.tsv", "food\tx\tz\nsport\ty\n", [], ["x z", "y"]),
        ("x.jsonl", '{"text": "x\\ty"}\n{"text": ""}\n', [], ["x y", ""]),
        ("x.txt", "a\tb\r\n\u2028c\n", [], ["a b", " c"]),
        ("x.txt", '{"text": "x"}\n', ["--format", "jsonl"], ["x"]),
    ],
)
def test_predict_reads_each_format(
    cli: Cli, trained: Path, name: str, content: str, options: list[str], texts: list[str]
) -> None:
    Path(name).write_bytes(content.encode())
    result = cli("predict", trained, name, *options)
    assert result.code == 0, result.err
    assert [line.split("\t")[2] for line in result.out.split("\n")[:-1]] == texts


def test_predict_several_files_in_order_into_a_file(cli: Cli, trained: Path) -> None:
    Path("1.txt").write_text("one\n")
    Path("2.txt").write_bytes("zwei ä\n".encode("latin-1"))
    result = cli("predict", trained / "model", "2.txt", "1.txt", "--encoding", "latin-1", "--output", "out.tsv")
    assert (result.code, result.out) == (0, "")
    assert [line.split("\t")[2] for line in Path("out.tsv").read_text().splitlines()] == ["zwei ä", "one"]


def test_a_closed_pipe_ends_predict_quietly(trained: Path, workplace: Path) -> None:
    Path("many.txt").write_text("a line\n" * 50_000)
    predict = subprocess.Popen(
        [*COMMAND, "predict", str(trained), "many.txt"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=workplace
    )
    assert predict.stdout is not None
    assert predict.stderr is not None
    assert predict.stdout.readline().endswith(b"\ta line\n")
    predict.stdout.close()
    assert predict.stderr.read() == b""
    assert predict.wait() == 0


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
def test_lines_are_answered_as_they_come(trained: Path, workplace: Path, encoding: str) -> None:
    predict = subprocess.Popen(
        [*COMMAND, "predict", str(trained), "--encoding", encoding],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=workplace,
    )  # fmt: skip
    assert predict.stdin is not None
    assert predict.stdout is not None
    for texts in (["first"], ["second", "third"], [str(number) for number in range(300)]):
        predict.stdin.write("".join(f"{text}\n" for text in texts).encode(encoding))
        predict.stdin.flush()
        answers = [predict.stdout.readline() for _ in texts]  # would wait for ever otherwise
        assert [answer.decode().split("\t")[2] for answer in answers] == [f"{text}\n" for text in texts]
    predict.stdin.close()
    assert predict.wait() == 0


def test_what_came_before_a_bad_record_is_answered(trained: Path, workplace: Path) -> None:
    result = piped(b"a\nb\n\xff\n", trained, cwd=workplace)
    assert result.stdout.count(b"\n") == 2
    assert b"stdin:3: column 1" in result.stderr


def test_equal_weights_give_equal_files_with_nothing_else_inside(cli: Cli, trained: Path) -> None:
    content = (trained / "model/model.safetensors").read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    assert "__metadata__" not in header
    assert cli("train", "--data", "train.tsv", *TINY, "--run-dir", "again").code == 0
    assert Path("again/model/model.safetensors").read_bytes() == content


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")])
def test_full_memory_is_one_message(cli: Cli, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise error

    monkeypatch.setattr("textrnn.commands.train.train", fail)
    result = cli("train", "--data", "x.tsv")
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("error: out of memory; a smaller train.batch_size")
    assert result.err.count("\n") == 1


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_waiting_for_lines_can_be_stopped(trained: Path, workplace: Path, number: signal.Signals, code: int) -> None:
    predict = subprocess.Popen(
        [*COMMAND, "predict", str(trained)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=workplace,
    )  # fmt: skip
    assert predict.stdin is not None
    assert predict.stdout is not None
    predict.stdin.write(b"a\n")
    predict.stdin.flush()
    predict.stdout.readline()
    predict.send_signal(number)
    _, error = predict.communicate()
    assert predict.returncode == code
    assert b"Fatal" not in error
    assert b"Traceback" not in error


def test_stdin_may_be_packed(trained: Path, workplace: Path) -> None:
    assert piped(gzip.compress(b"a\nb\n"), trained, cwd=workplace).stdout.count(b"\n") == 2


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
    with RunFolder(trained).held():
        result = cli("train", "--data", "train.tsv", *TINY, "--force")
    assert result.code == 1
    assert "another process is training this run" in result.err


@pytest.mark.slow
def test_a_million_lines_stream_through_in_memory_that_does_not_grow(trained: Path, workplace: Path) -> None:
    def peak_megabytes(lines: int) -> float:
        script = (
            "import resource, subprocess, sys\n"
            "lines = f'for n in range({sys.argv[2]}): print(\"a line\", n)'\n"
            "producer = subprocess.Popen([sys.executable, '-c', lines], stdout=subprocess.PIPE)\n"
            "counter = subprocess.Popen(['wc', '-l'], stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
            "subprocess.run([sys.executable, '-m', 'textrnn', 'predict', sys.argv[1]], stdin=producer.stdout,"
            " stdout=counter.stdin, check=True)\n"
            "print(counter.communicate()[0].decode().strip(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
        )
        command = [sys.executable, "-c", script, str(trained), str(lines)]
        out = subprocess.run(command, capture_output=True, text=True, check=True, cwd=workplace).stdout.split()
        assert int(out[0]) == lines
        return int(out[1]) / 1024

    assert peak_megabytes(1_000_000) < peak_megabytes(10_000) + 30
