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
SKIPPABLE = " (--set data.bad_rows=skip leaves such rows out and counts them)"


def rows(id: str, content: str, message: str, name: str = "t.tsv", options: str = "") -> Any:
    """A file with a bad row."""
    return case(id, {name: content}, f"--data {name} {options}".strip(), f"{name}:{message}{SKIPPABLE}")


ROW_CASES = [
    rows("row-without-label", f"{GOOD}\tsome text\n", "9: expected a label, found none"),
    rows("empty-line", f"{GOOD}\n", "9: expected 2 fields, found an empty line"),
    rows("missing-tab", f"{GOOD}sport a goal\n", "9: expected 2 fields, found 1: 'sport a goal'"),
    rows(
        "too-many-tabs", "soup\tfood\nbread\tx\tfood\n",
        "2: expected 2 fields, found 3: 'bread', 'x', 'food'",
        options=TEXT_FIRST,
    ),
    rows(
        "wrong-number-of-csv-fields", "text,label\na goal,sport\nsoup, and bread,food\n",
        "3: expected 2 fields, found 3: 'soup', ' and bread', 'food'", "t.csv",
    ),
    rows(
        "bad-json", JSON + '{"text": "a"\n',
        "2: not valid JSON: Expecting ',' delimiter at column 14", "t.jsonl",
    ),
    rows(
        "json-without-the-key", JSON + '{"body": "a", "label": "x"}\n',
        "2: no key 'text'; the keys are: 'body', 'label'. Pass --text-column KEY",
        "t.jsonl",
    ),
    rows(
        "json-that-is-no-object", JSON + "[1]\n",
        "2: expected an object with the key 'text', found [1]", "t.jsonl",
    ),
    rows(
        "json-number-of-5000-digits", JSON + f'{{"text": "a", "label": {"9" * 5000}}}\n',
        "2: not valid JSON: a number has too many digits", "t.jsonl",
    ),
    rows(
        "json-nested-too-deeply", JSON + "[" * 100_000 + "\n",
        "2: not valid JSON: it is nested too deeply", "t.jsonl",
    ),
    rows(
        "json-with-a-thousand-keys", JSON + json.dumps({f"k{number}": 1 for number in range(1000)}) + "\n",
        "2: no key 'text'; the keys are: 'k0', 'k1', 'k2', 'k3', 'k4', 'k5', 'k6', 'k7'. Pass --text-column "
        "KEY", "t.jsonl",
    ),
    rows(
        "several-fasttext-labels", "__label__a one\n__label__b __label__c two\n",
        "2: expected one label, found several: '__label__b __label__c two'", "t.txt",
    ),
    case(
        "unclosed-csv-quote", {"t.csv": 'text,label\na goal,sport\n"soup,food\nx,sport\n'}, "--data t.csv",
        "t.csv:3: cannot parse the csv row that begins here (unexpected end of data): close each quoted field, and "
        f'write a quote inside one as ""{SKIPPABLE}',
    ),
    case(
        "csv-that-begins-with-an-empty-line", {"t.csv": "\ntext,label\na goal,sport\n"}, "--data t.csv",
        "t.csv:1: expected a header with the columns 'text' and 'label', found an empty line: remove it",
    ),
    *[
        case(
            f"{name}-that-begins-with-an-empty-line-before-rows", {f"t.{name}": "\na goal,sport\n"},
            f"--data t.{name} {TEXT_FIRST}",
            f"t.{name}:1: expected a text in column 0 and a label in column 1 (0-based), found an empty line: "
            f"remove it",
        )
        for name in ("tsv", "csv")
    ],
    case(
        "csv-without-labels", {"t.csv": "text\na very late goal\n"}, "--data t.csv",
        "t.csv:1: no column 'label'; the only column is 'text': add a column of labels",
    ),
    case(
        "column-missing-in-csv-header", {"t.csv": "Review,Stars\na very late goal,sport\n"}, "--data t.csv",
        "t.csv:1: no columns 'text' and 'label'; the header is: 'Review', 'Stars'. Perhaps --text-column "
        "Review --label-column Stars, or, if the file has no header, --text-column "
        "0 --label-column 1",
    ),
    case(
        "one-column-missing-in-csv-header", {"t.csv": "id,text,Star rating\n1,a very late goal,sport\n"},
        "--data t.csv",
        "t.csv:1: no column 'label'; the header is: 'id', 'text', 'Star rating'. Perhaps --label-column "
        "'Star rating', or, if the file has no header, --label-column 2",
    ),
    case(
        "csv-with-a-header-of-numbers", {"t.csv": "0,1,2\n7,a very late goal,sport\n"}, "--data t.csv",
        "t.csv:1: no columns 'text' and 'label'; the header is: '0', '1', '2'. Perhaps --text-column '\"1\"' "
        "--label-column '\"0\"', or, if the file has no header, --text-column 1 --label-column "
        "0",
    ),
    case(
        "csv-with-a-header-of-numbers-read-by-number", {"t.csv": "0,1,2\n7,a very late goal,sport\n"},
        "--data t.csv --text-column 1 --label-column 2",
        "t.csv:1: this looks like a header ('1', '2'), whose words would become a text and a class: name the columns: "
        "--text-column '\"1\"' --label-column '\"2\"'",
    ),
    case(
        "text-in-the-label-column-that-was-named", {"t.tsv": "".join(f"text {i}\tfood\n" for i in range(60))},
        "--data t.tsv --text-column 1 --label-column 0",
        "t.tsv:1: found 60 different labels in 60 rows, the first of them 'text 0': the label column seems to hold "
        "texts. Set another one with --label-column COLUMN",
    ),
    case(
        "csv-without-a-header", {"t.csv": "sport,\"A very late goal, and what a goal it was.\"\n"}, "--data t.csv",
        "t.csv:1: no columns 'text' and 'label'; the first row does not look like a header: 'sport', 'A very late "
        "goal, and what a goal it ...'. If the file has none, pass the numbers of the columns, from 0: --text-column "
        "1 --label-column 0",
    ),
    case(
        "csv-without-a-header-or-separators", {"t.csv": "A very late goal#sport\n"}, "--data t.csv",
        "t.csv:1: no columns 'text' and 'label'; the first row has 1 field: 'A very late goal#sport'. If another "
        "character than a comma, semicolon, tab or | separates the fields, pass --set data.delimiter=CHARACTER",
    ),
    *[
        case(
            f"header-in-a-{name}", {f"t.{name}": header.replace(" ", sep) + f"\nsport{sep}a goal\nfood{sep}soup\n"},
            f"--data t.{name} {options}".strip(),
            f"t.{name}:1: this looks like a header ({shown}), whose words would become a text and a class: name the "
            f"columns: --text-column {text} --label-column {label}",
        )
        for name, sep, options, header, shown, text, label in (
            ("tsv", "\t", "", "label text", "'text', 'label'", "text", "label"),
            ("txt", "\t", "", "Class Review", "'Review', 'Class'", "Review", "Class"),
            ("tsv.gz", "\t", "", "sentence label", "'sentence', 'label'", "sentence", "label"),
            ("csv", ",", LABEL_FIRST, "标签 内容", "'内容', '标签'", "内容", "标签"),
        )
    ],
    case(
        "first-row-has-too-few-fields", {"t.tsv": "sport a goal\n" + GOOD}, "--data t.tsv",
        "t.tsv:1: expected a text in column 1 and a label in column 0 (0-based), found 1 field: 'sport a goal'. Pass "
        "--text-column NUMBER and --label-column NUMBER, or --set data.format=NAME if the file is "
        "not tsv",
    ),
    option(
        "text-and-label-in-one-column", "data.text_column=0",
        "t.tsv: text and label are both read from column 0: pass another --text-column COLUMN or --label-column "
        "COLUMN",
    ),
    case(
        "text-in-the-label-column", {"t.tsv": "".join(f"text {i}\tfood\n" for i in range(60))},
        "--data t.tsv",
        "t.tsv:1: found 60 different labels in 60 rows, the first of them 'text 0': the label column seems to hold "
        "texts. Set the columns, for example --text-column 0 --label-column 1",
    ),
    case(
        "label-id-beyond-the-names", {"names.txt": "food\nsport\n", "t.tsv": "goal\t1\nsoup\t2\n"}, IDS,
        f"t.tsv:2: expected a label id from 0 to 1 (see data.label_names), found '2'{SKIPPABLE}",
    ),
    case(
        "label-id-that-is-no-number", {"names.txt": "food\nsport\n", "t.tsv": "goal\t1\nsoup\tfood\n"}, IDS,
        f"t.tsv:2: expected a label id from 0 to 1 (see data.label_names), found 'food'{SKIPPABLE}",
    ),
]  # fmt: skip

NO_SUBFOLDERS = "d: expected a folder with one sub-folder per class, found no sub-folder"
FILE_CASES = [
    case("missing-file", {}, "--data t.tsv", "t.tsv: no such file or folder"),
    case("empty-tsv", {"t.tsv": ""}, "--data t.tsv", "t.tsv: no labelled texts in it"),
    case("empty-file-of-unknown-format", {"t.txt": ""}, "--data t.txt", "t.txt: the file is empty"),
    case("csv-header-alone", {"t.csv": "text,label\n"}, "--data t.csv", "t.csv: no labelled texts in it"),
    case(
        "prose", {"t.txt": "once upon a time\n"}, "--data t.txt",
        "t.txt:1: cannot tell the format: expected a tab, __label__ or a JSON object in the first line, found 'once "
        "upon a time'. Pass --set data.format=tsv, csv, jsonl or fasttext",
    ),
    case(
        "folder-for-a-file", {"d/a/1": "x", "d/b/1": "y"}, "--data d --set data.format=tsv",
        "d: expected a tsv file (data.format), found a folder",
    ),
    option(
        "file-for-a-folder", "data.format=folder",
        "t.tsv: expected a folder (data.format), found a file",
    ),
    case("folder-without-sub-folders", {"d/1": "x", "d/2": "y"}, "--data d", NO_SUBFOLDERS),
    case("empty-folder", {"d": None}, "--data d", NO_SUBFOLDERS),
    case(
        "stray-file-among-class-folders", {"d/a/1": "x", "d/b/1": "y", "d/README": "z"}, "--data d",
        f"d/README: expected one sub-folder per class, found a file; move it away{SKIPPABLE}",
    ),
    case("glob-without-match", {"t.tsv": GOOD}, "--data x*.tsv", "x*.tsv: no file matches"),
    case(
        "gzip-cut-short", {"t.tsv.gz": gzip.compress(GOOD.encode())[:-9]}, "--data t.tsv.gz",
        "t.tsv.gz: the gzip data is damaged or truncated (Compressed file ended before the end-of-stream marker was "
        "reached): copy it again",
    ),
    case(
        "gzip-garbage", {"t.tsv.gz": b"\x1f\x8bgarbage and more"}, "--data t.tsv.gz",
        "t.tsv.gz: the gzip data is damaged or truncated (Unknown compression method): copy it again",
    ),
    case(
        "cache-that-is-a-file", {"t.tsv": GOOD, "c": "mine"}, "--data t.tsv --set data.cache_dir=c",
        "c: cannot write the cache: Not a directory; free some space, or set data.cache_dir",
    ),
]  # fmt: skip

UNKNOWN = "unknown label 'travel'; the training data has: food, sport"
LABEL_CASES = [
    case(
        "one-class-only", {"t.tsv": "food\tsoup\nfood\tbread\n"}, "--data t.tsv",
        "t.tsv: expected two or more classes, but every text has the label 'food'; is "
        "the column of labels the right one (--label-column)?",
    ),
    *[
        case(
            f"unknown-label-in-{split}", {"t.tsv": GOOD, "u.tsv": "food\tsoup\ntravel\ta train\n"},
            f"--data t.tsv --set data.{split}=u.tsv", f"u.tsv:2: {UNKNOWN}. Correct or remove the row",
        )
        for split in ("dev", "test")
    ],
    case(
        "long-labels", {"t.tsv": "".join(f"{'x' * 1000}{number}\ta text\n" for number in range(50))}, "--data t.tsv",
        f"t.tsv:1: found 50 different labels in 50 rows, the first of them '{'x' * 37}...{'x' * 37}0': the label "
        f"column seems to hold texts. Set the columns, for example --text-column 0 --label-column 1",
    ),
    case(
        "equal-label-names", {"names.txt": "food\nsport\nfood\n", "t.tsv": "a\t1\n"}, IDS,
        "names.txt:3: the label name 'food' occurs twice",
    ),
    case(
        "one-label-name", {"names.txt": "food\n", "t.tsv": "a\t0\n"}, IDS,
        "names.txt: expected two or more label names, one per line, found 1",
    ),
    case("label-names-missing", {"t.tsv": "a\t0\n"}, IDS, "names.txt: no such file"),
]  # fmt: skip

JIEBA = "--data t.tsv --set tokenizer.kind=jieba --set tokenizer.user_dict=u.txt"
TOKENIZER_CASES = [
    case(
        "words-of-unsegmented-chinese", {"t.tsv": CHINESE}, "--data t.tsv --set tokenizer.kind=word",
        "tokenizer.kind: 'word' splits at spaces, but these texts are written without spaces between "
        "words, for "
        "example '球队在比赛中获得胜利': set tokenizer.kind to char or jieba",
    ),
    case(
        "words-of-unsegmented-chinese-after-much-english", {"t.tsv": ENGLISH + 75 * CHINESE},
        "--data t.tsv --set tokenizer.kind=word",
        "tokenizer.kind: 'word' splits at spaces, but many texts are written without spaces between words, for "
        "example '球队在比赛中获得胜利': set tokenizer.kind to char or jieba",
    ),
    case(
        "user-dictionary-with-tabs", {"t.tsv": CHINESE, "u.txt": "球队 3 n\n比赛\t5\n"}, JIEBA,
        "u.txt:2: expected `word [count] [tag]` separated by single spaces, found a tab: replace tabs with spaces",
    ),
    *[
        case(
            f"user-dictionary-with-the-count-{count[:9]}",
            {"t.tsv": CHINESE, "u.txt": f"球队 3\n比赛 {count} n\n"}, JIEBA,
            f"u.txt:2: expected a count from 1 to 999999999, found {shown}",
        )
        for count, shown in [
            ("9" * 5000, f"'{'9' * 37}...{'9' * 38}'"), ("0", "'0'"), ("-5", "'-5'"), ("1.5", "'1.5'"),
            ("inf", "'inf'"), ("1e5", "'1e5'"), ("1_000", "'1_000'"),
        ]
    ],
    case(
        "user-dictionary-missing", {"t.tsv": CHINESE},
        JIEBA, "u.txt: no such file",
    ),
]  # fmt: skip


CASES = [*ROW_CASES, *FILE_CASES, *LABEL_CASES, *TOKENIZER_CASES]


@pytest.mark.parametrize("command", ["vocab", "train"])
@pytest.mark.parametrize(("files", "arguments", "messages"), CASES)
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
