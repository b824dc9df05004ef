"""`textrnn check`: faults are found, counted and shown where they are, and severe ones are told apart."""

from __future__ import annotations

import csv
import gzip
import os
import re
from pathlib import Path
from random import Random

import pytest
from wcwidth import wcswidth

import textrnn.commands.check as check
from tests.commands.bad_inputs import check_refused, put
from tests.conftest import DATASETS, TINY, Cli, make_rows, needs_datasets, sets
from textrnn.checking import copies

ROWS = make_rows(60)


def tsv(rows: list[tuple[str, str]]) -> str:
    return "".join(f"{label}\t{text}\n" for label, text in rows)


def checked(cli: Cli, *options: str, code: int = 0) -> str:
    """What it prints, without line breaks inside findings."""
    result = cli("check", "--data", "t.tsv", *options)
    assert result.code == code, result.err
    assert result.out
    for line in result.out.splitlines():
        assert wcswidth(line) <= 80, line
    return re.sub(r"\n +", " ", result.out)


def severe(report: str) -> str:
    return report.partition("SEVERE")[2].partition("ALSO FOUND")[0]


def test_data_without_faults_is_described_and_nothing_is_severe(cli: Cli) -> None:
    put({"t.tsv": tsv(ROWS), "u.tsv": tsv(make_rows(24, seed=1))})
    report = checked(cli, "--strict", *sets("data.test=u.tsv", "vocab.min_count=1"))
    rows = [line.split() for line in report.splitlines()]
    assert rows[1][:3] == ["train", "60", "0"]
    assert rows[2][:3] == ["test", "24", "0"]
    assert ["sport", "20", "8", "33.3"] in rows
    assert "SEVERE" not in report


def test_strict_ends_with_1_after_the_whole_report(cli: Cli) -> None:
    put({"t.tsv": tsv([*ROWS, ("food", "one"), ("sport", "one")])})
    report = checked(cli)
    assert checked(cli, "--strict", code=1) == report
    assert cli("check", "--data", "t.tsv", "--strict").err == "error: 1 severe finding (--strict)\n"
    assert "with different labels (2 rows)" in severe(report)
    assert "'one': 'food' at t.tsv:61, 'sport' at t.tsv:62" in severe(report)


# (rows beside ROWS, what is said, whether it is severe)
FAULTS = {
    "no class has two texts": ([("zoo", "a lion")], "label 'zoo' has a single training text", True),
    "small class": ([("zoo", "a lion"), ("zoo", "a bear")], "1 class has fewer than 10 training texts", True),
    "labels alike": ([("Food", f"an oven {n}") for n in range(12)], "'Food' (12 training texts), 'food' (20)", True),
    "empty": ([("food", ""), ("sport", " ")], "2 train texts have no tokens", True),
    "case and points": (
        [("food", ROWS[0][1].upper() + "!")],
        f"1 of 61 train texts (0 exactly) t.tsv:61 and t.tsv:1: {ROWS[0][1].upper() + '!'!r}", False,
    ),
    "repeated": ([ROWS[0]], "1 of 61 train texts (1 exactly) t.tsv:61 and t.tsv:1", False),
    "utf-8 as latin-1": ([("food", "a cafÃ© here")], "t.tsv:61: 'a cafÃ© here'", True),
    "utf-8 as windows-1252": ([("food", "itâ€™s late")], "t.tsv:61: 'itâ€™s late'", True),
    "utf-8 as gbk": (
        [("food", "我们今天去吃饭吧".encode().decode("gb18030"))], "1 of 61 train texts hold UTF-8", True
    ),
    "lost characters": ([("food", "caf\ufffd")], "1 of 61 train texts hold U+FFFD", True),
    "markup": ([("food", "soup<br />bread &amp; oven")], "t.tsv:61: 'soup<br />bread &amp; ov'", False),
    "control": ([("food", "soup \x96 bread")], "t.tsv:61: 'soup \\x96 bread'", False),
    "invisible": ([("food", "\ufeffsoup")], "1 of 61 train texts hold invisible characters", False),
    "escapes": ([("food", "soup\\nbread")], "t.tsv:61: 'soup\\\\nbread'", False),
    "leak": ([("zoo", f"zoo{n} id77 {n}") for n in range(20)], "'id77' is in 100 % of the texts of 'zoo'", True),
}  # fmt: skip


@pytest.mark.parametrize(("rows", "said", "is_severe"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_found(rows: list[tuple[str, str]], said: str, is_severe: bool, cli: Cli) -> None:
    put({"t.tsv": tsv(ROWS)})
    assert said not in checked(cli)
    put({"t.tsv": tsv([*ROWS, *rows])})
    report = checked(cli)
    assert said in report
    assert (said in severe(report)) == is_severe


def test_a_leak_in_a_script_without_spaces_is_found_after_much_english(cli: Cli) -> None:
    random = Random(0)
    english = [("zoo", " ".join(random.choices(["oven", "map", "goal", "coach", "soup"], k=3))) for _ in range(1000)]
    chinese = [(label, "".join(random.choices("天地人山水火木土金", k=20))) for label in ("甲", "乙") * 300]
    put({"t.tsv": tsv(english + [(label, text + "编号" * (label == "甲") + text[:5]) for label, text in chinese])})
    assert "号' is in 100 % of the texts of '甲'" in severe(checked(cli))


def test_harmless_characters_are_not_told(cli: Cli) -> None:
    texts = [
        "São Paulo à la carte",
        "10 °C",
        "什么双十一呀",
        "要什么没什么",
        "a < b > c",
        "<Political Atheists?>",
        "R&D; AT&T",
        "C:\\new",
        "naïve",
    ]
    put({"t.tsv": tsv([*ROWS, *(("food", text) for text in texts)])})
    assert "characters:" not in checked(cli)


@pytest.mark.parametrize(("count", "is_severe"), [(2, False), (3, True)])
def test_texts_of_train_in_test_are_severe_from_one_in_a_hundred(count: int, is_severe: bool, cli: Cli) -> None:
    test = [*ROWS[:count], *((label, f"{text} x{n}") for n, (label, text) in enumerate(make_rows(200, seed=9)[count:]))]
    put({"t.tsv": tsv(ROWS), "u.tsv": tsv(test)})
    report = checked(cli, *sets("data.test=u.tsv"))
    said = f"{count} of 200 test texts also occur in train: test scores are inflated u.tsv:1 and t.tsv:1: "
    assert said in report
    assert (said in severe(report)) == is_severe


def test_nearly_equal_texts_of_test_are_shown_beside_those_of_train(cli: Cli) -> None:
    long = "we saw a late match and then the coach told the whole team about the league and its final goal"
    put({"t.tsv": tsv([*ROWS, ("sport", long)]), "u.tsv": tsv([("sport", long.replace("late", "good")), *ROWS[:0]])})
    report = checked(cli, *sets("data.test=u.tsv"))
    assert "1 of 1 test texts are nearly equal to one of train" in severe(report)
    assert "u.tsv:1 and t.tsv:61: 'we saw a good match" in report


def noisy_rows() -> tuple[list[tuple[str, str]], set[int]]:
    """300 rows, and the numbers of six lines with a wrong label."""
    rows = make_rows(300)
    lines = {10, 50, 101, 150, 222, 290}
    for line in lines:
        label, text = rows[line - 1]
        rows[line - 1] = ({"food": "sport", "sport": "travel", "travel": "food"}[label], text)
    return rows, lines


@pytest.mark.parametrize("suffix", ["tsv", "csv"])
def test_wrong_labels_come_first_in_a_file_that_is_input_again(suffix: str, cli: Cli) -> None:
    rows, lines = noisy_rows()
    put({"t.tsv": tsv(rows)})
    report = checked(cli, "--output", f"s.{suffix}")
    table = Path(f"s.{suffix}").read_text().splitlines()
    separator = "\t" if suffix == "tsv" else ","
    assert table[0].split(separator) == ["label", "text", "suggested", "confidence", "where", "split", "row"]
    first = [row.split(separator) for row in table[1:]]
    assert {int(row[4].removeprefix("t.tsv:")) for row in first[:4]} == {
        10,
        50,
        101,
        222,
    }  # the others have few words of their class
    assert lines <= {int(row[4].removeprefix("t.tsv:")) for row in first} and len(first) < 30
    for label, text, suggested, confidence, where, split, row_number in first:
        line = int(where.partition(":")[2])
        assert (split, int(row_number)) == ("train", line)
        assert (label, text) == rows[line - 1]
        assert line not in lines or line == 290 or suggested == make_rows(300)[line - 1][0]
        assert 0 <= float(confidence) < 0.5
    confidences = [float(row.split(separator)[3]) for row in table[1:]]
    assert confidences == sorted(confidences)
    assert f"s.{suffix}: {len(table) - 1} texts for which another label is likelier" in report.replace("\n", " ")
    options = sets("data.text_column=text", "data.label_column=label") if suffix == "tsv" else []
    again = cli("vocab", "--data", f"s.{suffix}", *options)
    assert again.code == 0, again.err
    assert f"train: {len(table) - 1} texts" in cli("vocab", "--data", f"s.{suffix}", *options,
                                                   *sets("data.dev_fraction=0")).out  # fmt: skip


def test_the_same_is_found_again(cli: Cli) -> None:
    put({"t.tsv": tsv(noisy_rows()[0])})
    assert checked(cli, "--output", "a.tsv").replace("a.tsv", "b.tsv") == checked(cli, "--output", "b.tsv")
    assert Path("a.tsv").read_bytes() == Path("b.tsv").read_bytes()


def test_train_tells_the_severe_ones_in_a_line_each(cli: Cli) -> None:
    leak = [("zoo", f"zoo{n} id77 {n}") for n in range(20)]
    put({"t.tsv": tsv([*ROWS, *leak, ("food", "a cafÃ© here"), ("food", "soup<br />bread")])})
    result = cli("train", "--data", "t.tsv", *TINY, *sets("train.epochs=1"))
    assert result.code == 0, result.err
    assert [line for line in result.err.splitlines() if line.startswith("warning: ")] == [
        "warning: 1 of 82 train texts hold UTF-8 that was decoded in another encoding, such as `Ã©` for `é`: decode "
        "the original again: a file in UTF-8 needs no data.encoding",
        "warning: 'id77' is in 100 % of the texts of 'zoo' and in hardly any other: it alone tells the class: remove "
        "it, unless it will be in new texts just as often",
    ]


REFUSED = {
    "a single class": (
        {"t.tsv": "food\tsoup\nfood\tbread\n"}, [],
        "t.tsv: expected two or more classes, but every text has the label 'food'; is "
        "the column of labels the right one (--label-column)?",
    ),
    "dev without train": (
        {"t.tsv": "", "u.tsv": tsv(ROWS)}, sets("data.dev=u.tsv"), "t.tsv: no labelled texts in it",
    ),
    "unwritable": (
        {"t.tsv": tsv(ROWS)}, ["--output", "no/such/s.tsv"],
        "{here}/no/such/s.tsv: cannot be written: No such file or directory",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("files", "options", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_checked_is_one_message(
    files: dict[str, str], options: list[str], message: str, cli: Cli
) -> None:
    message = message.replace("{here}/", "")
    check_refused(cli, "check", files, ["--data", "t.tsv", *options], (message,))


def test_dev_without_train_is_wrong_usage(cli: Cli) -> None:
    put({"u.tsv": tsv(ROWS)})
    result = cli("check", *sets("data.dev=u.tsv"))
    assert (result.code, result.out) == (2, "")
    assert "give --config FILE, or --data FILE" in result.err


ODD = {
    "two rows": ("food\tsoup\nsport\tgoal\n", "wrong labels were not looked for: 2 training texts are too few"),
    "all texts equal": ("food\tsoup\nsport\tsoup\n" * 20, "1 text occurs in the training data with different labels"),
    "many empty texts": (tsv(ROWS) + "food\t\nsport\t\n" * 20, "40 train texts have no tokens"),
    "no test file": (tsv(ROWS), "there is no test file"),
    "long labels": (tsv([("x" * 200, text) if label == "food" else (label, text) for label, text in ROWS]),
                    "x" * 39 + "… 20"),
    "right to left": (tsv([*ROWS, ("רכב", "שלום עולם"), ("רכב", "מכונית חדשה")]), "רכב"),
    "120 classes": (tsv([(f"c{n % 120}", f"text w{n % 120} {n}") for n in range(480)]), "... 100 more ..."),
    "300 classes": (tsv([(f"c{n % 300}", f"text w{n % 300} {n}") for n in range(900)]),
                    "wrong labels were not looked for: 300 classes are more than 200"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "said"), ODD.values(), ids=ODD)
def test_odd_data_is_reported(content: str, said: str, cli: Cli) -> None:
    put({"t.tsv": content})
    assert said in re.sub(r"\s+", " ", checked(cli))


def test_mail_headers_are_told(cli: Cli) -> None:
    put({f"d/{label}/{n}": f"From: a{n}@b.org\nSubject: {text}\n\n{text}\n" for n, (label, text) in enumerate(ROWS)})
    result = cli("check", "--data", "d")
    assert result.code == 0, result.err
    assert "60 of 60 train texts begin with headers of mails or news" in re.sub(r"\s+", " ", result.out)


def test_a_file_that_is_checked_is_not_overwritten(cli: Cli) -> None:
    put({"t.tsv": tsv(ROWS)})
    result = cli("check", "--data", "t.tsv", "--output", "t.tsv")
    assert result.code == 2
    assert "--output t.tsv: would replace what is read from t.tsv; name another" in result.err
    assert Path("t.tsv").read_text(encoding="utf-8") == tsv(ROWS)


def test_a_file_that_cannot_be_written_is_told_before_the_work(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    put({"t.tsv": tsv(ROWS)})
    monkeypatch.setattr(check, "read_data", lambda *_: pytest.fail("the data was read"))
    result = cli("check", "--data", "t.tsv", "--output", "none/s.tsv")
    assert (result.code, result.err) == (1, "error: none/s.tsv: cannot be written: No such file or directory\n")


def test_copies_of_a_part_of_train_are_judged_as_if_of_all(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [(label, f"{text} and some more words of {number}") for number, (label, text) in enumerate(make_rows(300))]
    put({"t.tsv": tsv(rows), "e.tsv": tsv([(label, f"{text}!!") for label, text in rows[::10]])})
    monkeypatch.setattr(check, "MOST_ROWS", 100)
    report = re.sub(r"\s+", " ", checked(cli, "--set", "data.test=e.tsv"))
    found = re.search(r"at least (\d+) of [\d,]+ test texts are nearly equal to one of train", report)
    assert found and int(found[1]) < 30


def test_a_limit_of_compared_pairs_is_told(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [("food", f"one long text about an oven and the bread of the day{'!x' * n}") for n in range(5)]
    put({"t.tsv": tsv([*ROWS, *rows])})
    said = "of their split, or of dev: at least "
    assert said not in checked(cli)
    monkeypatch.setattr(copies, "_MOST_COMPARED", 2)
    assert said in checked(cli)


def csv_rows(path: str) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_suspects_of_each_split_have_their_row_and_with_keep_the_other_columns(cli: Cli) -> None:
    rows, lines = noisy_rows()
    more = make_rows(60, seed=3)
    more[9] = ("sport" if more[9][0] != "sport" else "food", more[9][1])
    for name, some in (("t.csv", rows), ("u.csv", more)):
        with open(name, "w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(["id", "text", "label", "split"])
            writer.writerows((f"{name} {n}", f"{text}\nmore", label, "mine") for n, (label, text) in enumerate(some, 1))
    options = ["check", "--data", "t.csv", "--output", "s.csv", *sets("data.test=u.csv")]
    result = cli(*options)
    assert result.code == 0, result.err
    table = csv_rows("s.csv")
    assert list(table[0]) == ["label", "text", "suggested", "confidence", "where", "split", "row"]
    assert {row["split"] for row in table} == {"train", "test"}
    assert lines <= {int(row["row"]) for row in table if row["split"] == "train"}
    assert ("test", "10", "u.csv:20") in {(row["split"], row["row"], row["where"]) for row in table}  # 2 lines a row
    assert cli(*options, "--keep").code == 0
    kept = csv_rows("s.csv")
    assert [{key: row[key] for key in table[0]} for row in kept] == table
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


# (format, header, a row of label and text)
LINES = {
    "tsv": (b"", lambda label, text: f"{label}\t{text}\n".encode()),
    "csv": (b"\xef\xbb\xbfid;text;label\r\n", lambda label, text: f'7;"{text}\n";{label}\r\n'.encode()),
    "jsonl": (b"", lambda label, text: f'{{"id": 7,  "text": "{text}", "label": "{label}"}}\n'.encode()),
    "txt": (b"", lambda label, text: f"__label__{label}  {text}\n".encode()),
}  # fmt: skip


@pytest.mark.parametrize("suffix", LINES)
@pytest.mark.parametrize("packed", ["", ".gz"])
def test_a_cleaned_file_has_the_bytes_of_the_rows_that_stay(suffix: str, packed: str, cli: Cli) -> None:
    header, line = LINES[suffix]
    rows = [line(label, text) for label, text in ROWS]
    both = [line("food", "two labels"), line("sport", "two labels"), line("food", "two labels")]
    out = [line("food", " "), rows[3], line("travel", "of test"), line("food", f" {ROWS[0][1]} ")]
    content = header + b"".join([*rows[:30], *out[:2], *both, *rows[30:], *out[2:]])
    Path(f"t.{suffix}{packed}").write_bytes(gzip.compress(content) if packed else content)
    Path("u.tsv").write_text(tsv([("sport", "of test"), ("food", "none"), ("travel", "of these")]))
    Path(f"u.{suffix}").write_bytes(header + line("sport", "of test") + line("food", "none") + line("travel", "others"))
    options = sets(f"data.test=u.{suffix}")
    result = cli("check", "--data", f"t.{suffix}{packed}", "--clean", f"c.{suffix}", *options)
    assert result.code == 0, result.err
    assert Path(f"c.{suffix}").read_bytes() == header + b"".join([*rows[:30], *both, *rows[30:]])
    report = re.sub(r"\s+", " ", result.out)
    assert f"c.{suffix}: 63 of 67 training rows; taken out: 1 empty, 2 repeated, 1 in test" in report
    per_row, first = (2, 2) if suffix == "csv" else (1, 1)
    place = f"t.{suffix}{packed}:{{}}".format
    empty, repeated, of = (first + per_row * at for at in (30, 31, 3))
    assert f"{place(empty)} (empty), {place(repeated)} (repeats line {of})" in report
    assert f"3 copies with different labels are all kept: {place(first + per_row * 32)}, " in report
    assert cli("check", "--data", f"t.{suffix}{packed}", "--clean", f"d.{suffix}.gz", *options).code == 0
    assert gzip.decompress(Path(f"d.{suffix}.gz").read_bytes()) == Path(f"c.{suffix}").read_bytes()


def test_bad_rows_that_are_skipped_are_taken_out_and_a_last_line_may_have_no_end(cli: Cli) -> None:
    put({"t.tsv": tsv(ROWS[:5]) + "no tab\n" + tsv(ROWS[5:]).removesuffix("\n")})
    assert cli("check", "--data", "t.tsv", "--clean", "c.tsv").code == 1
    assert not Path("c.tsv").exists()
    result = cli("check", "--data", "t.tsv", "--clean", "c.tsv", *sets("data.bad_rows=skip"))
    assert result.code == 0, result.err
    assert Path("c.tsv").read_text() == tsv(ROWS).removesuffix("\n")
    assert "60 of 61 training rows; taken out: 1 skipped" in re.sub(r"\s+", " ", result.out)


def test_lines_that_cannot_be_decoded_are_taken_out_where_bad_rows_are_skipped(cli: Cli) -> None:
    bad = "food\tsalé\n".encode("latin-1")
    Path("t.tsv").write_bytes(tsv(ROWS[:5]).encode() + bad + tsv(ROWS[5:]).encode())
    result = cli("check", "--data", "t.tsv", "--clean", "c.tsv", *sets("data.bad_rows=skip"))
    assert result.code == 0, result.err
    assert Path("c.tsv").read_text() == tsv(ROWS)


def test_rows_that_are_taken_out_are_listed_to_a_limit(cli: Cli) -> None:
    put({"t.tsv": tsv([*ROWS, *ROWS])})
    report = re.sub(r"\s+", " ", cli("check", "--data", "t.tsv", "--clean", "c.tsv").out)
    assert report.count("(repeats line ") == 20 and "and 40 more" in report


NOT_CLEANED = {
    "two files": (["t.tsv", "u.tsv"], "--clean: expected one training file, found 2; clean them one at a time"),
    "a folder": (["d"], "--clean: expected a training file, found the folder d: remove its files by hand"),
}


@pytest.mark.parametrize(("data", "message"), NOT_CLEANED.values(), ids=NOT_CLEANED)
def test_what_is_not_one_file_is_not_cleaned(data: list[str], message: str, cli: Cli) -> None:
    put({"t.tsv": tsv(ROWS), "u.tsv": tsv(make_rows(30, seed=4)), "d/food/1": "soup", "d/sport/1": "goal"})
    result = cli("check", "--set", f"data.train=[{', '.join(data)}]", "--clean", "c.tsv")
    assert (result.code, result.err) == (1, f"error: {message}\n")
    assert not Path("c.tsv").exists()


def test_utf16_is_not_cleaned(cli: Cli) -> None:
    Path("t.tsv").write_text(tsv(ROWS), encoding="utf-16")
    result = cli("check", "--data", "t.tsv", "--clean", "c.tsv", *sets("data.encoding=utf-16"))
    assert result.code == 1 and "convert it to utf-8" in result.err


@pytest.mark.parametrize("output", ["t.tsv", "link.tsv", "s.tsv"])
def test_cleaning_overwrites_no_input_and_no_other_output(output: str, cli: Cli) -> None:
    put({"t.tsv": tsv(ROWS)})
    Path("link.tsv").symlink_to("t.tsv")
    result = cli("check", "--data", "t.tsv", "--output", "s.tsv", "--clean", output)
    assert result.code == 2 and f"--clean {output}: " in result.err
    assert Path("t.tsv").read_text() == tsv(ROWS)


@needs_datasets
def test_known_faults_of_a_real_corpus_are_found(cli: Cli) -> None:
    folder = f"{DATASETS}/thucnews_titles"
    files = [f"data.dev={folder}/dev.txt", f"data.test={folder}/test.txt", f"data.label_names={folder}/class.txt"]
    columns = ["data.text_column=0", "data.label_column=1"]
    result = cli("check", "--data", f"{folder}/train.txt", *sets(*files, *columns))
    assert result.code == 0, result.err
    report = re.sub(r"\s+", " ", result.out)
    for known in (
        "2 texts occur in the training data with different labels (4 rows)",
        "40 of 10,000 dev texts also occur in train",
        "36 of 10,000 test texts also occur in train",
        "33 of 10,000 dev texts, 27 of 10,000 test texts hold U+FFFD",
        "of 33,590 train texts (62 exactly)",
    ):
        assert known in report
