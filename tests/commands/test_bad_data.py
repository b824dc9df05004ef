"""Data that cannot be used is refused with the place and the remedy, and nothing is left behind."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.commands.bad_inputs import GOOD, case, check_refused, option
from tests.conftest import Cli

ENGLISH = "sport\tthe team won the final\nfood\tthe market sold all the bread\n" * 500
CHINESE = "体育\t球队在比赛中获得胜利\n财经\t股票市场今天大幅上涨\n" * 4
JSON = '{"text": "a goal", "label": "sport"}\n'
TEXT_FIRST = "--text-column 0 --label-column 1"
LABEL_FIRST = "--text-column 1 --label-column 0"
IDS = f"--data t.tsv --set data.label_names=names.txt {TEXT_FIRST}"
SKIPPABLE = "… (--set data.bad_rows=skip leaves such rows out and counts them)"
MANY_LABELS = "found 60 different labels in 60 rows, the first of them 'text 0': the label column seems to hold texts"


def data(id: str, content: str | bytes | None, message: str, name: str = "t.tsv", options: str = "") -> Any:
    return case(id, {name: content}, f"--data {name} {options}".strip(), f"{name}:{message}")


def row(id: str, content: str, message: str, name: str = "t.tsv", options: str = "") -> Any:
    """A file with a bad row."""
    return data(id, content, message + SKIPPABLE, name, options)


def ids(id: str, names: str, content: str, message: str) -> Any:
    return case(id, {"names.txt": names, "t.tsv": content}, IDS, message)


ROW_CASES = [
    row("row-without-label", f"{GOOD}\tsome text\n", "9: expected a label, found none"),
    row("empty-line", f"{GOOD}\n", "9: expected 2 fields, found an empty line"),
    row("missing-tab", f"{GOOD}sport a goal\n", "9: expected 2 fields, found 1: 'sport a goal'"),
    row("too-many-tabs", "soup\tfood\nbread\tx\tfood\n", "2: …found 3: 'bread', 'x', 'food'", options=TEXT_FIRST),
    row(
        "wrong-number-of-csv-fields", "text,label\na goal,sport\nsoup, and bread,food\n",
        "3: expected 2 fields, found 3: 'soup', ' and bread', 'food'", "t.csv",
    ),
    row("bad-json", JSON + '{"text": "a"\n', "2: not valid JSON: …',' delimiter at column 14", "t.jsonl"),
    row(
        "json-without-the-key", JSON + '{"body": "a", "label": "x"}\n',
        "2: no key 'text'; the keys are: 'body', 'label'. Pass --text-column KEY", "t.jsonl",
    ),
    row("json-that-is-no-object", JSON + "[1]\n", "2: expected an object with the key 'text', found [1]", "t.jsonl"),
    row(
        "json-number-of-5000-digits", JSON + f'{{"text": "a", "label": {"9" * 5000}}}\n',
        "2: not valid JSON: a number has too many digits", "t.jsonl",
    ),
    row("json-nested-too-deeply", JSON + "[" * 100_000 + "\n", "2: not valid JSON: …nested too deeply", "t.jsonl"),
    row(
        "json-with-a-thousand-keys", JSON + json.dumps({f"k{number}": 1 for number in range(1000)}) + "\n",
        "2: no key 'text'; the keys are: 'k0', …, 'k7'. Pass --text-column KEY", "t.jsonl",
    ),
    row(
        "several-fasttext-labels", "__label__a one\n__label__b __label__c two\n",
        "2: expected one label, found several: '__label__b __label__c two'", "t.txt",
    ),
    row(
        "unclosed-csv-quote", 'text,label\na goal,sport\n"soup,food\nx,sport\n',
        '3: cannot parse the csv row that begins here…: close each quoted field, and write a quote inside one as ""',
        "t.csv",
    ),
    data(
        "csv-that-begins-with-an-empty-line", "\ntext,label\na goal,sport\n",
        "1: expected a header with the columns 'text' and 'label', found an empty line: remove it", "t.csv",
    ),
    *[
        data(
            f"{name}-that-begins-with-an-empty-line-before-rows", "\na goal,sport\n",
            "1: expected a text in column 0 and a label in column 1 (0-based), found an empty line: remove it",
            f"t.{name}", TEXT_FIRST,
        )
        for name in ("tsv", "csv")
    ],
    data(
        "csv-without-labels", "text\na very late goal\n",
        "1: no column 'label'; the only column is 'text': add a column of labels", "t.csv",
    ),
    data(
        "column-missing-in-csv-header", "Review,Stars\na very late goal,sport\n",
        "1: no columns 'text' and 'label'; …'Review', 'Stars'. …--text-column Review --label-column Stars, or, …"
        + TEXT_FIRST, "t.csv",
    ),
    data(
        "one-column-missing-in-csv-header", "id,text,Star rating\n1,a very late goal,sport\n",
        "1: no column 'label'; …'id', 'text', 'Star rating'. …--label-column 'Star rating', or, …--label-column 2",
        "t.csv",
    ),
    data(
        "csv-with-a-header-of-numbers", "0,1,2\n7,a very late goal,sport\n",
        "1: no columns 'text' and 'label'; …'0', '1', '2'. …--text-column '\"1\"' --label-column '\"0\"', or, …"
        + LABEL_FIRST, "t.csv",
    ),
    data(
        "csv-with-a-header-of-numbers-read-by-number", "0,1,2\n7,a very late goal,sport\n",
        "1: this looks like a header ('1', '2'), …: --text-column '\"1\"' --label-column '\"2\"'",
        "t.csv", "--text-column 1 --label-column 2",
    ),
    data(
        "csv-without-a-header", 'sport,"A very late goal, and what a goal it was."\n',
        "1: no columns 'text' and 'label'; the first row does not look like a header: 'sport', 'A very late goal, and "
        f"what a goal it ...'. …the numbers of the columns, from 0: {LABEL_FIRST}", "t.csv",
    ),
    data(
        "csv-without-a-header-or-separators", "A very late goal#sport\n",
        "1: no columns 'text' and 'label'; the first row has 1 field: 'A very late goal#sport'. …pass --set "
        "data.delimiter=CHARACTER", "t.csv",
    ),
    *[
        data(
            f"header-in-a-{name}", header.replace(" ", sep) + f"\nsport{sep}a goal\nfood{sep}soup\n",
            f"1: this looks like a header ({shown}), …: --text-column {text} --label-column {label}",
            f"t.{name}", options,
        )
        for name, sep, options, header, shown, text, label in (
            ("tsv", "\t", "", "label text", "'text', 'label'", "text", "label"),
            ("txt", "\t", "", "Class Review", "'Review', 'Class'", "Review", "Class"),
            ("tsv.gz", "\t", "", "sentence label", "'sentence', 'label'", "sentence", "label"),
            ("csv", ",", LABEL_FIRST, "标签 内容", "'内容', '标签'", "内容", "标签"),
        )
    ],
    data(
        "first-row-has-too-few-fields", "sport a goal\n" + GOOD,
        "1: expected a text in column 1 and a label in column 0 (0-based), found 1 field: 'sport a goal'. Pass "
        "--text-column NUMBER and --label-column NUMBER, or --set data.format=NAME",
    ),
    option(
        "text-and-label-in-one-column", "data.text_column=0",
        "t.tsv: text and label are both read from column 0: pass another --text-column COLUMN or --label-column COLUMN",
    ),
    data(
        "text-in-the-label-column", "".join(f"text {i}\tfood\n" for i in range(60)),
        f"1: {MANY_LABELS}. Set the columns, for example {TEXT_FIRST}",
    ),
    data(
        "text-in-the-label-column-that-was-named", "".join(f"text {i}\tfood\n" for i in range(60)),
        f"1: {MANY_LABELS}. Set another one with --label-column COLUMN", options=LABEL_FIRST,
    ),
    data(
        "long-labels", "".join(f"{'x' * 1000}{number}\ta text\n" for number in range(50)),
        f"1: found 50 different labels in 50 rows, the first of them '{'x' * 37}...{'x' * 37}0': …{TEXT_FIRST}",
    ),
    *[
        ids(
            id, "food\nsport\n", f"goal\t1\nsoup\t{label}\n",
            f"t.tsv:2: expected a label id from 0 to 1 (see data.label_names), found '{label}'{SKIPPABLE}",
        )
        for id, label in (("label-id-beyond-the-names", "2"), ("label-id-that-is-no-number", "food"))
    ],
]  # fmt: skip

NO_SUBFOLDERS = " expected a folder with one sub-folder per class, found no sub-folder"
GZIP = " the gzip data is damaged or truncated (…): copy it again"
FILE_CASES = [
    case("missing-file", {}, "--data t.tsv", "t.tsv: no such file or folder"),
    data("empty-tsv", "", " contains no labelled texts"),
    data("empty-file-of-unknown-format", "", " the file is empty", "t.txt"),
    data("csv-header-alone", "text,label\n", " contains no labelled texts", "t.csv"),
    data(
        "prose", "once upon a time\n",
        "1: unknown format: expected a tab, __label__ or a JSON object in the first line, found 'once upon a "
        "time'. Pass --set data.format=tsv, csv, jsonl or fasttext", "t.txt",
    ),
    case(
        "folder-for-a-file", {"d/a/1": "x", "d/b/1": "y"}, "--data d --set data.format=tsv",
        "d: expected a tsv file (data.format), found a folder",
    ),
    option("file-for-a-folder", "data.format=folder", "t.tsv: expected a folder (data.format), found a file"),
    case("folder-without-sub-folders", {"d/1": "x", "d/2": "y"}, "--data d", f"d:{NO_SUBFOLDERS}"),
    data("empty-folder", None, NO_SUBFOLDERS, "d"),
    case(
        "stray-file-among-class-folders", {"d/a/1": "x", "d/b/1": "y", "d/README": "z"}, "--data d",
        f"d/README: expected one sub-folder per class, found a file; move it away{SKIPPABLE}",
    ),
    case("glob-without-match", {"t.tsv": GOOD}, "--data x*.tsv", "x*.tsv: no file matches"),
    data("gzip-cut-short", gzip.compress(GOOD.encode())[:-9], GZIP, "t.tsv.gz"),
    data("gzip-garbage", b"\x1f\x8bgarbage and more", GZIP, "t.tsv.gz"),
    case(
        "cache-that-is-a-file", {"t.tsv": GOOD, "c": "mine"}, "--data t.tsv --set data.cache_dir=c",
        "c: cannot write the cache: Not a directory; free some space, or set data.cache_dir",
    ),
]  # fmt: skip

LABEL_CASES = [
    data(
        "one-class-only", "food\tsoup\nfood\tbread\n",
        " expected two or more classes, but every text has the label 'food'; …(--label-column)?",
    ),
    *[
        case(
            f"unknown-label-in-{split}", {"t.tsv": GOOD, "u.tsv": "food\tsoup\ntravel\ta train\n"},
            f"--data t.tsv --set data.{split}=u.tsv",
            "u.tsv:2: unknown label 'travel'; the training data has: food, sport. Correct or remove the row",
        )
        for split in ("dev", "test")
    ],
    ids("equal-label-names", "food\nsport\nfood\n", "a\t1\n", "names.txt:3: the label name 'food' occurs twice"),
    ids("one-label-name", "food\n", "a\t0\n", "names.txt: expected two or more label names, one per line, found 1"),
    case("label-names-missing", {"t.tsv": "a\t0\n"}, IDS, "names.txt: no such file"),
]  # fmt: skip

JIEBA = "--data t.tsv --set tokenizer.kind=jieba --set tokenizer.user_dict=u.txt"
TOKENIZER_CASES = [
    *[
        case(
            f"words-of-unsegmented-chinese{id}", {"t.tsv": content}, "--data t.tsv --set tokenizer.kind=word",
            f"tokenizer.kind: 'word' splits at spaces, but {which} texts are written without spaces between words, for "
            "example '球队在比赛中获得胜利': set tokenizer.kind to char or jieba",
        )
        for id, content, which in (("", CHINESE, "these"), ("-after-much-english", ENGLISH + 75 * CHINESE, "many"))
    ],
    case(
        "user-dictionary-with-tabs", {"t.tsv": CHINESE, "u.txt": "球队 3 n\n比赛\t5\n"}, JIEBA,
        "u.txt:2: expected `word [count] [tag]` separated by single spaces, found a tab: replace tabs with spaces",
    ),
    *[
        case(
            f"user-dictionary-with-the-count-{count[:9]}", {"t.tsv": CHINESE, "u.txt": f"球队 3\n比赛 {count} n\n"},
            JIEBA, f"u.txt:2: expected a count from 1 to 999999999, found '{shown}'",
        )
        for count, shown in [
            ("9" * 5000, f"{'9' * 37}...{'9' * 38}"),
            *((count, count) for count in ("0", "-5", "1.5", "inf", "1e5", "1_000"))
        ]
    ],
    case("user-dictionary-missing", {"t.tsv": CHINESE}, JIEBA, "u.txt: no such file"),
]  # fmt: skip


@pytest.mark.parametrize("command", ["vocab", "train"])
@pytest.mark.parametrize(("files", "arguments", "messages"), [*ROW_CASES, *FILE_CASES, *LABEL_CASES, *TOKENIZER_CASES])
def test_bad_data_is_refused_with_its_place_and_the_remedy(
    command: str, files: dict, arguments: list[str], messages: tuple[str, ...], cli: Cli
) -> None:
    check_refused(cli, command, files, arguments, messages)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads every file")
def test_a_file_without_permission_is_named(cli: Cli, train_file: Path) -> None:
    train_file.chmod(0)
    result = cli("vocab", "--data", "train.tsv")
    assert (result.code, result.err) == (1, "error: train.tsv: cannot be read: Permission denied\n")


def test_few_texts_without_spaces_are_accepted_wherever_they_stand(cli: Cli) -> None:
    Path("t.tsv").write_text(125 * CHINESE + 5 * ENGLISH, encoding="utf-8")  # 1,000 of 6,000
    result = cli("vocab", "--data", "t.tsv", "--set", "tokenizer.kind=word")
    assert result.code == 0, result.err
