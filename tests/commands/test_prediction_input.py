"""In which format, encoding and columns `predict` and `eval` read, and what of each record is kept."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import TINY, Cli, make_rows, train_in
from tests.forked import Forked
from textrnn import RNNClassifier

ROWS = make_rows(120, seed=3)
TEXTS = [text for _, text in ROWS]
KEEP = ["--keep", "--output-format", "jsonl"]
WRITERS: dict[str, Any] = {
    "tsv": lambda rows: "".join(f"{label}\t{text}\n" for label, text in rows),
    "fasttext": lambda rows: "".join(f"__label__{label} {text}\n" for label, text in rows),
    "jsonl": lambda rows: "".join(json.dumps({"text": text, "label": label}) + "\n" for label, text in rows),
    "csv": lambda rows: "label,text\n" + "".join(f'{label},"{text}"\n' for label, text in rows),
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A run trained on a `.txt` of each format."""
    folder = tmp_path_factory.mktemp("runs")
    for kind, write in WRITERS.items():
        (folder / f"{kind}.txt").write_text(write(make_rows(60)))
        chosen = ["--set", "data.format=csv"] if kind == "csv" else []
        train_in(folder, "--data", f"{kind}.txt", *TINY, *chosen, "--set", "train.epochs=1", "--run-dir", kind)
    return {kind: folder / kind for kind in WRITERS}


def write_folder(name: str, rows: list[tuple[str, str]]) -> None:
    for label, text in rows:
        Path(name, label).mkdir(parents=True, exist_ok=True)
        Path(name, label, text[-3:]).write_text(text)


def texts_of(out: str) -> list[str]:
    return [line.split("\t")[2] for line in out.splitlines()]


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("name", ["new.txt", "new", "new.dat"])
def test_a_file_whose_suffix_says_nothing_is_read_as_the_training_file_was(
    cli: Cli, runs: dict[str, Path], kind: str, name: str
) -> None:
    Path(name).write_text(WRITERS[kind](ROWS))
    result = cli("predict", runs[kind], name)
    assert (result.code, texts_of(result.out)) == (0, TEXTS)
    assert f"{name}: read as {kind}, the format of the texts that the model was trained on" in result.err
    as_text = cli("predict", runs[kind], name, "--format", "text")
    assert texts_of(as_text.out)[-1] != TEXTS[-1] and "read as" not in as_text.err


@pytest.mark.parametrize("kind", WRITERS)
def test_a_bad_byte_in_one_row_does_not_change_the_format(cli: Cli, runs: dict[str, Path], kind: str) -> None:
    rows = [*ROWS[:3], ("food", "a bad byte: @"), *ROWS[:3]]
    Path("new.txt").write_bytes(WRITERS[kind](rows).encode().replace(b"@", b"\xff"))
    result = cli("predict", runs[kind], "new.txt", "--bad-rows", "mark")
    assert (result.code, texts_of(result.out)) == (0, [*TEXTS[:3], "", *TEXTS[:3]])


@pytest.mark.parametrize("kind", WRITERS)
def test_plain_texts_and_other_formats_stay_lines_of_text(cli: Cli, runs: dict[str, Path], kind: str) -> None:
    lines = {"plain": "".join(f"{text}\n" for text in TEXTS), "tabs": "a title\tby someone\n" * 3}
    lines |= {other: WRITERS[other](ROWS) for other in WRITERS if other != kind}
    for name, content in lines.items():
        Path("new.txt").write_text(content)
        result = cli("predict", runs[kind], "new.txt")
        assert (result.code, result.out.count("\n")) == (0, content.count("\n")), name
        assert "read as " + kind not in result.err
        assert texts_of(result.out)[0] == content.splitlines()[0].replace("\t", " ")


def test_a_model_that_was_trained_on_no_file_reads_lines(cli: Cli, runs: dict[str, Path]) -> None:
    write_folder("classes", make_rows(30))
    assert cli("train", "--data", "classes", *TINY, "--run-dir", "run").code == 0
    Path("new.txt").write_text(WRITERS["tsv"](ROWS))
    assert "read as" not in cli("predict", "run", "new.txt").err
    estimator = RNNClassifier(hidden_size=4, epochs=1, min_count=1, ngrams=1, linear="none")
    estimator.fit(TEXTS, [label for label, _ in ROWS]).save("model")
    assert "read as" not in cli("predict", "model", "new.txt").err


def test_stdin_is_text_without_a_format(runs: dict[str, Path], workplace: Path) -> None:
    content = WRITERS["tsv"](ROWS[:3])
    lines = [line.replace("\t", " ") for line in content.splitlines()]
    out, error = Forked("predict", runs["tsv"]).communicate(content.encode())
    assert texts_of(out.decode()) == lines
    assert b"the first line looks like tsv, which the model was trained on; to read it so, pass --format tsv" in error
    assert Forked("predict", runs["tsv"]).communicate(b"a title\tby someone\n")[1] == b""
    out, _ = Forked("predict", runs["tsv"], "--format", "tsv").communicate(content.encode())
    assert texts_of(out.decode()) == TEXTS[:3]


@pytest.mark.parametrize(
    ("kind", "bad", "reason"),
    [
        ("tsv", "no tab here\n", "151: expected 2 fields, found 1: 'no tab here'"),
        ("fasttext", "no label\n", "151: expected `__label__NAME text` as in the lines before, found 'no label'"),
        ("jsonl", "{\n", "151: not valid JSON"),
        ("csv", "a,b,c\n", "152: expected 2 fields, found 3"),
    ],
)
def test_later_lines_that_do_not_fit(cli: Cli, runs: dict[str, Path], kind: str, bad: str, reason: str) -> None:
    Path("new.txt").write_text(WRITERS[kind](make_rows(150)) + bad)
    result = cli("predict", runs[kind], "new.txt")
    assert result.code == 1 and f"new.txt:{reason}" in result.err and "Traceback" not in result.err
    assert result.out.count("\n") == 150, "texts before the bad row still get their answer"


def test_empty_lines_are_texts_of_their_own(cli: Cli, runs: dict[str, Path]) -> None:
    for kind in ("tsv", "fasttext", "jsonl"):
        Path("new.txt").write_text("\n" + WRITERS[kind](ROWS[:2]) + "\n" + WRITERS[kind](ROWS[2:3]))
        result = cli("predict", runs[kind], "new.txt")
        assert texts_of(result.out) == ["", *TEXTS[:2], "", TEXTS[2]], kind


def test_a_file_of_which_most_lines_fit_is_text_with_a_warning(cli: Cli, runs: dict[str, Path]) -> None:
    Path("new.txt").write_text(WRITERS["tsv"](ROWS[:9]) + "unknown\ta text\n")
    result = cli("predict", runs["tsv"], "new.txt")
    assert result.out.count("\n") == 10
    assert "line 10: the model has no label 'unknown'. To read it so, pass --format tsv" in result.err
    Path("new.txt").write_text("label\ttext\n" + WRITERS["tsv"](ROWS[:9]))
    result = cli("predict", runs["tsv"], "new.txt")
    assert (result.code, result.out) == (1, "")
    assert "new.txt:1: this row looks like a header; to skip it, pass --text-column text" in result.err


def test_what_does_not_fit_is_reported_with_its_line(cli: Cli, runs: dict[str, Path]) -> None:
    """Blank lines count, and so do objects of other keys; a broken row has its own message."""
    Path("new.txt").write_text("\n\n" + WRITERS["tsv"](ROWS[:5]) + "\nneutral\ta text\n")
    assert "line 9: the model has no label 'neutral'" in cli("predict", runs["tsv"], "new.txt").err
    Path("new.txt").write_text('{"body": "one"}\n{"body": "two"}\n')
    assert "line 1: no key 'text'; the keys are: 'body'" in cli("predict", runs["jsonl"], "new.txt").err
    Path("new.txt").write_text(WRITERS["csv"](ROWS[:60]) + 'food,"a" b\n')
    assert "line 62: cannot parse the csv row" in cli("predict", runs["csv"], "new.txt").err


def test_options_without_effect_get_a_warning(cli: Cli, runs: dict[str, Path]) -> None:
    Path("new.tsv").write_text(WRITERS["tsv"](ROWS[:3]))
    result = cli("predict", runs["tsv"], "new.tsv", "--delimiter", ";")
    assert "--delimiter: new.tsv is read as tsv, which has none" in result.err
    Path("new.txt").write_text(WRITERS["fasttext"](ROWS[:3]))
    result = cli("predict", runs["tsv"], "new.txt", "--format", "fasttext", "--text-column", "text")
    assert "--text-column: new.txt is read as fasttext, which has no columns" in result.err


def test_a_tsv_without_labels_is_read_by_its_column(cli: Cli, runs: dict[str, Path]) -> None:
    Path("new.tsv").write_text("a text\nanother\n")
    result = cli("predict", runs["tsv"], "new.tsv")
    assert result.code == 1 and "Pass --text-column 0 if it has no label column" in result.err
    assert texts_of(cli("predict", runs["tsv"], "new.tsv", "--text-column", "0").out) == ["a text", "another"]


def test_formats_that_no_suffix_shows(cli: Cli, runs: dict[str, Path]) -> None:
    Path("new.txt").write_text("__label__a one\ntwo\n")
    assert texts_of(cli("predict", runs["tsv"], "new.txt", "--format", "fasttext").out) == ["one", "two"]
    Path("texts/deep").mkdir(parents=True)
    Path("texts/b").write_text("two\nlines")
    Path("texts/deep/a").write_text("three")
    for options in ([], ["--format", "folder"]):
        assert texts_of(cli("predict", runs["tsv"], "texts", *options).out) == ["two lines", "three"]
    rows = [json.loads(line)["row"] for line in cli("predict", runs["tsv"], "texts", *KEEP).out.splitlines()]
    assert rows == [{"file": "texts/b"}, {"file": "texts/deep/a"}]


def test_the_encoding_is_the_runs_except_of_stdin(cli: Cli, workplace: Path) -> None:
    content = "".join(f"{label}\t{text} café\n" for label, text in make_rows(60))
    Path("t.tsv").write_bytes(content.encode("cp1252"))
    assert cli("train", "--data", "t.tsv", *TINY, "--set", "data.encoding=cp1252", "--run-dir", "run").code == 0
    for model in ("run", "run/model"):
        assert "café" in cli("predict", model, "t.tsv").out
        assert cli("eval", model, "t.tsv").code == 0
    assert "café" in Forked("predict", "run").communicate("café\n".encode())[0].decode()
    Path("utf8.tsv").write_text(content.replace("food", "déjà"), encoding="utf-8")
    result = cli("eval", "run", "utf8.tsv")
    assert "unknown label" in result.err and result.err.endswith("pass --set data.encoding=utf-8\n")
    Path("utf8.tsv").write_text(content, encoding="utf-8")
    for command, option in (("predict", "--encoding utf-8"), ("eval", "--set data.encoding=utf-8")):
        hint = f"utf8.tsv: read as cp1252, but it looks like utf-8: if texts come out garbled, pass {option}"
        assert hint in cli(command, "run", "utf8.tsv").err
        result = cli(command, "run", "utf8.tsv", *option.split())
        assert (result.code, "looks like" in result.err) == (0, False)
    result = cli("train", "--data", "utf8.tsv", *TINY, "--set", "data.encoding=cp1252", "--run-dir", "other")
    assert "looks like utf-8: if texts come out garbled, pass --set data.encoding=utf-8" in result.err
    Path("docs").mkdir()
    Path("docs/a").write_text("un café", encoding="utf-8")
    assert "docs/a: read as cp1252, but it looks like utf-8" in cli("predict", "run", "docs").err
    assert "it may be cp1252 (it reads" in cli("predict", "run", "t.tsv", "--encoding", "utf-8").err


@pytest.mark.parametrize(
    ("name", "content", "options", "rows"),
    [
        ("a.csv", "id,text,label\n7,one,x\n8,two,\n", [], [{"id": "7", "text": "one", "label": "x"},
                                                           {"id": "8", "text": "two", "label": ""}]),
        ("a.csv", ",text\n7,one\n", [], [{"0": "7", "text": "one"}]),
        ("a.csv", "7,one\n", ["--text-column", "1"], [{"0": "7", "1": "one"}]),
        ("a.tsv", "x\tone\tmore\n", [], [{"0": "x", "1": "one\tmore"}]),
        ("a.tsv", "id\ttext\n7\tone\n\n", ["--text-column", "text"], [{"id": "7", "text": "one"}, {}]),
        ("a.jsonl", '{"text": "one", "id": [1, {"a": null}], "x": NaN, "y": "\\ud800", "z": "\\u009b体"}\n\n', [],
         [{"text": "one", "id": [1, {"a": None}], "x": "NaN", "y": "\ud800", "z": "\x9b体"}, {}]),
        ("a.jsonl", '{"text": "one", "x": 1e999, "y": [-1e999, 1.5]}\n', [],
         [{"text": "one", "x": "1e999", "y": ["-1e999", 1.5]}]),
        ("a.txt", "one\n", [], [{}]),
        ("a.txt", "__label__x one\ntwo\n", ["--format", "fasttext"], [{"label": "x"}, {}]),
    ],
)  # fmt: skip
def test_rows_are_kept(
    cli: Cli, trained: Path, name: str, content: str, options: list[str], rows: list[dict[str, Any]]
) -> None:
    Path(name).write_text(content)
    result = cli("predict", trained, name, *KEEP, *options)
    assert result.code == 0, result.err
    assert "\x9b" not in result.out, "a control character that a terminal would obey"
    assert [json.loads(line)["row"] for line in result.out.splitlines()] == rows
    without = cli("predict", trained, name, "--output-format", "jsonl", *options)
    assert all("row" not in json.loads(line) for line in without.out.splitlines())


def test_what_cannot_be_kept(cli: Cli, trained: Path) -> None:
    Path("a.csv").write_text("id,text,id\n1,one,2\n")
    result = cli("predict", trained, "a.csv", *KEEP)
    assert result.code == 1 and "a.csv:1: the header has more than one column 'id', but only one" in result.err
    assert cli("predict", trained, "a.csv").code == 0
    Path("a.txt").write_text("one\n")
    result = cli("predict", trained, "a.txt", *KEEP)
    assert "--keep: a.txt is read as plain text, which has no columns" in result.err


def test_the_message_of_predict_about_a_header_names_its_text(cli: Cli, trained: Path) -> None:
    Path("new.csv").write_text("text,label\none,x\n")
    assert cli("train", "--data", "train.tsv", *TINY, "--set", "data.text_column=1", "--set", "data.label_column=0",
               "--run-dir", "run").code == 0  # fmt: skip
    assert "pass --text-column text\n" in cli("predict", "run", "new.csv").err


def test_a_live_csv_is_answered_line_by_line(trained: Path) -> None:
    """The header alone decides on the delimiter, and whether it fits: nothing waits for more lines."""
    for lines in (b"id,body\n", b"id;text\n1;a late goal, again\n"):
        predict = Forked("predict", trained, "--format", "csv")
        predict.stdin.write(lines)
        predict.stdin.flush()
        if b"body" in lines:
            assert b"no column 'text'" in predict.stderr.read()
        else:
            assert predict.stdout.readline().endswith(b"\ta late goal, again\n")
        predict.communicate()


def test_a_model_folder_evaluates_any_format(cli: Cli, runs: dict[str, Path]) -> None:
    """Its config says in which format it was trained; what the file says counts more."""
    for name, kind in {"a.tsv": "tsv", "b.csv": "csv", "c.txt": "fasttext", "d": "jsonl"}.items():
        Path(name).write_text(WRITERS[kind](ROWS))
    write_folder("e", ROWS)
    for trained_on in ("tsv", "jsonl", "fasttext"):
        for name in ("a.tsv", "b.csv", "c.txt", "d", "e"):
            result = cli("eval", runs[trained_on] / "model", name)
            assert result.code == 0, (trained_on, name, result.err)


def test_a_model_folder_keeps_to_the_format_that_was_set(cli: Cli, runs: dict[str, Path]) -> None:
    Path("tabs.csv").write_text(WRITERS["tsv"](ROWS))
    assert cli("train", "--data", "tabs.csv", *TINY, "--set", "data.format=tsv", "--run-dir", "run").code == 0
    assert cli("eval", "run/model", "tabs.csv").code == 0
    Path("p1.dat").write_text(WRITERS["csv"](ROWS))
    assert cli("eval", runs["csv"] / "model", "p*.dat").code == 0
    Path("f.txt").write_text(WRITERS["csv"](ROWS))
    assert cli("eval", runs["csv"] / "model", "f.txt").code == 0


@pytest.mark.parametrize("command", ["predict", "explain"])
def test_a_text_in_the_place_of_a_file_gets_the_command_to_type(cli: Cli, trained: Path, command: str) -> None:
    for words, text in ((["it's a late goal"], "it's a late goal"), (["a", "late", "goal"], "a late goal")):
        result = cli(command, trained, *words)
        assert (result.code, result.out) == (1, "")
        assert f"{words[0]}: no such file; to classify a text directly, pipe it in: " in result.err
        typed = result.err.strip().rpartition("pipe it in: ")[2]
        assert typed == f"echo {shlex.quote(text)} | textrnn {command} {trained}"
    Path("here.txt").write_text("soup\n")
    result = cli(command, trained, "here.txt", "not here.txt")
    assert (result.out, "echo 'not here.txt' | textrnn" in result.err) == ("", True)
