"""`textrnn next`: the texts of a pool that are the most useful to label next."""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import json
from pathlib import Path

import pytest

from tests.conftest import Cli, copy_template, make_rows, train_in, write_tsv
from tests.forked import Forked
from textrnn import RNNClassifier
from textrnn.commands import next as limits

# between two classes each, in the words of the training texts
UNSURE = ["soup match the", "goal dinner one", "hotel bread was", "coach island we", "border spice had"]
SUBJECTS = [
    "soup bread cook dinner spice oven",
    "match goal team coach league final",
    "train hotel island ticket border map",
]
SURE = [" ".join(words) for subject in SUBJECTS for words in itertools.permutations(subject.split(), 4)][::18]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `train.tsv`, a finished run of it without a network, `run`, and a pool, `pool.txt`."""
    folder = tmp_path_factory.mktemp("finished")
    write_tsv(folder / "train.tsv", make_rows(90))
    train_in(folder, "--data", "train.tsv", "--preset", "linear", "--run-dir", "run")
    write_pool(folder / "pool.txt", [*SURE[:30], *UNSURE, *SURE[30:]])
    return folder


@pytest.fixture
def run(finished: Path, workplace: Path) -> Path:
    """That run and its pool, in the current folder."""
    copy_template(finished, workplace, "run")
    return Path("run")


def write_pool(path: Path, texts: list[str]) -> None:
    path.write_text("".join(f"{text}\n" for text in texts))


def chosen(out: str) -> list[str]:
    rows = [line.split("\t") for line in out.splitlines()]
    assert all(len(row) == 2 and row[0] == "" for row in rows)  # a label to fill in
    return [row[1] for row in rows]


def test_texts_between_classes_come_first(cli: Cli, run: Path) -> None:
    result = cli("next", run, "pool.txt", "-n", 5)
    assert result.code == 0, result.err
    assert len(chosen(result.out)) == 5
    assert len({*chosen(result.out)} & {*UNSURE}) >= 4
    assert "5 texts of 65" in result.err


def test_a_filled_in_file_can_be_trained_on(cli: Cli, run: Path) -> None:
    assert cli("next", run, "pool.txt", "-n", 40, "-o", "more.tsv").out == ""
    texts = chosen(Path("more.tsv").read_text())
    filled = [("food" if text in UNSURE or text.split()[0] in SUBJECTS[0] else "sport", text) for text in texts]
    write_tsv(Path("more.tsv"), filled)
    train = ["train", "--data", "train.tsv", "--data", "more.tsv", "--preset", "linear", "--run-dir", "second"]
    assert cli(*train).code == 0
    rest = {*chosen(cli("next", "second", "pool.txt", "-n", 99).out)}
    assert rest and not rest & {*texts}


def test_near_copies_are_chosen_once(cli: Cli, run: Path) -> None:
    copies = [f"soup match the{mark}" for mark in (".", "!", "!!", "?", " ...")]
    write_pool(Path("pool.txt"), [*copies, *SURE[:4]])
    result = cli("next", run, "pool.txt", "-n", 9)
    assert sum(text.startswith("soup match") for text in chosen(result.out)) == 1
    assert "-n 9: there are no more texts; 4 near copies are left out" in result.err


def test_texts_are_spread_over_the_topics(cli: Cli, run: Path) -> None:
    # all are unknown to the model; one topic has 12 texts, others have two
    many = [f"river boat water sail w{number} x{number}" for number in range(12)]
    others = [
        f"{topic} y{number}" for topic in ("stone hill cliff rock", "paint brush colour canvas") for number in (1, 2)
    ]
    write_pool(Path("pool.txt"), [*many, *others])
    texts = chosen(cli("next", run, "pool.txt", "-n", 3).out)
    assert len({text.split()[0] for text in texts}) == 3


def test_texts_that_need_no_label_are_left_out_and_counted(cli: Cli, run: Path) -> None:
    training = [line.split("\t")[1] for line in Path("train.tsv").read_text().splitlines()]
    write_pool(Path("pool.txt"), [*training[:7], UNSURE[0], UNSURE[1], f" {UNSURE[0]}", "", "   "])
    result = cli("next", run, "pool.txt", "-n", 2)
    assert {*chosen(result.out)} == {*UNSURE[:2]}
    for reason in ("7 equal to a training text", "1 equal to another", "2 without a token"):
        assert reason in result.err
    assert cli("next", "run/model", "pool.txt", "-n", 2).out == result.out


@pytest.mark.parametrize("output_format", ["csv", "jsonl"])
def test_fields_of_the_input_are_kept(cli: Cli, run: Path, output_format: str) -> None:
    with open("pool.csv", "w", newline="") as stream:
        csv.writer(stream).writerows([("id", "body"), *enumerate([*SURE, 'goal "dinner",\none'])])
    options = ["--text-column", "body", "--output-format", output_format]
    result = cli("next", run, "pool.csv", "-n", 3, *options, "--keep")
    assert result.code == 0, result.err
    read = (
        csv.DictReader(io.StringIO(result.out)) if output_format == "csv" else map(json.loads, result.out.splitlines())
    )
    rows = list(read)
    assert len(rows) == 3
    assert all(row["label"] == "" and row["text"] == row["body"] for row in rows)
    ids = {text: str(number) for number, text in enumerate([*SURE, 'goal "dinner",\none'])}
    assert [row["id"] for row in rows] == [ids[row["text"]] for row in rows]
    without = cli("next", run, "pool.csv", "-n", 3, *options).out
    assert "body" not in without and without.count("goal") == result.out.count("goal") // 2


def test_every_input_that_predict_reads(cli: Cli, run: Path) -> None:
    expected = cli("next", run, "pool.txt", "-n", 4).out
    texts = Path("pool.txt").read_text().splitlines()
    Path("pool.txt.gz").write_bytes(gzip.compress(Path("pool.txt").read_bytes()))
    Path("pool.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    Path("pool.latin").write_text("".join(f"{text}\n" for text in texts), encoding="utf-16")
    for options in (["pool.txt.gz"], ["pool.jsonl"], ["pool.latin", "--encoding", "utf-16", "--format", "text"]):
        assert cli("next", run, *options, "-n", 4).out == expected
    out, _ = Forked("next", run, "-n", "4").communicate(Path("pool.txt").read_bytes())
    assert out.decode() == expected


def test_a_run_of_networks(cli: Cli, trained: Path) -> None:
    write_pool(Path("pool.txt"), [*SURE, *UNSURE])
    result = cli("next", trained, "pool.txt", "-n", 7)
    assert result.code == 0 and len(chosen(result.out)) == 7


def test_a_saved_model_does_not_know_its_training_texts(cli: Cli, workplace: Path) -> None:
    rows = make_rows(60)
    estimator = RNNClassifier(preset="linear").fit([text for _, text in rows], [label for label, _ in rows])
    estimator.save("saved")
    write_pool(Path("pool.txt"), [*UNSURE, rows[0][1]])
    result = cli("next", "saved", "pool.txt", "-n", 6)
    assert len(chosen(result.out)) == 6
    assert "texts that the model was trained on may be among those chosen" in result.err


def test_the_candidates_are_limited_to_the_least_certain(cli: Cli, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_TEXTS", 5)
    result = cli("next", run, "pool.txt", "-n", 5)
    assert len({*chosen(result.out)} & {*UNSURE}) >= 4
    assert "chosen from the 5 texts of which the model is least certain" in result.err


@pytest.mark.parametrize(
    ("content", "options", "code", "message"),
    [
        ("", [], 1, "pool.txt: no text is left to label"),
        (None, [], 1, "pool.txt: no text is left to label: 90 equal to a training text"),
        ("new goal soup\n", ["-n", "0"], 2, "Invalid value for '--count' / '-n'"),
        ("new goal soup\n", ["--keep"], 2, "--keep needs --output-format csv or jsonl"),
        ("new goal soup\n", ["-o", "pool.txt"], 2, "would replace what is read from pool.txt"),
    ],
)
def test_bad_input_is_one_message(
    cli: Cli, run: Path, content: str | None, options: list[str], code: int, message: str
) -> None:
    training = "".join(line.split("\t")[1] for line in Path("train.tsv").read_text().splitlines(keepends=True))
    Path("pool.txt").write_text(training if content is None else content)
    result = cli("next", run, "pool.txt", *options)
    assert (result.code, result.out) == (code, "")
    assert message in result.err and result.err.count("error: ") == 1 and "warning" not in result.err


def test_the_error_for_a_missing_pool_does_not_speak_of_a_single_text(cli: Cli, run: Path) -> None:
    result = cli("next", run, "absent.txt")
    assert result.code == 1 and result.err == "error: absent.txt: no such file\n"


def test_texts_that_are_all_equal_are_chosen_once(cli: Cli, run: Path) -> None:
    write_pool(Path("pool.txt"), ["new goal soup"] * 20)
    result = cli("next", run, "pool.txt", "-n", 50)
    assert (result.code, chosen(result.out)) == (0, ["new goal soup"])
    assert "1 text of 20; left out: 19 equal to another" in result.err
    assert "-n 50: there are no more texts" in result.err
