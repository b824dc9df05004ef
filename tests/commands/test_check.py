"""`textrnn check`: faults are found, counted and shown with their places, and severe ones come first."""

from __future__ import annotations

import re
from random import Random

import pytest

import textrnn.commands.check as check
from tests.checking.reports import ROWS, checked, severe, tsv, warned
from tests.commands.bad_inputs import check_refused, put
from tests.conftest import DATASETS, TINY, Cli, make_rows, needs_datasets, sets
from textrnn.checking import copies


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


def test_bad_rows_are_listed_and_the_others_are_checked(cli: Cli) -> None:
    put({"t.tsv": tsv(ROWS[:30]) + "no tab\nnone here\n\n" + tsv(ROWS[30:])})
    assert cli("train", "--data", "t.tsv").err.count("\n") == 1
    report = checked(cli)
    for place in ("t.tsv:31: expected 2 fields, found 1: 'no tab'", "t.tsv:32: ", "t.tsv:33: "):
        assert place in severe(report)
    assert "data.bad_rows=skip: `train` stops at the first one" in severe(report)
    assert "data.bad_rows" not in checked(cli, *sets("data.bad_rows=skip"))
    put({"t.tsv": "\tno label\n\tnone here\n"})
    result = cli("check", "--data", "t.tsv")
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("error: t.tsv:1: ") and result.err == cli("vocab", "--data", "t.tsv").err


def test_texts_without_a_token_are_counted_where_training_leaves_them_out(cli: Cli) -> None:
    put({"t.tsv": tsv([*ROWS, ("food", ""), ("sport", " ")]), "u.tsv": tsv([*ROWS[:9], ("food", "")])})
    for option, texts in (("skip", "60"), ("keep", "62")):
        rows = [
            line.split() for line in checked(cli, *sets("data.test=u.tsv", f"data.empty_texts={option}")).split("\n")
        ]
        assert [row[:3] for row in rows[1:3]] == [["train", texts, "2"], ["test", "10", "1"]]


# (rows beside ROWS, what is reported, whether it is severe)
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
    "leak": ([("zoo", f"zoo{n} id77 {n}") for n in range(20)], "'id77' occurs in 100 % of the texts of 'zoo'", True),
}  # fmt: skip


@pytest.mark.parametrize(("rows", "reported", "is_severe"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_found(rows: list[tuple[str, str]], reported: str, is_severe: bool, cli: Cli) -> None:
    put({"t.tsv": tsv(ROWS)})
    assert reported not in checked(cli)
    put({"t.tsv": tsv([*ROWS, *rows])})
    report = checked(cli)
    assert reported in report
    assert (reported in severe(report)) == is_severe


def test_a_leak_in_a_script_without_spaces_is_found_after_much_english(cli: Cli) -> None:
    random = Random(0)
    english = [("zoo", " ".join(random.choices(["oven", "map", "goal", "coach", "soup"], k=3))) for _ in range(1000)]
    chinese = [(label, "".join(random.choices("天地人山水火木土金", k=20))) for label in ("甲", "乙") * 300]
    put({"t.tsv": tsv(english + [(label, text + "编号" * (label == "甲") + text[:5]) for label, text in chinese])})
    assert "号' occurs in 100 % of the texts of '甲'" in severe(checked(cli))


def test_harmless_characters_are_not_reported(cli: Cli) -> None:
    texts = ["São Paulo à la carte", "10 °C", "什么双十一呀", "要什么没什么", "naïve"]
    texts += ["a < b > c", "<Political Atheists?>", "R&D; AT&T", "C:\\new"]
    put({"t.tsv": tsv([*ROWS, *(("food", text) for text in texts)])})
    assert "characters:" not in checked(cli)


@pytest.mark.parametrize(("count", "is_severe"), [(2, False), (3, True)])
def test_texts_of_train_in_test_are_severe_from_one_in_a_hundred(count: int, is_severe: bool, cli: Cli) -> None:
    test = [*ROWS[:count], *((label, f"{text} x{n}") for n, (label, text) in enumerate(make_rows(200, seed=9)[count:]))]
    put({"t.tsv": tsv(ROWS), "u.tsv": tsv(test)})
    report = checked(cli, *sets("data.test=u.tsv"))
    reported = f"{count} of 200 test texts also occur in train: test scores are inflated u.tsv:1 and t.tsv:1: "
    assert reported in report
    assert (reported in severe(report)) == is_severe


def test_nearly_equal_texts_of_test_are_shown_beside_those_of_train(cli: Cli) -> None:
    long = "we saw a late match and then the coach told the whole team about the league and its final goal"
    put({"t.tsv": tsv([*ROWS, ("sport", long)]), "u.tsv": tsv([("sport", long.replace("late", "good")), *ROWS[:0]])})
    report = checked(cli, *sets("data.test=u.tsv"))
    assert "1 of 1 test texts are nearly equal to one of train" in severe(report)
    assert "u.tsv:1 and t.tsv:61: 'we saw a good match" in report


def test_train_reports_the_severe_ones_in_a_line_each(cli: Cli) -> None:
    leak = [("zoo", f"zoo{n} id77 {n}") for n in range(20)]
    put({"t.tsv": tsv([*ROWS, *leak, ("food", "a cafÃ© here"), ("food", "soup<br />bread")])})
    assert warned(cli("train", "--data", "t.tsv", *TINY, *sets("train.epochs=1"))) == [
        "1 of 82 train texts hold UTF-8 that was decoded in another encoding, such as `Ã©` for `é`: decode the "
        "original again: a file in UTF-8 needs no data.encoding",
        "'id77' occurs in 100 % of the texts of 'zoo' and almost nowhere else, so it gives the class away: remove it, "
        "unless new texts will contain it equally often",
    ]


SINGLE_CLASS = (
    "t.tsv: expected two or more classes, but every text has the label 'food'; is the column of labels the right one "
    "(--label-column)?"
)


@pytest.mark.parametrize(
    ("content", "message"), [("food\tsoup\nfood\tbread\n", SINGLE_CLASS), ("", "t.tsv: contains no labelled texts")]
)
def test_what_cannot_be_checked_is_one_message(content: str, message: str, cli: Cli) -> None:
    files = {"t.tsv": content, "u.tsv": tsv(ROWS)}
    check_refused(cli, "check", files, ["--data", "t.tsv", *sets("data.dev=u.tsv")], (message,))


def test_dev_without_train_is_wrong_usage(cli: Cli) -> None:
    put({"u.tsv": tsv(ROWS)})
    result = cli("check", *sets("data.dev=u.tsv"))
    assert (result.code, result.out) == (2, "")
    assert "give --config FILE, or --data FILE" in result.err


ODD = {
    "two rows": ("food\tsoup\nsport\tgoal\n", "wrong labels were not searched for: 2 training texts are too few"),
    "all texts equal": ("food\tsoup\nsport\tsoup\n" * 20, "1 text occurs in the training data with different labels"),
    "no test file": (tsv(ROWS), "there is no test file"),
    "long labels": (tsv([("x" * 200, text) if label == "food" else (label, text) for label, text in ROWS]),
                    "x" * 39 + "… 20"),
    "right to left": (tsv([*ROWS, ("רכב", "שלום עולם"), ("רכב", "מכונית חדשה")]), "רכב"),
    "120 classes": (tsv([(f"c{n % 120}", f"text w{n % 120} {n}") for n in range(480)]), "... 100 more ..."),
    "300 classes": (tsv([(f"c{n % 300}", f"text w{n % 300} {n}") for n in range(900)]),
                    "wrong labels were not searched for: 300 classes are more than 200"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "reported"), ODD.values(), ids=ODD)
def test_odd_data_is_reported(content: str, reported: str, cli: Cli) -> None:
    put({"t.tsv": content})
    assert reported in re.sub(r"\s+", " ", checked(cli))


def test_mail_headers_are_reported(cli: Cli) -> None:
    put({f"d/{label}/{n}": f"From: a{n}@b.org\nSubject: {text}\n\n{text}\n" for n, (label, text) in enumerate(ROWS)})
    assert "60 of 60 train texts begin with headers of mails or news" in checked(cli, data="d")


def test_a_file_that_cannot_be_written_is_reported_before_the_work(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_a_limit_of_compared_pairs_is_reported(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [("food", f"one long text about an oven and the bread of the day{'!x' * n}") for n in range(5)]
    put({"t.tsv": tsv([*ROWS, *rows])})
    reported = "of their split, or of dev: at least "
    assert reported not in checked(cli)
    monkeypatch.setattr(copies, "_MOST_COMPARED", 2)
    assert reported in checked(cli)


@needs_datasets
def test_known_faults_of_a_real_corpus_are_found(cli: Cli) -> None:
    folder = f"{DATASETS}/thucnews_titles"
    files = [f"data.dev={folder}/dev.txt", f"data.test={folder}/test.txt", f"data.label_names={folder}/class.txt"]
    columns = ["data.text_column=0", "data.label_column=1"]
    report = checked(cli, *sets(*files, *columns), data=f"{folder}/train.txt")
    for known in (
        "2 texts occur in the training data with different labels (4 rows)",
        "40 of 10,000 dev texts also occur in train",
        "36 of 10,000 test texts also occur in train",
        "33 of 10,000 dev texts, 27 of 10,000 test texts hold U+FFFD",
        "of 33,590 train texts (62 exactly)",
    ):
        assert known in report
