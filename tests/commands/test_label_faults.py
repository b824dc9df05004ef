"""Labels that contradict each other are named before training: equal texts with different labels, and labels that
differ in nothing that means anything."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from tests.checking.reports import ROWS, tsv, warned
from tests.commands.bad_inputs import check_refused, put
from tests.conftest import TINY, Cli, sets
from textrnn import RNNClassifier
from textrnn.errors import short
from textrnn.reading import reader
from textrnn.texts import rows

ALIKE = (
    "differ only in case, white space, Unicode form, invisible characters or the form of a number and are treated as "
    "different classes: if they mean the same, spell them the same in the data"
)


def labelled(label: str, count: int) -> list[tuple[str, str]]:
    return [(label, f"{label} {count} {number}") for number in range(count)]


def vocab_warnings(cli: Cli, rows: list[tuple[str, str]]) -> list[str]:
    put({"t.tsv": tsv(rows)})
    return warned(cli("vocab", "--data", "t.tsv", *sets("data.dev_fraction=0")))


@pytest.mark.parametrize("command", ["vocab", "train"])
def test_labels_that_look_alike_are_named_with_their_counts(command: str, cli: Cli) -> None:
    rows = labelled("Sport", 9) + labelled("sport", 3) + labelled("new york (ny)", 4)
    rows += labelled("new  york (ny)", 2)
    put({"t.tsv": tsv([*ROWS, *rows, *labelled("ＦＯＯＤ", 5)])})
    result = cli(command, "--data", "t.tsv", *TINY, *sets("train.epochs=1", "data.dev_fraction=0"))
    assert warned(result) == [
        f"labels 'Sport' (9 training texts), 'sport' (23) {ALIKE}",
        f"labels 'food' (20 training texts), 'ＦＯＯＤ' (5) {ALIKE}",
        f"labels 'new  york (ny)' (2 training texts), 'new york (ny)' (4) {ALIKE}",
    ]


@pytest.mark.parametrize("invisible", ["\u200b", "\xad", "\ufeff", "\u2060", "\u200e", "\u200d", "\ufe0f", "\u3164"])
def test_labels_with_invisible_characters_are_alike(invisible: str, cli: Cli) -> None:
    found = vocab_warnings(cli, [*ROWS, *labelled(f"fo{invisible}od", 5)])
    assert len(found) == 1 and found[0].endswith(f"(20) {ALIKE}".removeprefix("(20) "))
    assert "'food'" in found[0] and invisible not in found[0].replace(repr(invisible)[1:-1], "")


@pytest.mark.parametrize(("one", "other"), [("1", "1.0"), ("-2", "-2.00"), ("03", "3"), ("１", "1.")])
def test_labels_that_are_equal_as_numbers_are_alike(one: str, other: str, cli: Cli) -> None:
    (found,) = vocab_warnings(cli, [*ROWS, *labelled(one, 5), *labelled(other, 5), *labelled("1.5", 5)])
    assert repr(one) in found and repr(other) in found and found.endswith(ALIKE)


@pytest.mark.parametrize("split", ["dev", "test"])
def test_an_unknown_label_that_is_equal_to_a_known_one_as_a_number(split: str, cli: Cli) -> None:
    check_refused(
        cli, "train", {"t.tsv": "0\tsoup\n1\tgoal\n" * 4, "u.tsv": "0\tbread\n1.0\tmatch\n"},
        ["--data", "t.tsv", *sets(f"data.{split}=u.tsv")],
        ("u.tsv:2: unknown label '1.0'; …'1.0' and '1' are equal as numbers, …: write them alike in all files",),
    )  # fmt: skip


@pytest.mark.parametrize("word", ["nan", "None", "NaN", "null", "N/A", "NULL"])
def test_a_label_that_looks_like_a_missing_value_is_reported_once(word: str, cli: Cli) -> None:
    put({"t.csv": "text,label\n" + "".join(f"{text},{label}\n" for label, text in [*ROWS, *labelled(word, 7)])})
    found = warned(cli("train", "--data", "t.csv", *TINY, *sets("train.epochs=1", "data.dev_fraction=0")))
    assert found == [f"label {word!r} (7 training texts) looks like a missing value and is learnt as any other class"]
    report = cli("check", "--data", "t.csv").out
    assert report.count("missing value") == 1 and "remove these rows" in report


def test_several_labels_that_look_like_missing_values_are_one_finding(cli: Cli) -> None:
    found = vocab_warnings(cli, [*ROWS, *labelled("nan", 7), *labelled("None", 1), *labelled("nancy", 3)])
    looks = "look like missing values and are learnt as any other class"
    assert f"labels 'None' (1 training text), 'nan' (7 training texts) {looks}" in found


def test_of_many_labels_that_look_alike_some_are_shown_and_the_rest_is_counted(cli: Cli) -> None:
    names = [f"{form}{number}" for number in range(5) for form in ("zoo", "ZOO", "Zoo", "zOO", "zoO", "ZoO")]
    found = vocab_warnings(cli, [row for name in names for row in labelled(name, 2)])
    assert found[0] == f"labels 'ZOO0' (2 training texts), 'ZoO0' (2), 'Zoo0' (2), 'zOO0' (2) and 2 more {ALIKE}"
    assert len(found) == 4
    assert found[3] == f"2 more groups of labels {ALIKE.partition(' and are')[0]}"


def test_names_of_label_ids_that_look_alike_are_named(cli: Cli) -> None:
    put({"t.tsv": "".join(f"a{n}\t{n % 3}\n" for n in range(30)), "n.txt": "Food\nsport\nfood\n"})
    options = sets("data.label_names=n.txt", "data.text_column=0", "data.label_column=1", "data.dev_fraction=0")
    found = warned(cli("vocab", "--data", "t.tsv", *options, *sets("vocab.min_count=1")))
    assert found == [f"labels 'Food' (10 training texts), 'food' (10) {ALIKE}"]


@pytest.mark.parametrize("split", ["dev", "test"])
@pytest.mark.parametrize(("label", "meant"), [("Food", "food"), ("NEW  york", "New York"), ("ｓｐｏｒｔ", "sport")])
def test_an_unknown_label_that_looks_like_a_known_one_is_recognized(
    split: str, label: str, meant: str, cli: Cli
) -> None:
    check_refused(
        cli, "train", {"t.tsv": "food\tsoup\nNew York\ta map\nsport\ta goal\n" * 4, "u.tsv": f"{label}\tbread\n"},
        ["--data", "t.tsv", *sets(f"data.{split}=u.tsv")],
        (f"u.tsv:1: unknown label '{label}'; …New York, food, sport. Did you mean '{meant}'? Correct or remove",),
    )  # fmt: skip


def contradictions(count: str, rows: int) -> str:
    return (
        f"{count} in the training data with different labels ({rows} rows), and a model learns one label for a text: "
        f"correct the labels, or remove rows"
    )


@pytest.mark.parametrize("command", ["vocab", "train"])
@pytest.mark.parametrize("dev_fraction", [0, 0.5])
def test_equal_texts_with_different_labels_are_counted_and_the_first_shown(
    command: str, dev_fraction: float, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "ROWS_AT_ONCE", 4)
    long = "goal " * 40
    found = [
        ("food", "one"), ("food", "  two"), ("sport", "one "), ("food", "two"), ("food", "two"), ("food", long),
        ("food", "two"), ("travel", "two"), ("sport", "two"), ("travel", long), ("sport", "four"), ("food", "four"),
        ("food", "same"), ("food", "same"),
    ]  # fmt: skip
    put({"t.tsv": tsv([*ROWS, *found])})
    options = sets("train.epochs=1", f"data.dev_fraction={dev_fraction}", "train.batch_size=4")
    found = warned(cli(command, "--data", "t.tsv", *TINY, *options))
    shown = [line for line in found if "better than chance" not in line]
    assert shown == [
        contradictions("4 texts occur", 12),
        "'one': 'food' at t.tsv:61, 'sport' at t.tsv:63",
        "'two': 'food' at t.tsv:62, 'food' at t.tsv:64, 'food' at t.tsv:65, 'travel' at t.tsv:68 and 2 more rows",
        f"{short(long.strip())}: 'food' at t.tsv:66, 'travel' at t.tsv:70",
        "'two' is 6 of 74 rows of the training data, first at t.tsv:62",
    ]


def test_the_data_is_read_again_only_to_show_texts_and_no_further_than_needed(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    put({"t.tsv": tsv([("food", "one"), ("sport", "one"), *ROWS])})
    assert len(warned(cli("vocab", "--data", "t.tsv"))) >= 2
    seen: list[str] = []
    label_problem = reader.label_problem

    def recorded(label: str, names: list[str] | None) -> str | None:
        seen.append(label)
        return label_problem(label, names)

    monkeypatch.setattr(reader, "label_problem", recorded)
    assert len(warned(cli("vocab", "--data", "t.tsv"))) >= 2
    assert seen == ["food", "sport"]  # no row after these
    put({"t.tsv": tsv(ROWS)})
    cli("vocab", "--data", "t.tsv")  # into the cache
    seen.clear()
    assert warned(cli("vocab", "--data", "t.tsv")) == []
    assert seen == []


def test_places_in_folders_and_skipped_rows_are_those_of_the_files(cli: Cli) -> None:
    put({"d/food/a.txt": "soup", "d/food/b.txt": "bread\n", "d/sport/c.txt": "goal", "d/sport/d.txt": "bread"})
    found = warned(cli("vocab", "--data", "d", *sets("data.dev_fraction=0", "vocab.min_count=1")))
    assert found == [
        contradictions("1 text occurs", 2),
        "'bread': 'food' at d/food/b.txt, 'sport' at d/sport/d.txt",
    ]
    put({"t.tsv": tsv(ROWS) + "no tab\n" + tsv([("food", "one"), ("sport", "one")])})
    found = warned(cli("vocab", "--data", "t.tsv", *sets("data.bad_rows=skip", "data.dev_fraction=0")))
    assert "'one': 'food' at t.tsv:62, 'sport' at t.tsv:63" in found
    assert any(line.startswith("1 bad row of train skipped: t.tsv:61") for line in found)


def test_texts_without_tokens_are_not_reported_twice(cli: Cli) -> None:
    assert vocab_warnings(cli, [*ROWS, ("food", ""), ("sport", ""), ("sport", " ")]) == [
        "3 train texts have no tokens: left out of training (data.empty_texts: skip); t.tsv:61, t.tsv:62, t.tsv:63"
    ]


@pytest.mark.parametrize(("repeats", "is_reported"), [(3, False), (4, True)])
def test_many_texts_that_occur_again_with_the_same_label_are_reported(
    repeats: int, is_reported: bool, cli: Cli
) -> None:
    found = vocab_warnings(cli, [*ROWS[:57], *ROWS[:repeats]])
    line = "4 of 61 rows of the training data repeat an earlier text with the same label, so these "
    assert found == [f"{line}texts are over-weighted"] * is_reported


def test_the_estimator_reports_them() -> None:
    texts = [text for _, text in ROWS] + ["one", "two", "one", "two", "two", "two"]
    labels = [label for label, _ in ROWS] + ["food", "food", "sport", "food", "Sport", "Sport"]
    small = {"embedding_dim": 4, "hidden_size": 4, "epochs": 1, "linear": "none", "ngrams": 1, "dev_fraction": 0}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        RNNClassifier(**small, min_count=1).fit(np.array(texts, dtype=object), labels)
    assert [str(warning.message) for warning in caught] == [
        f"labels 'Sport' (2 training texts), 'sport' (21) {ALIKE}",
        contradictions("2 texts occur", 6),
        "'one': 'food' at X[60], 'sport' at X[62]",
        "'two': 'food' at X[61], 'food' at X[63], 'Sport' at X[64], 'Sport' at X[65]",
    ]
