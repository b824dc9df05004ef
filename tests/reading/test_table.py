"""The delimiter of a csv file, found by itself or given."""

from __future__ import annotations

import csv
import re
import shlex
from pathlib import Path

import pytest

from tests.conftest import TINY, Cli, make_rows
from textrnn.reading.source import Source
from textrnn.reading.table import find_delimiter

NAMED = Source([], "csv", "text", "label")
NUMBERED = Source([], "csv", 1, 0)
TEXTS = Source([], "csv", "text", labelled=False)
FIRST = Source([], "csv", 0, labelled=False)


@pytest.mark.parametrize(
    ("text", "source", "expected"),
    [
        ("text,label\na;b;c,x\n", NAMED, ","),
        ("text;label\na, b, c;x\n", NAMED, ";"),
        ("text\tlabel\na, b\tx\n", NAMED, "\t"),
        ("id|label|text\n1|x|a, b\n", NAMED, "|"),
        ('"text";"label"\n"a;b";"x"\n', NAMED, ";"),
        ("text\na; b\n", TEXTS, ","),
        ("pos;I liked it, really\nneg;bad\npos;good, good, good\n", NUMBERED, ";"),
        ("pos,I liked it; really\nneg,bad\npos,good; good; good\n", NUMBERED, ","),
        ('pos;"two\nlines"\nneg;bad\n', NUMBERED, ";"),
        ("a;b;c\n", NUMBERED, ";"),
        ("review;stars\nfine, fine;5\n", NAMED, ";"),
        ("great movie; but awful ending\nnice actor; terrible plot\n", FIRST, ","),
        ("".join(f"{'pos' if at % 2 else 'neg'};thing {at} costs 3,4\n" for at in range(8)), NUMBERED, ";"),
        ('pos,"superb; great; nice"\n' + "pos,good\nneg,bad\n" * 20 + 'neg,"a",b\n' + "neg,bad\n" * 20, NUMBERED, ","),
        ("label;text\na;b\nb;" + "x" * 200_000 + "\nb;c\n", NAMED, ";"),
        ("a text;pos\nanother text, longer;neg\n" * 4, Source([], "csv", 0, 1, labelled=False), ";"),
        ("", NAMED, ","),
        ("review;stars\nfine\rfine;5\nbad;1\n", NUMBERED, ";"),
    ],
)
def test_the_delimiter_that_fits(text: str, source: Source, expected: str) -> None:
    assert find_delimiter(text.splitlines(keepends=True), source) == expected


def write(name: str, delimiter: str, encoding: str = "utf-8") -> None:
    rows = [("text", "label"), *((f'"{text}, and{delimiter} more"', label) for label, text in make_rows(60))]
    Path(name).write_bytes("".join(delimiter.join(row) + "\r\n" for row in rows).encode(encoding))


@pytest.mark.parametrize(
    ("delimiter", "encoding"), [(";", "utf-8-sig"), (";", "cp1252"), ("\t", "utf-16"), ("|", "utf-8")]
)
def test_a_csv_of_a_spreadsheet_is_trained_on_evaluated_and_predicted(cli: Cli, delimiter: str, encoding: str) -> None:
    """The delimiter is found by itself, the encoding is the run's, in all commands."""
    write("t.csv", delimiter, encoding)
    result = cli("train", "--data", "t.csv", *TINY, "--set", f"data.encoding={encoding}", "--run-dir", "run")
    assert result.code == 0, result.err
    assert cli("eval", "run", "t.csv").code == 0
    assert cli("eval", "run/model", "t.csv").code == 0
    result = cli("predict", "run", "t.csv")
    assert (result.code, result.out.count("\n")) == (0, 60)
    assert f"and{delimiter.replace(chr(9), ' ')} more" in result.out and "label" not in result.out


def test_a_delimiter_that_is_given_is_taken(cli: Cli) -> None:
    write("t.csv", "#")
    assert "pass --set data.delimiter=CHARACTER" in cli("train", "--data", "t.csv", *TINY).err
    result = cli("train", "--data", "t.csv", *TINY, "--set", "data.delimiter='#'", "--run-dir", "run")
    assert result.code == 0, result.err
    assert cli("predict", "run", "t.csv").out.count("\n") == 60, "the run's delimiter"
    write("other.csv", "^")
    assert cli("predict", "run", "other.csv").code == 1
    assert cli("predict", "run", "other.csv", "--delimiter", "^").out.count("\n") == 60
    assert cli("eval", "run", "other.csv", "--set", "data.delimiter=^").code == 0


@pytest.mark.parametrize("value", [";;", "'\"'", "5", "[a]", "true", "' '"])
def test_what_is_no_delimiter(cli: Cli, value: str) -> None:
    result = cli("train", "--data", "t.csv", "--set", f"data.delimiter={value}")
    assert result.code == 1 and "--set data.delimiter: expected one character" in result.err, result.err


@pytest.mark.parametrize("name", ["no", "a: b", "[tag]", "#n", "l'avis", "x y", "été", "*", "true", "null", "1e3"])
def test_the_column_that_a_message_names_can_be_typed_as_it_stands(cli: Cli, name: str) -> None:
    rows = [(name, "id"), *((f"a longer text than that {number}", number % 2) for number in range(20))]
    with Path("t.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    message = cli("vocab", "--data", "t.csv", "--set", "data.label_column=id").err
    (advice,) = re.findall(r"Perhaps (--text-column .*), or, if the file has no header", message)
    result = cli("vocab", "--data", "t.csv", "--set", "data.label_column=id", *shlex.split(advice))
    assert result.code == 0, (advice, result.err)


def test_a_delimiter_without_a_csv_file_is_said_to_have_no_effect(cli: Cli, train_file: Path) -> None:
    options = ["--data", train_file, *TINY, "--set", "data.delimiter=;"]
    assert "data.delimiter has no effect: no file is csv" in cli("vocab", *options).err
    assert (
        "data.delimiter: ; has no effect: data.format is tsv, not csv"
        in cli("vocab", *options, "--set", "data.format=tsv").err
    )
