"""Files that mean something else than how they would be read: the advice works as it is typed."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.checking.reports import ROWS, tsv
from tests.commands.bad_inputs import put
from tests.conftest import TINY, Cli, Result, sets


def options_in(message: str) -> list[str]:
    """The options that a message names, with their values, as a shell reads them."""
    begin = message.index(re.findall("--(?:set|text-column|label-column) ", message)[0])
    words = shlex.split(message[begin:].partition(", or")[0].replace(";", " "))
    return [word for at, word in enumerate(words) if "--" in (word[:2], words[at - 1][:2])]


def run_command(message: str, begin: str) -> str:
    """Run the shell command in a message, which writes NEW, and give the file that it wrote."""
    command = message[message.index(begin) :].split(" (--set")[0].strip()
    subprocess.run(command, shell=True, check=True)
    return command.rpartition("> ")[2].split()[0]


def is_read(result: Result, labels: str = "food sport travel") -> bool:
    return result.code == 0 and re.findall(r"^label (\S+): 20 training", result.out, re.MULTILINE) == labels.split()


def table(delimiter: str = ",", quote: str = "", header: str | None = "label{0}text") -> str:
    lines = [] if header is None else [header.format(delimiter)]
    return "\n".join([*lines, *(f"{quote}{label}{quote}{delimiter}{quote}{text}{quote}" for label, text in ROWS), ""])


def test_the_first_line_of_excel_is_read_by_all_commands(cli: Cli) -> None:
    put({"t.csv": "sep=;\r\n" + table(";").replace("\n", "\r\n")})
    assert is_read(cli("vocab", "--data", "t.csv"))
    assert cli("train", "--data", "t.csv", *TINY, "--run-dir", "run").code == 0
    assert cli("eval", "run", "t.csv").code == 0
    result = cli("predict", "run", "t.csv", "--keep", "--output-format", "jsonl")
    assert result.code == 0, result.err
    assert [json.loads(line)["row"]["label"] for line in result.out.splitlines()] == [label for label, _ in ROWS]


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.txt"])
def test_line_ends_of_old_macs_are_named_with_the_command_that_converts_them(name: str, cli: Cli) -> None:
    text = table("," if name == "t.csv" else "\t", header="label{0}text" if name == "t.csv" else None)
    put({name: text.replace("\n", "\r")})
    result = cli("vocab", "--data", name)
    assert (result.code, result.out, result.err.count("\n")) == (1, "", 1)
    assert "carriage returns" in result.err and f"tr '\\r' '\\n' < {name} > NEW" in result.err
    Path(run_command(result.err, "tr ")).rename(name)
    assert is_read(cli("vocab", "--data", name))


def test_a_last_line_of_a_text_with_carriage_returns_is_no_old_mac(cli: Cli) -> None:
    put({"t.tsv": table("\t", header=None) + "food\tone\rtwo"})
    assert cli("vocab", "--data", "t.tsv").code == 0


@pytest.mark.parametrize(
    ("name", "comma"), [("t.txt", ", "), ("t.txt", ",7"), ("t.csv", ", "), ("t.csv", ","), ("t.tsv", " , ")]
)
def test_a_comma_behind_a_fasttext_label_gets_a_command_that_removes_it(name: str, comma: str, cli: Cli) -> None:
    put({name: "".join(f"__label__{label}{comma}{text}, and more\n" for label, text in ROWS)})
    result = cli("vocab", "--data", name)
    assert (result.code, result.out) == (1, "") and "comma" in result.err and "data.text_column" not in result.err
    assert is_read(cli("vocab", "--data", run_command(result.err, "sed ")))


@pytest.mark.parametrize("name", ["t.csv", "t.tsv"])
def test_fasttext_under_another_suffix_is_recognized(name: str, cli: Cli) -> None:
    put({name: "".join(f"__label__{label} {text}, and more\n" for label, text in ROWS)})
    result = cli("vocab", "--data", name)
    assert result.code == 1 and options_in(result.err) == ["--set", "data.format=fasttext"]
    assert is_read(cli("vocab", "--data", name, *options_in(result.err)))


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("name", ["t.json", "t.jsonl", "my t.json"])
def test_a_json_array_gets_a_command_that_converts_it(name: str, indent: int | None, cli: Cli) -> None:
    rows = [{"text": text, "label": label} for label, text in ROWS]
    put({name: json.dumps(rows, indent=indent)})
    result = cli("vocab", "--data", name)
    assert (result.code, result.out, result.err.count("\n")) == (1, "", 1)
    assert "JSON array" in result.err and "one JSON object per line" in result.err
    assert is_read(cli("vocab", "--data", run_command(result.err, "python3 ")))


def test_a_json_object_over_several_lines_is_recognized(cli: Cli) -> None:
    put({"t.json": json.dumps({"text": "x", "label": "y"}, indent=1)})
    expected = "t.json:1: expected one JSON object per line (jsonl), found one over several lines"
    assert expected in cli("vocab", "--data", "t.json").err


@pytest.mark.parametrize("header", [None, "label{0}text", '"label"{0}"text"'])
def test_a_tsv_with_quotes_is_to_be_read_as_csv(header: str | None, cli: Cli) -> None:
    put({"t.tsv": table("\t", quote='"', header=header)})
    result = cli("vocab", "--data", "t.tsv")
    assert "in quotes" in result.err
    assert is_read(cli("vocab", "--data", "t.tsv", *options_in(result.err)))


def test_texts_in_quotes_are_no_reason_to_read_a_tsv_as_csv(cli: Cli) -> None:
    put({"t.tsv": "".join(f'{label}\t"{text}"\n' for label, text in ROWS)})
    result = cli("vocab", "--data", "t.tsv")
    assert is_read(result) and "quotes" not in result.err


@pytest.mark.parametrize("separator", ["\t", " ", ": ", ",", ". "])
def test_ids_before_label_names_are_not_part_of_them(separator: str, cli: Cli) -> None:
    names = ["food", "sport", "travel"]
    put({
        "names.txt": "".join(f"{number}{separator}{name}\n" for number, name in enumerate(names)),
        "t.tsv": "".join(f"{names.index(label)}\t{text}\n" for label, text in ROWS),
    })  # fmt: skip
    assert is_read(cli("vocab", "--data", "t.tsv", *sets("data.label_names=names.txt")))


@pytest.mark.parametrize("names", ["0 stars\n1 star\n2 stars\n", "1 food\n2 sport\n3 travel\n", "0 a\n1 b\nc\n"])
def test_numbers_that_are_part_of_label_names_stay(names: str, cli: Cli) -> None:
    put({"names.txt": names, "t.tsv": "0\tsoup\n1\tgoal\n2\tmap\n" * 3})
    result = cli("vocab", "--data", "t.tsv", *sets("data.label_names=names.txt"))
    assert re.findall(r"^label (.*): 3 training", result.out, re.MULTILINE) == names.splitlines()


@pytest.mark.parametrize("index", [True, False])
def test_a_header_of_pandas_gets_advice_that_works(index: bool, cli: Cli) -> None:
    rows = [f"{f'{number},' * index}{text},{label}" for number, (label, text) in enumerate(ROWS)]
    put({"t.csv": "\n".join([f"{',' * index}0,1", *rows, ""])})
    for options in ([], sets(f"data.text_column={int(index)}", f"data.label_column={index + 1}")):
        result = cli("vocab", "--data", "t.csv", *options)
        assert result.code == 1
        assert is_read(cli("vocab", "--data", "t.csv", *options_in(result.err))), result.err


@pytest.mark.parametrize("separator", ["|", ";", ", "])
def test_several_labels_in_a_cell_are_recognized(separator: str, cli: Cli) -> None:
    several = [f"{label}{separator}{'sport' if label == 'food' else 'food'}" for label, _ in ROWS[::5]]
    labels = [several[at // 5] if at % 5 == 0 else label for at, (label, _) in enumerate(ROWS)]
    lines = [f'{text},"{label}"' for label, (_, text) in zip(labels, ROWS, strict=True)]
    put({"t.csv": "\n".join(["text,label", *lines, ""])})
    result = cli("vocab", "--data", "t.csv")
    assert result.code == 0
    (found,) = [line for line in result.err.splitlines() if "several labels" in line]
    assert "textrnn takes one label per text" in found and f"food{separator}sport" in found
    assert cli("check", "--data", "t.csv").out.count("several labels in one") == 1
    pd = pytest.importorskip("pandas")
    names = {"rows": pd.read_csv("t.csv")}
    exec(found[found.index("rows[") :], names)
    names["rows"].to_csv("new.csv", index=False)
    assert is_read(cli("vocab", "--data", "new.csv"))


@pytest.mark.parametrize(
    "labels", [("New York, NY", "Albany, NY", "Boston, MA"), ("AC/DC", "other", "none of them"), ("a|b", "c|d", "e|f")]
)
def test_separators_inside_the_name_of_a_class_are_no_several_labels(labels: tuple[str, ...], cli: Cli) -> None:
    names = dict(zip(("food", "sport", "travel"), labels, strict=True))
    put({"t.tsv": tsv([(names[label], text) for label, text in ROWS])})
    result = cli("vocab", "--data", "t.tsv")
    assert result.code == 0 and "several labels" not in result.err


def test_a_column_per_class_is_recognized(cli: Cli) -> None:
    names = ["food", "sport", "travel"]
    lines = [",".join([text, *(str(int(name == label)) for name in names)]) for label, text in ROWS]
    put({"t.csv": "\n".join([",".join(["text", *names]), *lines, "a text of none,0,0,0", ""])})
    result = cli("vocab", "--data", "t.csv")
    assert (result.code, result.out) == (1, "") and "textrnn takes one label per text" in result.err
    assert all(repr(name) in result.err for name in names) and "--label-column" not in result.err
    pd = pytest.importorskip("pandas")
    variables = {"rows": pd.read_csv("t.csv")}
    exec(result.err[result.err.index("names = ") :], variables)
    variables["rows"].to_csv("new.csv", index=False)
    assert is_read(cli("vocab", "--data", "new.csv"))


def test_a_single_column_of_0_and_1_is_a_label(cli: Cli) -> None:
    put({"t.csv": "text,spam\n" + "".join(f"{text},{number % 2}\n" for number, (_, text) in enumerate(ROWS))})
    assert options_in(cli("vocab", "--data", "t.csv").err) == ["--label-column", "spam"]


def test_fasttext_labels_that_white_space_has_cut(cli: Cli) -> None:
    cut = {"food": "food hot", "sport": "food cold"}
    lines = [f"__label__{cut.get(label, label)} {text}\n" for label, text in ROWS]
    put({"t.txt": "".join(lines)})
    result = cli("vocab", "--data", "t.txt")
    (found,) = [line for line in result.err.splitlines() if "white space" in line]
    assert "all texts of 'food' begin with 'hot' (20) or 'cold' (20)" in found
    command = found[found.index("sed ") :].replace("FILE", "t.txt")
    subprocess.run(command, shell=True, check=True)
    assert is_read(cli("vocab", "--data", "NEW.txt"), "food_cold food_hot travel")


@pytest.mark.parametrize("first", ["", "the ", ", "])
def test_texts_that_all_begin_alike_are_no_cut_labels(first: str, cli: Cli) -> None:
    put({"t.txt": "".join(f"__label__{label} {first}{text}\n" for label, text in ROWS)})
    result = cli("vocab", "--data", "t.txt")
    assert is_read(result) and result.err == ""


BAD = {
    "csv-quote": ("t.csv", b'food,"open\nsport,"a" b\n', 61),
    "csv-bytes": ("t.csv", b"food,caf\xe9\n", 61),
    "csv-bytes-below-the-first-line-of-a-row": ("t.csv", b'food,"one\ncaf\xe9"\n', 61),
    "csv-bytes-in-a-label": ("t.csv", b"caf\xe9,one\n", 61),
    "tsv-bytes": ("t.tsv", b"food\tcaf\xe9\n", 60),
    "jsonl-bytes": ("t.jsonl", b'{"text": "caf\xe9", "label": "food"}\n', 60),
    "fasttext-bytes": ("t.txt", b"__label__food caf\xe9\n", 60),
}


@pytest.mark.parametrize("kind", BAD)
def test_rows_that_cannot_be_parsed_or_decoded_are_skipped_counted_and_reported(kind: str, cli: Cli) -> None:
    name, bad, place = BAD[kind]
    good = {
        "t.csv": table(),
        "t.tsv": tsv(ROWS),
        "t.jsonl": "".join(json.dumps({"text": text, "label": label}) + "\n" for label, text in ROWS),
        "t.txt": "".join(f"__label__{label} {text}\n" for label, text in ROWS),
    }[name]
    last = good.splitlines()[-1].encode() + b"\n"
    put({name: good.encode()[: -len(last)] + bad + last})
    refused = cli("vocab", "--data", name)
    assert refused.code == 1 and refused.err.startswith(
        f"error: {name}:{place}: " if b"one\n" not in bad else "error: "
    )
    result = cli("vocab", "--data", name, *sets("data.bad_rows=skip"))
    assert is_read(result), result.err + result.out
    (warning,) = [line for line in result.err.splitlines() if "skipped" in line]
    count = "2 bad rows" if kind == "csv-quote" else "1 bad row"
    assert f"{count} of train skipped: {name}:{place}: " in warning
    assert ("not valid utf-8" if b"\xe9" in bad else "cannot parse") in warning
    assert "\udcff" not in result.err


def test_an_undecodable_document_of_a_folder_is_skipped(cli: Cli) -> None:
    put({f"d/{label}/{number}.txt": text for number, (label, text) in enumerate(ROWS)})
    put({"d/food/bad.txt": b"one\ncaf\xe9\n"})
    result = cli("vocab", "--data", "d", *sets("data.bad_rows=skip"))
    assert is_read(result) and "1 bad row of train skipped: d/food/bad.txt:2: " in result.err


def test_a_file_in_another_encoding_of_which_every_row_is_skipped_says_why(cli: Cli) -> None:
    put({"t.tsv": ("体育\t球队在比赛中获得胜利\n财经\t股票市场今天大幅上涨\n" * 30).encode("gb18030")})
    result = cli("vocab", "--data", "t.tsv", *sets("data.bad_rows=skip"))
    assert result.code == 1 and "60 bad rows skipped, the first: t.tsv:1: " in result.err
    assert "--set data.encoding=gb18030" in result.err and result.err.count("\n") == 1
