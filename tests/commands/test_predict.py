"""`textrnn predict` on files and pipes: each text answered, in order, as it comes."""

from __future__ import annotations

import gzip
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import COMMAND, Cli, make_rows
from tests.forked import Forked
from textrnn import TextClassifier


def test_three_lines_in_three_lines_out_in_any_locale(trained: Path) -> None:
    environment = {**os.environ, "LC_ALL": "C", "PYTHONIOENCODING": "ascii"}
    command = [*COMMAND, "predict", str(trained), "-"]
    result = subprocess.run(command, input="中文\n\nb".encode(), capture_output=True, env=environment)
    assert result.returncode == 0, result.stderr
    rows = [line.split("\t") for line in result.stdout.decode().splitlines()]
    assert [row[2] for row in rows] == ["中文", "", "b"]
    assert all(len(row[1].split(".")[1]) == 4 for row in rows)


@pytest.mark.parametrize(("content", "rows"), [(b"a\n", 1), (b"", 0), (gzip.compress(b"a\nb\n", mtime=0), 2)])
def test_stdin_is_the_default_when_piped_and_may_be_packed(trained: Path, content: bytes, rows: int) -> None:
    assert Forked("predict", trained).communicate(content)[0].count(b"\n") == rows


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


NO_COLUMN = "error: --text-column: a name, or a number up to 999999, was expected, found '"


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        *(("--text-column", number, NO_COLUMN) for number in ("1000000", "9" * 20, "9" * 5000)),
        *(("--min-probability", number, f"was expected, found {number}") for number in ("-0.1", "1.01", "nan", "inf")),
        ("--unsure-label", "x", "error: --unsure-label needs --min-probability"),
        ("--output-format=tsv", "--keep", "error: --keep needs --output-format csv or jsonl"),
        ("--output-format=tsv", "--probabilities", "error: --probabilities needs --output-format csv or jsonl"),
        ("--output-format=csv", "--top-k=2", "error: --top-k needs --output-format jsonl"),
    ],
)
def test_wrong_usage(cli: Cli, trained: Path, option: str, value: str, message: str) -> None:
    result = cli("predict", trained, "test.tsv", option, value)
    assert (result.code, result.out) == (2, "")
    assert message in result.err and len(result.err) < 300


def test_a_closed_pipe_ends_predict_quietly(trained: Path) -> None:
    Path("many.txt").write_text("a line\n" * 50_000)
    predict = Forked("predict", trained, "many.txt")
    assert predict.stdout.readline().endswith(b"\ta line\n")
    predict.stdout.close()
    assert predict.stderr.read() == b""
    assert predict.wait() == 0


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
def test_lines_are_answered_as_they_come(trained: Path, encoding: str) -> None:
    predict = Forked("predict", trained, "--encoding", encoding)
    for texts in (["first"], ["second", "third"], [str(number) for number in range(300)]):
        predict.stdin.write("".join(f"{text}\n" for text in texts).encode(encoding))
        predict.stdin.flush()
        answers = [predict.stdout.readline() for _ in texts]  # would wait for ever otherwise
        assert [answer.decode().split("\t")[2] for answer in answers] == [f"{text}\n" for text in texts]
    predict.stdin.close()
    assert predict.wait() == 0


def test_what_came_before_a_bad_record_is_answered(trained: Path) -> None:
    out, error = Forked("predict", trained).communicate(b"a\nb\n\xff\n")
    assert out.count(b"\n") == 2
    assert b"stdin:3: column 1" in error


@pytest.mark.parametrize(
    ("number", "code", "impatient"),
    [
        (signal.SIGINT, 130, False), (signal.SIGTERM, 143, False), (signal.SIGINT, 130, True),
        pytest.param(signal.SIGTERM, 143, True, marks=pytest.mark.slow),
    ],
)  # fmt: skip
def test_waiting_for_lines_can_be_stopped(trained: Path, number: signal.Signals, code: int, impatient: bool) -> None:
    piped: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    predict: Any = (
        subprocess.Popen([*COMMAND, "predict", str(trained)], **piped) if impatient else Forked("predict", trained)
    )
    predict.stdin.write(b"a\n")
    predict.stdin.flush()
    predict.stdout.readline()
    predict.send_signal(number)
    for _ in range(20 * impatient):  # once more, until it has ended: also while the interpreter is being taken down
        time.sleep(0.02)
        predict.send_signal(number)
    _, error = predict.communicate()
    assert predict.returncode == code
    assert b"Fatal" not in error
    assert b"Traceback" not in error


@pytest.mark.slow
def test_a_million_lines_stream_through_in_memory_that_does_not_grow(trained: Path) -> None:
    def peak_megabytes(lines: int) -> float:
        piped = f"seq -f 'a line %.0f' {lines} | {shlex.join(COMMAND)} predict {trained} | wc -l"
        code = f"import os\nfrom resource import *\nos.system({piped!r})\nprint(getrusage(RUSAGE_CHILDREN).ru_maxrss)"
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
        assert int(out[0]) == lines
        return int(out[1]) / 1024

    assert peak_megabytes(1_000_000) < peak_megabytes(10_000) + 30


def test_output_to_the_path_of_a_pipe(trained: Path) -> None:
    predict = Forked("predict", trained, "--output", "/dev/stdout")
    out, error = predict.communicate(b"one\ntwo\n")
    assert (predict.returncode, out.count(b"\n")) == (0, 2), error


def unsure_and_sure(trained: Path) -> tuple[np.ndarray, float]:
    """Of the 20 texts that it writes to `texts.txt` the highest probabilities, and one with 10 of them below it."""
    texts = [text for _, text in make_rows(20, seed=2)]
    Path("texts.txt").write_text("".join(f"{text}\n" for text in texts))
    highest = TextClassifier.load(trained).predict_proba(texts).max(axis=1)
    low, high = np.sort(highest)[9:11]
    return highest, float(low + high) / 2


def test_texts_below_a_probability_are_unsure(cli: Cli, trained: Path) -> None:
    highest, least = unsure_and_sure(trained)
    plain = [line.split("\t") for line in cli("predict", trained, "texts.txt").out.splitlines()]
    result = cli("predict", trained, "texts.txt", "--min-probability", least)
    rows = [line.split("\t") for line in result.out.splitlines()]
    assert [row[0] for row in rows] == ["?" if p < least else row[0] for row, p in zip(plain, highest, strict=True)]
    assert [row[1:] for row in rows] == [row[1:] for row in plain], "the probability stays that of the likeliest"
    assert f"10 of 20 texts have no label with a probability of {least:g} or more: they are labelled ?\n" in result.err


@pytest.mark.parametrize("top", [[], ["--top-k", "2"]])
def test_jsonl_keeps_the_likeliest_labels_of_unsure_texts(cli: Cli, trained: Path, top: list[str]) -> None:
    highest, least = unsure_and_sure(trained)
    arguments = ["predict", trained, "texts.txt", "--output-format", "jsonl", *top]
    plain = [json.loads(line) for line in cli(*arguments).out.splitlines()]
    result = cli(*arguments, "--min-probability", least, "--unsure-label", "看看")
    items = [json.loads(line) for line in result.out.splitlines()]
    for item, before, probability in zip(items, plain, highest, strict=True):
        assert item["label"] == ("看看" if probability < least else before["label"])
        assert item["top"][0] == {"label": before["label"], "probability": before["probability"]}
        assert (len(item["top"]), item["probability"]) == (2 if top else 1, before["probability"])
    assert result.err.endswith(": they are labelled 看看\n")


def test_the_ends_of_the_range_of_probabilities(cli: Cli, trained: Path) -> None:
    Path("texts.txt").write_text("one\ntwo\n")
    assert "0 of 2 texts" in cli("predict", trained, "texts.txt", "--min-probability", "0").err
    result = cli("predict", trained, "texts.txt", "--min-probability", "1", "--unsure-label", "a\tb")
    assert "2 of 2 texts" in result.err and result.out.startswith("a b\t")
    Path("texts.txt").write_text("")
    assert "0 of 0 texts" in cli("predict", trained, "texts.txt", "--min-probability", "1").err


@pytest.mark.parametrize("command", ["predict", "explain"])
def test_python_switches_between_threads_afterwards_as_before(command: str, cli: Cli, trained: Path) -> None:
    before = sys.getswitchinterval()
    assert cli(command, trained, "test.tsv").code == 0
    assert sys.getswitchinterval() == before
