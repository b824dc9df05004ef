"""Weights and soft labels that cannot be used are refused with the place and the remedy."""

from __future__ import annotations

from typing import Any

import pytest

from tests.commands.bad_inputs import GOOD, case, check_refused
from tests.conftest import Cli

SKIPPABLE = " (--set data.bad_rows=skip leaves such rows out and counts them)"
WEIGHTED = "--set data.weight_column=weight"


def weight(id: str, value: str, message: str) -> Any:
    content = f"text,label,weight\na soup,food,1\na goal,sport,{value}\n"
    return case(f"weight-{id}", {"t.csv": content}, f"--data t.csv {WEIGHTED}", f"t.csv:3: {message}{SKIPPABLE}")


def weight_of_json(id: str, value: str, message: str) -> Any:
    content = f'{{"text": "a soup", "label": "food", "weight": {value}}}\n'
    return case(f"weight-{id}", {"t.jsonl": content}, f"--data t.jsonl {WEIGHTED}", f"t.jsonl:1: {message}{SKIPPABLE}")


def soft(id: str, label: str, message: str) -> Any:
    content = f'{{"text": "a soup", "label": "food"}}\n{{"text": "a goal", "label": {label}}}\n'
    return case(f"soft-{id}", {"t.jsonl": content}, "--data t.jsonl", f"t.jsonl:2: {message}{SKIPPABLE}")


def columns(id: str, header: str, setting: str, message: str) -> Any:
    content = f"{header}\na soup,food,1\na goal,sport,1\n"
    return case(f"column-{id}", {"t.csv": content}, f"--data t.csv --set data.weight_column={setting}", message)


NUMBER = "expected a weight, a number from 0 to 1,000,000,000, found "
SHARE = "expected a probability from 0 to 1 of the label 'food', found "
CASES = [
    weight("negative", "-1", f"{NUMBER}'-1'"),
    weight("nan", "nan", f"{NUMBER}'nan'"),
    weight("infinite", "inf", f"{NUMBER}'inf'"),
    weight("word", "high", f"{NUMBER}'high'"),
    weight("missing", "", f"{NUMBER}an empty cell"),
    weight_of_json("boolean", "true", f"{NUMBER}True"),
    weight_of_json("null", "null", f"{NUMBER}null"),
    weight_of_json("list", "[1]", f"{NUMBER}[1]"),
    case(
        "weight-without-its-key", {"t.jsonl": '{"text": "a", "label": "food", "wieght": 1}\n'},
        f"--data t.jsonl {WEIGHTED}",
        "t.jsonl:1: no key 'weight'; the keys are: 'text', 'label', 'wieght'. Did you mean 'wieght'? Pass --set "
        f"data.weight_column=KEY{SKIPPABLE}",
    ),
    case(
        "weights-that-are-all-0", {"t.csv": "text,label,weight\na soup,food,0\na goal,sport,0.0\n"},
        f"--data t.csv {WEIGHTED}",
        "t.csv: expected a weight above 0 in the column 'weight', found 0 in all 2 rows; correct them, or …",
    ),
    case(
        "weights-of-one-class", {"t.csv": "text,label,weight\na soup,food,1\na goal,sport,0\nb soup,food,1\n"},
        f"--data t.csv {WEIGHTED}",
        "expected two or more classes, but the 2 train texts that have a weight above 0 are all of one: …",
    ),
    case(
        "weights-of-a-format-without-columns", {"t.txt": "__label__food soup\n"}, f"--data t.txt {WEIGHTED}",
        "t.txt: data.weight_column: weights need csv, tsv or jsonl, but fasttext has no columns",
    ),
    columns(
        "misspelt", "text,label,weight", "wieght",
        "t.csv:1: no column 'wieght'; the header is: 'text', 'label', 'weight'. Did you mean 'weight'? Pass …",
    ),
    columns("of-labels", "text,label,weight", "label", "t.csv: data.weight_column 'label' is also the column of …"),
    columns("beyond-the-last", "text,label,weight", "7", "t.csv:1: no column 7 (0-based); the header is: …"),
    soft("sum-too-small", '{"food": 0.7, "sport": 0.2}',
         "expected probabilities of labels that add up to 1, found {'food': 0.7, 'sport': 0.2}, which add up to 0.9: "
         "divide each by their sum"),
    soft("empty", "{}", "expected a label, or probabilities of labels that add up to 1, found {}"),
    soft("negative", '{"food": -0.2, "sport": 1.2}', f"{SHARE}-0.2"),
    soft("nan", '{"food": NaN, "sport": 1}', f"{SHARE}nan"),
    soft("word", '{"food": "1"}', f"{SHARE}'1'"),
    soft("boolean", '{"food": true}', f"{SHARE}True"),
    soft("without-a-name", '{" ": 1}', "expected a label, found none"),
    soft("list", '["food"]', "expected one label as the value of 'label', found ['food']"),
    case(
        "soft-id-beyond-the-names", {"names.txt": "Essen\nSport\n", "t.jsonl": '{"text": "a", "label": {"2": 1}}\n'},
        "--data t.jsonl --set data.label_names=names.txt",
        f"t.jsonl:1: expected a label id from 0 to 1 (see data.label_names), found '2'{SKIPPABLE}",
    ),
]  # fmt: skip


@pytest.mark.parametrize("command", ["vocab", "train"])
@pytest.mark.parametrize(("files", "arguments", "messages"), CASES)
def test_bad_weights_and_soft_labels_are_refused_with_their_place(
    command: str, files: dict, arguments: list[str], messages: tuple[str, ...], cli: Cli
) -> None:
    check_refused(cli, command, files, arguments, messages)


@pytest.mark.parametrize(("value", "message"), [
    ("{food: -1}", "expected a number of 0 or more as the weight of 'food', found -1"),
    ("{food: .nan}", "expected a number of 0 or more as the weight of 'food', found nan"),
    ("{food: true}", "expected a number of 0 or more as the weight of 'food', found True"),
    ("{yes: 2}", "expected labels, found True: put yes, no, true, false and null in quotes"),
    ("inverse", "expected none, balanced, or weights of labels, such as {spam: 5} (found 'inverse')"),
    ("[1, 2]", "expected none, balanced, or weights of labels, such as {spam: 5} (found [1, 2])"),
])  # fmt: skip
def test_bad_class_weights_are_refused(cli: Cli, value: str, message: str) -> None:
    result = cli("config", "--set", f"train.class_weights={value}")
    assert result.code == 1 and result.err.startswith(f"error: --set train.class_weights: {message}"), result.err


@pytest.mark.parametrize(("value", "message"), [
    ("{fod: 2}", "found the label 'fod', which no training text has; did you mean 'food'? the labels are: food, sport"),
    ("{food: 0, sport: 0}", "expected a weight above 0 for at least one label, found 0 for all of them: food, sport"),
])  # fmt: skip
@pytest.mark.parametrize("command", ["vocab", "train"])
def test_class_weights_that_do_not_fit_the_labels_are_refused(cli: Cli, command: str, value: str, message: str) -> None:
    arguments = ["--data", "t.tsv", "--set", f"train.class_weights={value}"]
    check_refused(cli, command, {"t.tsv": GOOD}, arguments, (f"train.class_weights: {message}",))
