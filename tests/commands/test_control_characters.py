"""Control characters in labels and texts: files keep them, and a terminal never gets to obey them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.commands.bad_inputs import put
from tests.conftest import TINY, Cli
from tests.terminal import in_terminal
from textrnn.runtime.terminal import visible

LABELS = [
    "es\x1b[31mcape", "lone\rreturn", "next\x85line", "line\u2028separator", "form\ffeed", 'comma, "quote"', "c\x9b1",
    "zero\u200bwidth", "soft\xadhyphen", "\u2060mark\ufeff",
]  # fmt: skip
OBEYED = set("\x1b\x07\r\x85\u2028\f\x9b")  # by a terminal, of the characters in labels and texts


@pytest.fixture
def odd(cli: Cli) -> Path:
    """A run of texts with such labels."""
    rows = [
        {"text": f"word{number % 7} \x1b]0;x\x07 {number}", "label": LABELS[number % len(LABELS)]}
        for number in range(70)
    ]
    put({"odd.jsonl": "".join(json.dumps(row) + "\n" for row in rows)})
    result = cli("train", "--data", "odd.jsonl", *TINY, "--run-dir", "odd")
    assert result.code == 0, result.err
    assert result.err == visible(result.err)
    assert r"es\x1b[31mcape" in result.err
    assert r"lone\rreturn" in result.err
    log = Path("odd/train.log").read_bytes().decode()
    assert log == visible(log)
    return Path("odd")


def test_results_of_eval_can_be_read_back_and_its_report_shown(cli: Cli, odd: Path, drawn: None) -> None:
    result = cli("eval", odd, "odd.jsonl", "--output", "o")
    assert result.code == 0, result.err
    assert result.out + result.err == visible(result.out + result.err)
    report = Path("o/report.txt").read_bytes().decode()
    assert report == visible(report)
    assert r"es\x1b[31mcape" in report
    with Path("o/confusion_matrix.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.reader(stream))
    assert rows[0][1:] == [row[0] for row in rows[1:]] == sorted(LABELS)
    assert {len(row) for row in rows} == {len(LABELS) + 1}
    read_by_line = list(csv.reader(Path("o/confusion_matrix.csv").read_bytes().decode().splitlines(keepends=True)))
    assert read_by_line == rows
    assert len(Path("o/predictions.tsv").read_text().splitlines()) == 71
    assert json.loads(Path("o/metrics.json").read_text())["labels"] == sorted(LABELS)
    as_json = cli("eval", odd, "odd.jsonl", "--output", "o", "--json").out
    assert not OBEYED & set(as_json)


def test_invisible_characters_are_escapes_in_every_table(cli: Cli, odd: Path) -> None:
    shown = {"check": cli("check", "--data", "odd.jsonl").out, "eval": cli("eval", odd, "odd.jsonl").out}
    for name in ("report.txt", "report.html"):
        shown[name] = (odd / "eval" / "odd" / name).read_text(encoding="utf-8")
    shown["vocab"] = cli("vocab", "--data", "odd.jsonl").out
    for name, text in shown.items():
        assert r"zero\u200bwidth" in text and r"soft\xadhyphen" in text and r"\u2060mark\ufeff" in text, name
        assert not set("\u200b\xad\u2060\ufeff") & set(text), name


@pytest.mark.parametrize("text", ["می\u200cخواهم", "क्\u200dष", "👩\u200d💻", "a b", "été\xa0!"])
def test_characters_that_a_script_needs_are_shown_as_they_are(text: str) -> None:
    assert visible(text) == text


def test_a_joiner_between_plain_letters_is_an_escape() -> None:
    assert visible("foo\u200cd \u200dx") == r"foo\u200cd \u200dx"


def test_plain_labels_are_not_quoted_in_the_matrix(cli: Cli, trained: Path) -> None:
    assert cli("eval", trained, "--output", "o").code == 0
    assert Path("o/confusion_matrix.csv").read_text().startswith("true \\ predicted,food,sport,travel\nfood,")


def test_errors_show_them_as_escapes(cli: Cli, odd: Path) -> None:
    put({"e.tsv": "\x1b[2J\tx\n"})
    for arguments in (["eval", odd, "e.tsv"], ["predict", odd, "no\x1b[2J.txt"], ["predict", "no\x9b"]):
        result = cli(*arguments)
        assert (result.code, result.out, result.err.count("\n")) == (1, "", 1)
        assert result.err == visible(result.err)
        assert r"\x" in result.err


def test_predict_keeps_them_in_files_and_pipes_and_escapes_them_in_json(cli: Cli, odd: Path) -> None:
    put({"t.txt": "a\x1b[31mb\x9bc\u200bd\n"})
    assert cli("predict", odd, "t.txt").out.endswith("\ta\x1b[31mb\x9bc\u200bd\n")
    assert cli("predict", odd, "t.txt", "--output", "out.tsv").code == 0
    assert Path("out.tsv").read_bytes().decode().endswith("\ta\x1b[31mb\x9bc\u200bd\n")
    out = cli("predict", odd, "t.txt", "--output-format", "jsonl", "--top-k", len(LABELS)).out
    assert not OBEYED & set(out)
    assert json.loads(out)["text"] == "a\x1b[31mb\x9bc\u200bd"
    assert sorted(choice["label"] for choice in json.loads(out)["top"]) == sorted(LABELS)


def test_predict_escapes_them_on_a_terminal(odd: Path) -> None:
    put({"t.txt": "a\x1b[31mb\x9bc\u200bd\te\n"})
    code, shown = in_terminal("predict", odd, "t.txt", columns=80)
    assert code == 0
    assert shown.endswith("\ta\\x1b[31mb\\x9bc\\u200bd e\r\n")
    assert "\x1b" not in shown
