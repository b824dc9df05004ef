"""Headers and columns: whether a row is a header, and what to say if it lacks the columns that are asked for."""

from __future__ import annotations

import re
import shlex

from textrnn.errors import DataError, short
from textrnn.reading.records import Column, Columns, OptionNames, count_of, quoted

_TEXT_NAMES = """
    text texts sentence sentence1 review reviews review_body reviewtext content contents document doc body message
    comment comments comment_text title headline tweet question query abstract utterance description news post input
    文本 内容 评论 标题 句子 正文 文章 新闻
    """.split()  # noqa: SIM905 - a list of strings would fill a page
_LABEL_NAMES = """
    label labels class classes category categories cat sentiment target tag tags topic stars star rating ratings score
    polarity intent y emotion gold output label_id 标签 类别 分类 类目 情感
    """.split()  # noqa: SIM905 - a list of strings would fill a page
_ID_NAMES = ["", "unnamed: 0", "id", "idx", "index", "no", "nr", "number", "row_id", "guid", "uuid", "序号", "编号"]
_SENTENCE = re.compile(r"[.!?。！？，,;；：]|(\S+\s+){4}")
_NUMBER = re.compile(r"[+-]?[\d.,]+")
_LONGEST_NAME = 40
BLANK: tuple[list[str], ...] = ([], [""])  # a blank line; without labels, it is an empty text


class HeaderError(DataError):
    """A header in a file whose columns are numbered."""


def is_header(text: str, others: list[str]) -> bool:
    """Whether a row is surely a header: its fields for the text and for something else are words that name columns,
    in either order."""
    words = [*_TEXT_NAMES, *_LABEL_NAMES]
    return _plain(text) in words and any(_plain(other) in words for other in others)


def is_numbering(row: list[str]) -> bool:
    """Whether a row is 0, 1, 2, ..., as pandas writes a header for columns without names; perhaps after an empty field,
    for the column of row numbers."""
    numbers = [field.strip() for field in row]
    numbers = numbers[1:] if numbers[0] == "" else numbers
    return len(numbers) > 1 and numbers == [str(at) for at in range(len(numbers))]


def looks_quoted(field: str) -> bool:
    """Whether a field has the quotes of csv around it."""
    return len(field) > 1 and field[0] == field[-1] == '"'


def _may_be_header(row: list[str]) -> bool:
    """Whether a row may be a header: short different names, none a number or a sentence."""
    names = [field.strip() for field in row]
    return len(set(names)) == len(names) and all(
        len(name) <= _LONGEST_NAME and not _SENTENCE.search(name) and not _NUMBER.fullmatch(name) for name in names
    )


def header_found(texts: list[str], label: str | None, row: list[str], options: OptionNames, *, is_quoted: bool) -> str:
    """What to do about a header where columns are numbered. texts, label: its fields in these columns.
    is_quoted: whether fields of a tsv file have quotes around them, which only csv removes."""
    as_csv = ""
    if is_quoted:
        as_csv = f"; its fields are in quotes, as in csv: {options.format}csv"
        texts, row = ([field.strip('"') for field in fields] for fields in (texts, row))
        label = label and label.strip('"')
    if label is None:
        named = [field for field in row if _plain(field) in _TEXT_NAMES][:1] if len(texts) == 1 else []
        typed = _typed(options.text_column, *(named or texts))
        return f"this looks like a header, which is no text: pass {typed}{as_csv}"
    if _plain(texts[0]) in _LABEL_NAMES and _plain(label) in _TEXT_NAMES:
        texts[0], label = label, texts[0]
    shown = ", ".join(map(short, [*texts, label]))
    return (
        f"this looks like a header ({shown}), whose words would become a text and a class: name the columns: "
        f"{_typed(options.text_column, *texts)} {_typed(options.label_column, label)}{as_csv}"
    )


def missing_columns(
    missing: list[Column], header: list[str], sample: list[list[str]], columns: Columns, known: set[int]
) -> str:
    """What to say of a header without some columns.

    missing: those of `columns` that the header lacks. sample: the first rows after the header. known: places of the
    columns that were found.
    """
    options = columns.options
    of = {"text": options.text_column, "label": options.label_column}
    parts = [part for part, own in (("text", columns.texts), ("label", [columns.label])) if set(own) & set(missing)]
    lacking = f"no column{'s' * (len(missing) > 1)} {' and '.join(map(short, missing))}"
    if "label" in parts and len(classes := _class_columns(header, sample)) > 1:
        return f"{lacking}; {_one_column_per_class(classes)}"
    if len(columns.texts) > 1:
        shape = {"text": ",".join(["NAME"] * len(columns.texts)), "label": "NAME"}
        remedy = " ".join(of[part] + shape[part] for part in parts)
        return f"{lacking}; the header is: {quoted(header)}. Pass {remedy}"
    if len(header) == 1:
        return _of_one_field(lacking, header, parts, options, found_text=bool(known))
    places = _likely_places(parts, header, sample[0] if sample else header, known)
    numbers = " ".join(f"{of[part]}{places[part]}" for part in parts)
    if not (_may_be_header(header) or is_numbering(header)):
        return (
            f"{lacking}; the first row does not look like a header: {quoted(header)}. If the file has none, pass the "
            f"numbers of the columns, from 0: {numbers}"
        )
    by_name = " ".join(_typed(of[part], header[places[part]]) for part in parts)
    return f"{lacking}; the header is: {quoted(header)}. Perhaps {by_name}, or, if the file has no header, {numbers}"


def lacking_columns(row: list[str], kind: str, columns: Columns) -> str | None:
    """What a row without some of the numbered columns should have; None if it has them."""
    if len(row) > max(map(int, columns.required)):
        return None
    options, count = columns.options, len(columns.texts)
    expected = f"a text in column{'s' * (count > 1)} {' and '.join(map(str, columns.texts))}"
    to_set = options.text_column + ",".join(["NUMBER"] * count)
    if columns.labelled:
        expected += f" and a label in column {columns.label}"
        to_set += f" and {options.label_column}NUMBER"
    if row in BLANK:
        return f"expected {expected} (0-based), found an empty line: remove it"
    if not columns.labelled and len(row) == 1:
        to_set = f"{options.text_column}0 if it has no label column"
    return (
        f"expected {expected} (0-based), found {count_of(len(row), 'field')}: {quoted(row)}. Pass {to_set}, or "
        f"{options.format}NAME if the file is not {kind}"
    )


def _of_one_field(
    lacking: str, header: list[str], missing: list[str], options: OptionNames, *, found_text: bool
) -> str:
    if found_text:
        return f"{lacking}; the only column is {quoted(header)}: add a column of labels"
    said = f"{lacking}; the first row has {count_of(len(header), 'field')}: {quoted(header)}"
    if "label" in missing or any(delimiter in header[0] for delimiter in ";\t|"):
        return (
            f"{said}. If another character than a comma, semicolon, tab or | separates the fields, pass "
            f"{options.delimiter}CHARACTER"
        )
    return f"{said}. Pass {_typed(options.text_column, header[0])}, or {options.text_column}0 if it has no header"


def _class_columns(header: list[str], sample: list[list[str]]) -> list[str]:
    """The names of the columns that hold nothing but 0 and 1, and both of them."""
    whole = [row for row in sample if len(row) == len(header)]
    values = [{row[at].strip() for row in whole} for at in range(len(header))]
    ones = [{"0", "1"}, {"0.0", "1.0"}, {"True", "False"}]
    return [name for name, found in zip(header, values, strict=True) if found in ones]


def _one_column_per_class(names: list[str]) -> str:
    listed = ", ".join(map(repr, names))
    return (
        f"the columns {listed} hold 0 and 1, as one column per class does. textrnn takes one label per text, in one "
        f"column; to keep the first class of each text, with pandas: names = [{listed}]; rows = "
        f"rows[rows[names].any(axis=1)]; rows['label'] = rows[names].idxmax(axis=1)"
    )


def _likely_places(missing: list[str], header: list[str], sample: list[str], known: set[int]) -> dict[str, int]:
    """Where text and labels seem to be: by the names of columns, else the text is the longest field of the sample."""
    plain = [_plain(name) for name in header]
    free = [at for at in range(len(header)) if at not in known] or [0]
    lengths = [len(field) for field in sample] + [0] * len(header)
    places = {}
    if "text" in missing:
        longest = max(free, key=lambda at: lengths[at])
        places["text"] = next((at for at in free if plain[at] in _TEXT_NAMES), longest)
        free = [at for at in free if at != places["text"]] or free
    other = next((at for at in free if plain[at] not in _ID_NAMES), free[0])
    places["label"] = next((at for at in free if plain[at] in _LABEL_NAMES), other)
    return places


def _plain(name: str) -> str:
    return name.strip().strip("\"'").casefold()


def _typed(option: str, *columns: str) -> str:
    """An option with names of columns as they are typed in a shell; a name that could be a number, or several names, is
    in double quotes."""
    names = (column.strip() for column in columns)
    name = ",".join(f'"{name}"' if "," in name or name.isdigit() else name for name in names)
    if "'" in name and not set('"$`\\!') & set(name):
        return f'{option}"{name}"'
    return option + (name if re.fullmatch(r"[\w.-]+", name) else shlex.quote(name))
