"""Labels that are likely to be wrong: how they are ranked and counted, and the file that lists them."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest

from tests.checking.reports import ROWS, checked, noisy_rows, tsv
from tests.commands.bad_inputs import put
from tests.conftest import Cli, make_rows, sets
from textrnn.checking.suspects import calibrated, find_label_errors

HEADER = ["label", "text", "suggested", "label_probability", "where", "split", "row"]


def test_a_temperature_calibrates_margins() -> None:
    # three of four are right: the best probability of the first class is 3/4, log-odds ln 3
    margins = np.array([[5.0, 0.0]] * 4, dtype=np.float32)
    probabilities = calibrated(margins, np.array([0, 0, 0, 1]))
    assert np.allclose(probabilities, [[0.75, 0.25]] * 4, atol=1e-3)


def test_texts_are_ranked_by_the_probability_of_their_own_label() -> None:
    margins = np.array([[2, 0, 0], [0, 2, 1], [1, 0, 2], [0, 3, 0], [3, 0, 0], [0, 0, 3], [3, 0, 1]], np.float32)
    labels = np.array([0, 1, 2, 1, 0, 2, 2])
    errors = find_label_errors(margins, labels)
    assert errors.confidence.argmin() == 6
    assert errors.suggested.tolist()[6] == 0
    assert errors.is_other.tolist() == [False] * 6 + [True]


def test_a_label_is_suspect_where_another_class_reaches_its_mean() -> None:
    # the probability of class 0 among its own is about the mean of two certain and one uncertain text
    margins = np.array([[4, 0], [4, 0], [4, 0], [0, 4], [0, 4], [4, 0], [0.1, 0]], np.float32)
    labels = np.array([0, 0, 0, 1, 1, 1, 1])
    errors = find_label_errors(margins, labels)
    assert errors.suspect.tolist() == [False] * 5 + [True, False]
    assert errors.is_other.tolist() == [False] * 5 + [True, True]


def test_a_class_without_texts_is_never_meant() -> None:
    margins = np.array([[1, 0, 0.9], [0, 1, 0.9], [1, 0, 0.9]], np.float32)
    assert not find_label_errors(margins, np.array([0, 1, 0])).suspect.any()


def test_nothing_is_counted_to_a_class_that_is_hardly_known() -> None:
    # the single text of class 1 has so low a probability of it that texts of class 0 reach it
    margins = np.log(np.array([[0.2, 0.8], [0.9, 0.1], [0.9, 0.1], [0.95, 0.05]]))
    labels = np.array([0, 0, 0, 1])

    assert find_label_errors(margins, labels).suspect[0]
    assert not find_label_errors(margins, labels, fewest=2).suspect[:3].any()


def read_table(path: str) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream, delimiter="\t" if path.endswith(".tsv") else ","))


@pytest.mark.parametrize("suffix", ["tsv", "csv"])
def test_wrong_labels_come_first_in_a_file_that_is_input_again(suffix: str, cli: Cli) -> None:
    rows, lines = noisy_rows()
    put({"t.tsv": tsv(rows)})
    report = checked(cli, "--output", f"s.{suffix}")
    table = read_table(f"s.{suffix}")
    assert list(table[0]) == HEADER
    places = [int(row["where"].removeprefix("t.tsv:")) for row in table]
    assert set(places[:4]) == {10, 50, 101, 222}  # the others have few words of their class
    assert lines <= set(places) and len(places) < 30
    for row, line in zip(table, places, strict=True):
        assert (row["split"], int(row["row"])) == ("train", line)
        assert (row["label"], row["text"]) == rows[line - 1]
        assert line not in lines or line == 290 or row["suggested"] == make_rows(300)[line - 1][0]
    probabilities = [float(row["label_probability"]) for row in table]
    assert probabilities == sorted(probabilities) and probabilities[0] >= 0 and probabilities[-1] < 0.5
    assert f"s.{suffix}: {len(table)} texts for which another label is likelier" in report.replace("\n", " ")
    options = sets("data.text_column=text", "data.label_column=label") if suffix == "tsv" else []
    again = cli("vocab", "--data", f"s.{suffix}", *options, *sets("data.dev_fraction=0"))
    assert again.code == 0, again.err
    assert f"train: {len(table)} texts" in again.out


def test_the_same_is_found_again(cli: Cli) -> None:
    put({"t.tsv": tsv(noisy_rows()[0])})
    assert checked(cli, "--output", "a.tsv").replace("a.tsv", "b.tsv") == checked(cli, "--output", "b.tsv")
    assert Path("a.tsv").read_bytes() == Path("b.tsv").read_bytes()


def test_suspects_of_each_split_have_their_row_and_with_keep_the_other_columns(cli: Cli) -> None:
    rows, lines = noisy_rows()
    more = make_rows(60, seed=3)
    more[9] = ("sport" if more[9][0] != "sport" else "food", more[9][1])
    for name, labelled in (("t.csv", rows), ("u.csv", more)):
        with open(name, "w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(["id", "text", "label", "split"])
            writer.writerows(
                (f"{name} {n}", f"{text}\nmore", label, "mine") for n, (label, text) in enumerate(labelled, 1)
            )
    options = ["--output", "s.csv", *sets("data.test=u.csv")]
    checked(cli, *options, data="t.csv")
    table = read_table("s.csv")
    assert list(table[0]) == HEADER
    assert {row["split"] for row in table} == {"train", "test"}
    assert lines <= {int(row["row"]) for row in table if row["split"] == "train"}
    assert ("test", "10", "u.csv:20") in {(row["split"], row["row"], row["where"]) for row in table}  # 2 lines a row
    checked(cli, *options, "--keep", data="t.csv")
    kept = read_table("s.csv")
    assert [{key: row[key] for key in HEADER} for row in kept] == table
    files = {"train": "t.csv", "test": "u.csv"}
    for row in kept:
        assert (row["id"], row["input split"]) == (f"{files[row['split']]} {row['row']}", "mine")


def test_keep_is_of_the_output(cli: Cli) -> None:
    put({"t.tsv": tsv(ROWS)})
    result = cli("check", "--data", "t.tsv", "--keep")
    assert result.code == 2 and "--keep adds columns to the file of --output" in result.err


def test_suspects_of_a_file_whose_name_is_not_utf8(cli: Cli) -> None:
    name = os.fsdecode(b"t\xff.tsv")
    try:
        Path(name).write_text(tsv(noisy_rows()[0]))
    except OSError:
        pytest.skip("the file system takes no such name")
    result = cli("check", "--data", name, "--output", "s.tsv")
    assert result.code == 0, result.err
    assert "\tt\\udcff.tsv:10\t" in Path("s.tsv").read_text()
