"""What `predict` writes: csv, probabilities of all classes, kept fields, and rows for records that cannot be read."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.conftest import Cli, Result
from tests.forked import Forked
from textrnn import TextClassifier

CSV = ["--output-format", "csv"]
JSONL = ["--output-format", "jsonl"]
MARK = ["--bad-rows", "mark"]


def table(out: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(out, newline="")))


def items(result: Result) -> list[dict[str, Any]]:
    assert result.code == 0, result.err
    return [json.loads(line) for line in result.out.splitlines()]


TEXTS = ['"soup', 'he said "a goal", and left', "two\nlines", "a\rb", "", "plain", "x,y;z\tw"]


def test_texts_come_back_from_csv_as_they_are(cli: Cli, trained: Path) -> None:
    Path("new.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS))
    result = cli("predict", trained, "new.jsonl", *CSV)
    rows = table(result.out)
    classifier = TextClassifier.load(trained)
    assert rows[0] == ["label", "probability", "text"]
    assert [row[2] for row in rows[1:]] == TEXTS
    assert [row[0] for row in rows[1:]] == classifier.predict(TEXTS)
    assert [row[1] for row in rows[1:]] == [f"{p:.4f}" for p in classifier.predict_proba(TEXTS).max(axis=1)]
    frame = pd.read_csv(io.StringIO(result.out), keep_default_na=False)
    assert frame["text"].str.replace("\r", "\n").tolist() == [text.replace("\r", "\n") for text in TEXTS]
    assert '"a\rb"' in result.out, "older readers end a row there unless it is quoted"


def test_a_file_without_records_gives_a_header_alone(cli: Cli, trained: Path) -> None:
    Path("new.csv").write_text("id,text\n")
    assert cli("predict", trained, "new.csv", *CSV).out == "label,probability,text\n"
    assert cli("predict", trained, "new.csv", *CSV, "--keep").out == "label,probability,text\n"


def test_probabilities_of_all_classes(cli: Cli, trained: Path) -> None:
    texts = ["soup and bread", "a late goal"]
    Path("new.txt").write_text("\n".join(texts))
    classifier = TextClassifier.load(trained)
    expected = classifier.predict_proba(texts)
    rows = table(cli("predict", trained, "new.txt", *CSV, "--probabilities").out)
    assert rows[0] == ["label", "probability", "text", *(f"p:{label}" for label in classifier.labels)]
    np.testing.assert_allclose([[float(cell) for cell in row[3:]] for row in rows[1:]], expected, atol=1e-4)
    found = items(cli("predict", trained, "new.txt", *JSONL, "--probabilities"))
    assert [list(item["probabilities"]) for item in found] == [classifier.labels] * 2
    np.testing.assert_allclose([list(item["probabilities"].values()) for item in found], expected, atol=1e-4)


def test_kept_columns_come_first(cli: Cli, trained: Path) -> None:
    Path("new.csv").write_text('id,text,note\n7,soup,"a, ""b"""\n\n8,goal,\n')
    rows = table(cli("predict", trained, "new.csv", *CSV, "--keep").out)
    assert rows[0] == ["id", "text", "note", "label", "probability", "text"]
    assert [row[:3] + row[5:] for row in rows[1:]] == [
        ["7", "soup", 'a, "b"', "soup"], ["", "", "", ""], ["8", "goal", "", "goal"],
    ]  # fmt: skip
    Path("new.csv").write_text("id,text\n\n8,goal\n")
    rows = table(cli("predict", trained, "new.csv", *CSV, "--keep").out)
    assert rows[0][:2] == ["id", "text"] and [row[0] for row in rows[1:]] == ["", "8"], "the first row has no fields"


def test_a_kept_column_named_like_one_of_the_output_is_warned_of(cli: Cli, trained: Path) -> None:
    Path("new.csv").write_text("text,label\nsoup,mine\n")
    result = cli("predict", trained, "new.csv", *CSV, "--keep")
    assert "two columns are named label: the first is the input's, the last is the prediction" in result.err
    assert next(csv.DictReader(io.StringIO(result.out)))["label"] == TextClassifier.load(trained).predict(["soup"])[0]


def test_kept_values_of_json_are_written_as_json(cli: Cli, trained: Path) -> None:
    rows = ['{"text": "soup", "a": 1, "b": true, "c": null, "d": [1, "é"], "e": "é"}', '{"text": "goal", "e": NaN}']
    Path("new.jsonl").write_text("\n".join(rows))
    out = table(cli("predict", trained, "new.jsonl", *CSV, "--keep").out)
    assert [row[:6] for row in out] == [
        ["text", "a", "b", "c", "d", "e"], ["soup", "1", "true", "", '[1, "é"]', "é"], ["goal", "", "", "", "", "NaN"],
    ]  # fmt: skip


def test_a_later_field_without_a_column_is_an_error(cli: Cli, trained: Path) -> None:
    Path("new.jsonl").write_text('{"text": "soup"}\n{"text": "goal", "id": 3}\n')
    result = cli("predict", trained, "new.jsonl", *CSV, "--keep", "--output", "out.csv")
    assert result.code == 1 and not Path("out.csv").exists()
    assert "new.jsonl:2: the field 'id' has no column" in result.err and "--output-format jsonl" in result.err
    assert cli("predict", trained, "new.jsonl", *JSONL, "--keep").code == 0


def test_numbers_that_json_lacks_are_kept_as_strings_and_are_no_texts(cli: Cli, trained: Path) -> None:
    Path("new.jsonl").write_text('{"text": "soup", "x": [NaN, -Infinity, 1e999, 0.5]}\n{"text": NaN}\n')
    found = items(cli("predict", trained, "new.jsonl", *JSONL, "--keep", *MARK))
    assert found[0]["row"]["x"] == ["NaN", "-Infinity", "1e999", 0.5]
    assert found[1]["error"] == "expected a string as the value of 'text', found NaN"


BAD = {
    "new.csv": (b'text,id\nsoup,1\n"goal" x,2\nred\xff,3\nonly\nlate,4\n', [False, True, True, True, False], []),
    "new.tsv": (b"nothing\nx\tsoup\n\xff\tgoal\nnone\n\nx\tlate\n", [True, False, True, True, False, False], []),
    "new.jsonl": (
        b'{"text": null, "id": 1}\n{"id": 2}\n{"text": 3}\n[1]\n{"text": "a"\n{"text": "\xff"}\n{"text": "late"}\n\n',
        [True, True, True, True, True, True, False, False], [],
    ),
    "new.txt": (b"soup\n\xff\nlate\n", [False, True, False], []),
    "gbk.txt": ("汤\n".encode("gbk") + b"\xff\n" + "球\n".encode("gbk"), [False, True, False], ["--encoding", "gbk"]),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_each_record_has_its_row_if_bad_ones_are_marked(cli: Cli, trained: Path, name: str) -> None:
    content, are_bad, options = BAD[name]
    Path(name).write_bytes(content)
    found = items(cli("predict", trained, name, *options, *JSONL, *MARK))
    assert ["error" in item for item in found] == are_bad
    for item, is_bad in zip(found, are_bad, strict=True):
        if is_bad:
            assert (item["text"], item["label"], item["probability"]) == (None, "", 0)
    good = [item["text"] for item in found if "error" not in item]
    assert [item["label"] for item in found if "error" not in item] == TextClassifier.load(trained).predict(good)
    result = cli("predict", trained, name, *options, *MARK)
    assert [line == "\t0.0000\t" for line in result.out.splitlines()] == are_bad
    assert f"{sum(are_bad)} of {len(are_bad)} records could not be read and got an empty label: {name}:" in result.err
    rows = table(cli("predict", trained, name, *options, *CSV, "--probabilities", *MARK).out)
    assert [row[:3] == ["", "0.0000", ""] for row in rows[1:]] == are_bad
    strict = cli("predict", trained, name, *options)
    assert strict.code == 1 and "(--bad-rows mark gives such rows an empty label and continues)" in strict.err
    explained = cli("explain", trained, name, *options)
    assert explained.code == 1 and "--bad-rows" not in explained.err


def test_the_reason_names_the_byte_and_its_likely_encoding(cli: Cli, trained: Path) -> None:
    Path("new.txt").write_bytes("one\nun café au lait\n".encode("latin-1"))
    error = items(cli("predict", trained, "new.txt", *JSONL, *MARK))[1]["error"]
    assert error.startswith("column 7: byte 0xe9 is not valid utf-8") and "--encoding" in error


def test_the_fields_of_a_record_without_a_text_are_kept(cli: Cli, trained: Path) -> None:
    Path("new.jsonl").write_text('{"id": 1, "text": null}\n{"id": 2}\n{"id": 3, "text": "soup"}\n')
    found = items(cli("predict", trained, "new.jsonl", *JSONL, "--keep", "--top-k", "2", *MARK))
    assert [item["row"]["id"] for item in found] == [1, 2, 3]
    assert [len(item["top"]) for item in found] == [0, 0, 2]
    rows = table(cli("predict", trained, "new.jsonl", *CSV, "--keep", *MARK).out)
    assert [row[0] for row in rows] == ["id", "1", "2", "3"]


@pytest.mark.parametrize("content", ['[{"text": "soup"}]\n', '{\n"text": "soup"\n}\n'])
def test_json_that_is_not_per_line_is_an_error_of_the_whole_file(cli: Cli, trained: Path, content: str) -> None:
    Path("new.jsonl").write_text(content)
    result = cli("predict", trained, "new.jsonl", *MARK)
    assert (result.code, result.out) == (1, "") and "expected one JSON object per line (jsonl)" in result.err
    assert "--bad-rows" not in result.err, "it would not help"


def test_the_line_of_excel_is_no_record(cli: Cli, trained: Path) -> None:
    Path("new.csv").write_text('sep=;\nid;text\n1;soup, red\n2;"x" y\n3;goal\n')
    rows = table(cli("predict", trained, "new.csv", *CSV, "--keep", *MARK).out)
    assert [row[:2] + row[4:] for row in rows] == [
        ["id", "text", "text"], ["1", "soup, red", "soup, red"], ["", "", ""], ["3", "goal", "goal"],
    ]  # fmt: skip


def test_documents_that_cannot_be_read_are_marked(cli: Cli, trained: Path) -> None:
    Path("texts").mkdir()
    Path("texts/a").write_text("soup")
    Path("texts/b").write_bytes(b"\xff\xff and more")
    Path("texts/c").symlink_to("nowhere")
    found = items(cli("predict", trained, "texts", *JSONL, "--keep", *MARK))
    assert [("error" in item, item["row"]["file"]) for item in found] == [
        (False, "texts/a"), (True, "texts/b"), (True, "texts/c"),
    ]  # fmt: skip
    assert "--bad-rows mark" in cli("predict", trained, "texts").err


def test_texts_without_a_token_are_unsure_and_bad_records_are_not(cli: Cli, trained: Path) -> None:
    Path("new.jsonl").write_text('{"text": " "}\n{"text": "soup"}\n{"text": null}\n')
    unsure = ["predict", trained, "new.jsonl", *MARK, "--min-probability"]
    labels = ["?", *TextClassifier.load(trained).predict(["soup"]), ""]
    assert [item["label"] for item in items(cli(*unsure, "0", *JSONL))] == labels
    result = cli(*unsure, "0", *CSV)
    assert [row[0] for row in table(result.out)[1:]] == labels
    assert "1 of 2 texts have no label with a probability of 0 or more (1 of them has no token): " in result.err
    result = cli(*unsure, "1")
    assert "2 of 2 texts have no label" in result.err
    assert [line.split("\t")[0] for line in result.out.splitlines()] == ["?", "?", ""]


def test_a_stream_goes_on_after_a_bad_record(trained: Path) -> None:
    predict = Forked("predict", trained, "--format", "jsonl", *JSONL, *MARK)
    for line, is_bad in (('{"text": "soup"}', False), ('{"text": ', True), ('{"text": "goal"}', False)):
        predict.stdin.write(f"{line}\n".encode())
        predict.stdin.flush()
        assert ("error" in json.loads(predict.stdout.readline())) == is_bad
    predict.stdin.close()
    assert predict.wait() == 0


@pytest.mark.parametrize(("name", "warns"), [("out.csv", True), ("out.tsv", False)])
def test_a_suffix_that_is_not_the_format_is_warned_of(name: str, warns: bool, cli: Cli, trained: Path) -> None:
    Path("new.txt").write_text("soup with bread\n")
    result = cli("predict", trained, "new.txt", "--output", name)
    assert result.code == 0 and ("is written as tsv" in result.err) == warns
