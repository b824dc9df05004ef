"""Which columns are read: `--text-column`, `--label-column` and `data.text_column`, of one or of several columns."""

from __future__ import annotations

import csv
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import TINY, Cli, make_rows

ROWS = make_rows(60)
JOINED = ["--text-column", "title,body"]
TITLE_AND_BODY = [*JOINED, "--label-column", "kind"]
SPLIT = [{"id": "7", "title": text.split()[0], "body": text.split(" ", 1)[1], "kind": label} for label, text in ROWS]


def write_csv(name: str, rows: list[dict[str, str]]) -> None:
    with Path(name).open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def as_tsv(rows: list[dict[str, str]]) -> str:
    return "".join("\t".join(row.values()) + "\n" for row in rows)


@pytest.fixture
def two_columns(cli: Cli) -> Path:
    """A run that was trained on the columns `title` and `body`."""
    write_csv("t.csv", SPLIT)
    result = cli("train", "--data", "t.csv", *TITLE_AND_BODY, *TINY, "--run-dir", "run")
    assert result.code == 0, result.err
    return Path("run")


def test_the_columns_are_kept_in_the_configs_of_run_and_model(two_columns: Path) -> None:
    for config in ("config.yaml", "model/config.yaml"):
        data = yaml.safe_load((two_columns / config).read_text())["data"]
        assert (data["text_column"], data["label_column"]) == (["title", "body"], "kind")


@pytest.mark.parametrize("kind", ["csv", "jsonl", "tsv"])
def test_columns_are_joined_by_a_line_end_without_empty_cells(cli: Cli, two_columns: Path, kind: str) -> None:
    rows = [{"id": "1", "title": "soup", "body": "and bread", "kind": "x"},
            {"id": "2", "title": "", "body": "late goal", "kind": ""},
            {"id": "3", "title": "late goal", "body": "", "kind": ""}]  # fmt: skip
    options = []
    if kind == "csv":
        write_csv("new.csv", rows)
    elif kind == "jsonl":
        Path("new.jsonl").write_text("".join(json.dumps(row | {"body": row["body"] or None}) + "\n" for row in rows))
    else:
        Path("new.tsv").write_text(as_tsv(rows))
        options = ["--text-column", "1,2"]
    result = cli("predict", two_columns, f"new.{kind}", *options, "--output-format", "jsonl")
    assert result.code == 0, result.err
    texts = [json.loads(line)["text"] for line in result.out.splitlines()]
    assert texts == ["soup\nand bread", "late goal", "late goal"]
    Path("plain.txt").write_text("soup\n")
    assert cli("predict", two_columns, "plain.txt").out.endswith("\tsoup\n"), "a line of text is taken whole"
    explained = cli("explain", two_columns, f"new.{kind}", *options, "--output-format", "jsonl")
    assert json.loads(explained.out.splitlines()[0])["text"] == "soup\nand bread"


def test_columns_that_are_set_and_columns_that_are_options_are_the_same(cli: Cli) -> None:
    write_csv("t.csv", SPLIT)
    Path("t.tsv").write_text(as_tsv(SPLIT))
    Path("t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in SPLIT))
    printed = {
        cli("vocab", "--data", name, *options).out
        for name, options in {
            "t.csv": TITLE_AND_BODY,
            "./t.csv": ["--set", "data.text_column=[title, body]", "--set", "data.label_column=kind"],
            "t.tsv": ["--text-column", "1,2", "--label-column", "3"],
            "t.jsonl": ["--text-column", ' "title" , body', "--label-column", "kind"],
        }.items()
    }
    assert len(printed) == 1 and "label food: 20 " in printed.pop()


def test_every_command_that_reads_labels_takes_the_columns(cli: Cli, two_columns: Path) -> None:
    Path("more.csv").write_text("what,is,also\n" + "food,soup,bread\nsport,goal,late\ntravel,train,map\n" * 20)
    columns = ["--text-column", "is,also", "--label-column", "what"]
    for command in (
        ["eval", two_columns, "more.csv"],
        ["check", "--data", "more.csv"],
        ["vocab", "--data", "more.csv"],
        ["gradients", "--data", "more.csv", "--cell", "rnn", "--steps", "1", *TINY],
    ):
        result = cli(*command, *columns)
        assert result.code == 0, result.err
        assert "no column" in cli(*command, "--set", "data.format=csv").err
    predictions = Path("run/eval/more/predictions.tsv").read_text().splitlines()
    assert predictions[1].endswith("\tsoup bread")
    write_csv("t.csv", SPLIT)
    assert cli("train", "--data", "t.csv", *TITLE_AND_BODY, *TINY, "--run-dir", "b").code == 0
    compared = cli("compare", two_columns, "b", "--data", "more.csv", *columns)
    assert compared.code == 0, compared.err
    refused = cli("gradients", two_columns, "--text-column", "is")
    assert (refused.code, "--text-column, --label-column" in refused.err) == (2, True)


def test_columns_that_are_joined_are_no_other_columns_of_suspects(cli: Cli) -> None:
    swapped = {"food": "sport", "sport": "travel", "travel": "food"}
    rows = [row | {"kind": swapped[row["kind"]]} if at % 10 == 0 else row for at, row in enumerate(SPLIT)]
    write_csv("t.csv", rows)
    result = cli("check", "--data", "t.csv", *TITLE_AND_BODY, "--output", "s.csv", "--keep")
    assert result.code == 0, result.err
    with Path("s.csv").open(newline="") as stream:
        header, *suspects = list(csv.reader(stream))
    assert header[-1] == "id" and not {"title", "body", "kind"} & set(header) and suspects
    assert {row[1] for row in suspects} <= {f"{row['title']}\n{row['body']}" for row in rows}


def test_a_name_that_looks_like_a_number_is_quoted(cli: Cli) -> None:
    Path("t.csv").write_text("0,1\n" + "".join(f"{label},{text}\n" for label, text in ROWS))
    message = cli("vocab", "--data", "t.csv", "--text-column", "1", "--label-column", "0").err
    (advice,) = re.findall(r"name the columns: (.*)", message)
    result = cli("vocab", "--data", "t.csv", *shlex.split(advice))
    assert result.code == 0 and "label food: 20 " in result.out, result.err


@pytest.mark.parametrize(
    ("name", "content", "options", "message"),
    [
        ("t.csv", "title,kind\na,b\n", JOINED,
         "t.csv:1: no columns 'body' and 'label'; the header is: 'title', 'kind'. "
         "Pass --text-column NAME,NAME --label-column NAME"),
        ("t.tsv", "a\tb\n", ["--text-column", "1,2"],
         "t.tsv:1: expected a text in columns 1 and 2 and a label in column 0"),
        ("t.tsv", "a\tb\n", ["--text-column", "1,0"], "t.tsv: text and label are both read from column 0"),
        ("t.tsv", "label\ttitle\tbody\na\tb\tc\n", ["--text-column", "1,2"],
         "name the columns: --text-column title,body --label-column label"),
        ("t.tsv", '"label"\t"title"\t"body"\n"a"\t"b"\t"c"\n', ["--text-column", "1,2"],
         "name the columns: --text-column title,body --label-column label; its fields are in quotes, as in csv"),
        ("t.csv", "title,x,y\na,0,1\nb,1,0\n", JOINED, "the columns 'x', 'y' hold 0 and 1, as one column per class"),
        ("t.jsonl", '{"title": "a", "label": "b"}\n', JOINED,
         "t.jsonl:1: no key 'body'; the keys are: 'title', 'label'"),
        ("t.jsonl", '{"title": null, "body": null, "label": "b"}\n', JOINED,
         "the value of 'title' and 'body' is null"),
        ("t.jsonl", '{"title": "a", "body": 3, "label": "b"}\n', JOINED,
         "expected a string as the value of 'body', found 3"),
    ],
)  # fmt: skip
def test_columns_that_are_not_there(cli: Cli, name: str, content: str, options: list[str], message: str) -> None:
    Path(name).write_text(content)
    result = cli("vocab", "--data", name, *options)
    assert result.code == 1 and message in result.err, result.err


@pytest.mark.parametrize(
    ("option", "value"),
    [("--text-column", ""), ("--text-column", "a, ,b"), ("--text-column", "a,1000000"), ("--label-column", "9" * 30)],
)
def test_what_is_no_column_is_wrong_usage(cli: Cli, option: str, value: Any) -> None:
    result = cli("vocab", "--data", "t.csv", option, value)
    assert result.code == 2 and f"{option}: a name, or a number up to 999999, was expected" in result.err


@pytest.mark.parametrize(
    ("command", "option"),
    [("vocab", "--text-column"), ("vocab", "--label-column"), ("eval", "--label-column"), ("predict", "--text-column")],
)
def test_a_column_option_is_given_once(cli: Cli, command: str, option: str) -> None:
    Path("t.csv").touch()
    arguments = ["--data", "t.csv"] if command == "vocab" else ["run", "t.csv"]
    result = cli(command, *arguments, option, "title", option, "body")
    assert (result.code, result.out) == (2, "")
    assert f"{option} is given more than once" in result.err and "--text-column title,body" in result.err
