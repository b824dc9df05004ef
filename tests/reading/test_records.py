from __future__ import annotations

import io

import pytest

from textrnn.errors import DataError
from textrnn.reading.reader import parse
from textrnn.reading.records import BadRow, Record
from textrnn.reading.source import Source


def read(text: str, kind: str, text_column=None, label_column=None, labelled: bool = True) -> list:
    source = Source(["f"], kind, text_column, label_column, labelled=labelled)
    return list(parse(io.StringIO(text, newline="\n"), kind, "f", source))


def rows(records: list) -> list[tuple[str | None, str]]:
    assert all(isinstance(record, Record) for record in records), records
    return [(record.label, record.text) for record in records]


def test_tsv_text_in_the_last_column_may_contain_tabs() -> None:
    assert rows(read("a\tx\ty\r\nb\t\tz\n", "tsv")) == [("a", "x\ty"), ("b", "\tz")]


def test_tsv_does_not_quote() -> None:
    assert rows(read('a\t"x\nb\t""y""\n', "tsv")) == [("a", '"x'), ("b", '""y""')]


def test_tsv_text_in_the_first_column_may_not_contain_tabs() -> None:
    assert read("x\t1\ny\tz\t2\n\n", "tsv", 0, 1) == [
        Record(1, "x", "1"),
        BadRow(2, "expected 2 fields, found 3: 'y', 'z', '2'"),
        BadRow(3, "expected 2 fields, found an empty line"),
    ]


def test_tsv_with_a_header() -> None:
    assert rows(read("id\ttext\tlabel\n1\tx\ta\n2\ty\tb\n", "tsv", "text", "label")) == [("a", "x"), ("b", "y")]


def test_csv_quoted_line_ends_and_lone_carriage_returns_are_text() -> None:
    found = read('label,text\na,"x\n""y"",\r\nz"\nb,p\rq\r\nc,"r\rs"\n', "csv")
    assert rows(found) == [("a", 'x\n"y",\r\nz'), ("b", "p\rq"), ("c", "r\rs")]
    assert [item.line for item in found] == [2, 5, 6]


def test_csv_with_column_numbers_has_no_header() -> None:
    assert rows(read("x,a\ny,b\n", "csv", 0, 1)) == [("a", "x"), ("b", "y")]


def test_csv_wrong_number_of_fields() -> None:
    found = read("label,text\na,x\nb,y,z\n\nc\n", "csv")
    assert [type(item) for item in found] == [Record, BadRow, BadRow, BadRow]
    assert [item.line for item in found] == [2, 3, 4, 5]


@pytest.mark.parametrize(
    ("bad", "lines"),
    [('b,"y\n', 1), ('"b" x,y\n', 1), ('b,"y" z\n', 1), ('b,"y\nstill "y" z\n', 2), ('b,"y\n' * 3, 3)],
)
def test_a_csv_row_that_cannot_be_parsed_is_a_bad_one_of_one_line(bad: str, lines: int) -> None:
    """The lines after its first one are read anew."""
    found = read(f'label,text\na,x\n{bad}c,"z\n""z"""\nd,e\n', "csv")
    assert isinstance(found[1], BadRow) and found[1].line == 3
    assert "cannot parse the csv row that begins here" in found[1].reason
    assert all(isinstance(item, BadRow) for item in found[1 : 1 + lines])
    assert rows([found[0], *found[-2:]]) == [("a", "x"), ("c", 'z\n"z"'), ("d", "e")]
    assert [item.line for item in found] == [2, *range(3, 3 + lines), 3 + lines, 5 + lines]
    whole = read('label,text\na,x\nb,"y\nc,z\n', "csv")
    assert [item.line for item in whole] == [2, 3, 4] and isinstance(whole[1], BadRow)


def test_a_csv_header_that_cannot_be_parsed_is_an_error() -> None:
    with pytest.raises(DataError, match="f:1: cannot parse the csv row that begins here"):
        read('label,"text\na,x\n', "csv")


@pytest.mark.parametrize("first", ["sep=;\n", "sep=;\r\n", '"sep=;"\n', "SEP=;\n"])
def test_the_first_line_of_excel_states_the_delimiter(first: str) -> None:
    found = read(f"{first}label;text\na;x, y\nb;z\n", "csv")
    assert rows(found) == [("a", "x, y"), ("b", "z")] and [item.line for item in found] == [3, 4]
    assert rows(read(f"{first}x, y;a\n", "csv", 0, 1)) == [("a", "x, y")]
    assert rows(read("sep=#\nlabel#text\na#x;,\n", "csv")) == [("a", "x;,")]
    with pytest.raises(DataError, match="f:2: no columns"):
        read(f"{first}class;words\na;x\n", "csv")


def test_a_csv_header_names_each_column_once() -> None:
    with pytest.raises(DataError, match="f:1: .*more than one column 'text'"):
        read("text,label,text\nx,y,z\n", "csv")


def test_csv_columns_that_are_not_read_may_occur_twice() -> None:
    assert rows(read("text,label,label\nx,a,b\n", "csv", "text", None, labelled=False)) == [(None, "x")]


def test_jsonl() -> None:
    text = '{"text": "x\\ny", "label": "a"}\n{"label": 1, "text": ""}\n{"label": true, "text": "z"}\n'
    assert rows(read(text, "jsonl")) == [("a", "x\ny"), ("1", ""), ("true", "z")]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"text": "x"}', "no key 'label'"),
        ('{"text": "x", "label": null}', "the value of 'label' is null"),
        ('{"text": 3, "label": "a"}', "expected a string"),
        ('{"text": "x", "label": ["a"]}', "one label"),
        ("", "empty"),
    ],
)
def test_bad_jsonl_rows(line: str, reason: str) -> None:
    (row,) = read(line + "\n", "jsonl")
    assert isinstance(row, BadRow) and reason in row.reason


def test_fasttext() -> None:
    text = "__label__a x y\n__label__b\tz\n__label__c\n"
    assert rows(read(text, "fasttext")) == [("a", "x y"), ("b", "z"), ("c", "")]


@pytest.mark.parametrize("line", ["x y", "__label__a __label__b x", "__label__ x", ""])
def test_bad_fasttext_rows(line: str) -> None:
    (row,) = read(line + "\n", "fasttext")
    assert isinstance(row, BadRow)


def test_plain_text_has_a_record_for_every_line() -> None:
    assert [item.text for item in read("a\n\n\u0085b\r\n c", "text", labelled=False)] == ["a", "", "\u0085b", " c"]


@pytest.mark.parametrize(
    ("kind", "text", "column", "texts"),
    [
        ("tsv", "a\tx\nb\ty\n", None, ["x", "y"]),
        ("tsv", "x\ny\n", 0, ["x", "y"]),
        ("csv", "text\nx\n\ny\n", None, ["x", "", "y"]),
        ("csv", "id,review\n1,x\n", "review", ["x"]),
        ("jsonl", '{"text": "x"}\n\n', None, ["x", ""]),
    ],
)
def test_texts_are_read_without_labels(kind: str, text: str, column: int | str | None, texts: list[str]) -> None:
    found = read(text, kind, column, None, labelled=False)
    assert rows(found) == [(None, text) for text in texts]


@pytest.mark.parametrize(("kind", "between"), [("tsv", "\t"), ("csv", ",")])
def test_blank_lines_before_rows_without_labels_are_empty_texts(kind: str, between: str) -> None:
    found = read(f"\n\nx{between}a\ny{between}b\n", kind, 0, labelled=False)
    assert [item.text for item in found] == ["", "", "x", "y"]
    assert [item.line for item in found] == [1, 2, 3, 4]
