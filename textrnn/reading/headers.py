"""Recognition of header rows, and messages about missing and unnamed columns."""

from __future__ import annotations

import re
import shlex

from textrnn.errors import DataError, short
from textrnn.reading.records import quoted
from textrnn.reading.source import Column, OptionNames, Source
from textrnn.runtime.terminal import count_of

TEXT_NAMES = """
    text texts sentence sentence1 review reviews review_body reviewtext content contents document doc body message
    comment comments comment_text title headline tweet question query abstract utterance description news post input
    文本 内容 评论 标题 句子 正文 文章 新闻
    """.split()  # noqa: SIM905 - a list of strings would fill a page
LABEL_NAMES = """
    label labels class classes category categories cat sentiment target tag tags topic stars star rating ratings score
    polarity intent y emotion gold output label_id 标签 类别 分类 类目 情感
    """.split()  # noqa: SIM905 - a list of strings would fill a page
_ID_NAMES = ["", "unnamed: 0", "id", "idx", "index", "no", "nr", "number", "row_id", "guid", "uuid", "序号", "编号"]
_SENTENCE = re.compile(r"[.!?。！？，,;；：]|(\S+\s+){4}")
_NUMBER = re.compile(r"[+-]?[\d.,]+")
_LONGEST_NAME = 40
BINARY = [{"0", "1"}, {"0.0", "1.0"}, {"True", "False"}]  # the values of a column that stands for a class
BLANK: tuple[list[str], ...] = ([], [""])  # a blank line; without labels, it is an empty text


class HeaderError(DataError):
    """A header in a file whose columns are given by number."""


class UndecodableHeaderError(DataError):
    """A header that lacks a column and has invalid bytes."""


def is_header(text: str, other_fields: list[str]) -> bool:
    """Whether a row is surely a header: its text field and another field are usual names of columns, in either
    order."""
    words = [*TEXT_NAMES, *LABEL_NAMES]
    return plain(text) in words and any(plain(field) in words for field in other_fields)


def is_numbering(row: list[str]) -> bool:
    """Whether a row is 0, 1, 2, ..., the header that pandas writes for unnamed columns; perhaps after an empty field,
    for the column of row numbers."""
    numbers = [field.strip() for field in row]
    numbers = numbers[1:] if numbers[0] == "" else numbers
    return len(numbers) > 1 and numbers == [str(number) for number in range(len(numbers))]


def looks_quoted(field: str) -> bool:
    """Whether a field is enclosed in double quotes, as in csv."""
    return len(field) > 1 and field[0] == field[-1] == '"'


def header_advice(texts: list[str], label: str | None, row: list[str], options: OptionNames, *, is_quoted: bool) -> str:
    """The message about a header in a file whose columns are given by number. texts, label: its fields in the columns
    of texts and labels. is_quoted: whether fields of a tsv file have quotes around them, which only csv removes."""
    as_csv = ""
    if is_quoted:
        as_csv = f"; its fields are in quotes, as in csv: {options.format}csv"
        texts, row = ([field.strip('"') for field in fields] for fields in (texts, row))
        label = label and label.strip('"')
    if label is None:
        named = [field for field in row if plain(field) in TEXT_NAMES][:1] if len(texts) == 1 else []
        option = _shell_option("--text-column", *(named or texts))
        return f"this row looks like a header; to skip it, pass {option}{as_csv}"
    if plain(texts[0]) in LABEL_NAMES and plain(label) in TEXT_NAMES:
        texts[0], label = label, texts[0]
    shown = ", ".join(map(short, [*texts, label]))
    return (
        f"this looks like a header ({shown}), whose words would become a text and a class: name the columns: "
        f"{_shell_option('--text-column', *texts)} {_shell_option('--label-column', label)}{as_csv}"
    )


def missing_columns(header: list[str], sample: list[list[str]], source: Source, places: dict[Column, int]) -> str:
    """The message about a header that lacks some of the required columns.

    sample: the first rows after the header. places: column -> position, for those that the header has.
    """
    missing = [column for column in source.required_columns if column not in places]
    lacking = f"no column{'s' * (len(missing) > 1)} {' and '.join(map(short, missing))}"
    if missing == [source.weight_column]:
        meant = source.similar_weight_column(header)
        return f"{lacking}; the header is: {quoted(header)}. {meant}Pass --set data.weight_column=NAME"
    lacks_text, lacks_label = not set(source.text_columns).isdisjoint(missing), source.label_column in missing
    if lacks_label and len(classes := _class_columns(header, sample)) > 1:
        listed = ", ".join(map(repr, classes))
        return (
            f"{lacking}; the columns {listed} hold 0 and 1, as one column per class does. textrnn takes one label per "
            f"text, in one column; to keep the first class of each text, with pandas: names = [{listed}]; rows = "
            f"rows[rows[names].any(axis=1)]; rows['label'] = rows[names].idxmax(axis=1)"
        )
    if len(source.text_columns) > 1:
        names = ",".join(["NAME"] * len(source.text_columns))
        remedy = [f"--text-column {names}"] * lacks_text + ["--label-column NAME"] * lacks_label
        return f"{lacking}; the header is: {quoted(header)}. Pass {' '.join(remedy)}"
    if len(header) == 1 and places:
        return f"{lacking}; the only column is {quoted(header)}: add a column of labels"
    if len(header) == 1:
        lacking += f"; the first row has 1 field: {quoted(header)}"
        if lacks_label or any(delimiter in header[0] for delimiter in ";\t|"):
            return (
                f"{lacking}. If another character than a comma, semicolon, tab or | separates the fields, pass "
                f"{source.options.delimiter}CHARACTER"
            )
        return f"{lacking}. Pass {_shell_option('--text-column', header[0])}, or --text-column 0 if it has no header"
    options = ["--text-column"] * lacks_text + ["--label-column"] * lacks_label
    likely = _likely_places(header, sample[0] if sample else header, set(places.values()), lacks_text, lacks_label)
    by_number = " ".join(f"{option} {place}" for option, place in zip(options, likely, strict=True))
    if not (may_be_header(header) or is_numbering(header)):
        return (
            f"{lacking}; the first row does not look like a header: {quoted(header)}. If the file has none, pass the "
            f"numbers of the columns, from 0: {by_number}"
        )
    by_name = " ".join(_shell_option(option, header[place]) for option, place in zip(options, likely, strict=True))
    return f"{lacking}; the header is: {quoted(header)}. Perhaps {by_name}, or, if the file has no header, {by_number}"


def short_row_problem(row: list[str], kind: str, source: Source) -> str | None:
    """The problem of a row that lacks some of the numbered columns; None if it has them all."""
    if len(row) > max(map(int, source.required_columns)):
        return None
    count = len(source.text_columns)
    expected = f"a text in column{'s' * (count > 1)} {' and '.join(map(str, source.text_columns))}"
    remedy = f"--text-column {','.join(['NUMBER'] * count)}"
    if source.labelled:
        expected += f" and a label in column {source.label_column}"
        remedy += " and --label-column NUMBER"
        if source.weight_column is not None:
            expected += f" and a weight in column {source.weight_column}"
            remedy += " and --set data.weight_column=NUMBER"
    if row in BLANK:
        return f"expected {expected} (0-based), found an empty line: remove it"
    if not source.labelled and len(row) == 1:
        remedy = "--text-column 0 if it has no label column"
    return (
        f"expected {expected} (0-based), found {count_of(len(row), 'field')}: {quoted(row)}. Pass {remedy}, or "
        f"{source.options.format}NAME if the file is not {kind}"
    )


def may_be_header(row: list[str]) -> bool:
    """Whether a row may be a header: short different names, none a number or a sentence; some may be empty."""
    names = [field.strip() for field in row if field.strip()]
    return (
        bool(names)
        and len(set(names)) == len(names)
        and all(
            len(name) <= _LONGEST_NAME and not _SENTENCE.search(name) and not _NUMBER.fullmatch(name) for name in names
        )
    )


def _class_columns(header: list[str], sample: list[list[str]]) -> list[str]:
    """The names of the columns that hold both 0 and 1, and nothing else."""
    rows = [row for row in sample if len(row) == len(header)]
    return [name for index, name in enumerate(header) if {row[index].strip() for row in rows} in BINARY]


def _likely_places(
    header: list[str], sample: list[str], known: set[int], lacks_text: bool, lacks_label: bool
) -> list[int]:
    """The likely positions of the text and label columns that are missing: by the names of columns, else the text is
    the longest field of the sample. known: the positions of the columns that the header has."""
    names = list(map(plain, header))
    free = [index for index in range(len(header)) if index not in known] or [0]
    places = []
    if lacks_text:
        lengths = [len(field) for field in sample] + [0] * len(header)
        longest = max(free, key=lambda index: lengths[index])
        places.append(next((index for index in free if names[index] in TEXT_NAMES), longest))
        free = [index for index in free if index not in places] or free
    if lacks_label:
        fallback = next((index for index in free if names[index] not in _ID_NAMES), free[0])
        places.append(next((index for index in free if names[index] in LABEL_NAMES), fallback))
    return places


def plain(name: str) -> str:
    return name.strip().strip("\"'").casefold()


def _shell_option(option: str, *columns: str) -> str:
    """An option and names of columns, quoted for a shell; a name that looks like a number or several names is enclosed
    in double quotes."""
    names = (column.strip() for column in columns)
    name = ",".join(f'"{name}"' if "," in name or name.isdigit() else name for name in names)
    if "'" in name and not set('"$`\\!') & set(name):
        return f'{option} "{name}"'
    is_plain = re.fullmatch(r"[\w.-]+", name)  # also in other scripts, unlike shlex.quote
    return f"{option} {name if is_plain else shlex.quote(name)}"
