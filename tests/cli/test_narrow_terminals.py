"""In a terminal of 80 columns nothing wraps that is read by column; pipes and files hold everything."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from wcwidth import wcswidth

from tests.conftest import TINY, Cli, make_rows, sets, write_tsv
from tests.terminal import in_terminal, lines_of

HEADING = "Confusion matrix (rows: true, columns: predicted)"
PAIRS_HEADING = "too wide for this terminal; its most confused pairs:"


def test_the_line_per_epoch_is_short_and_its_full_record_is_in_the_log(cli: Cli, train_file: Path) -> None:
    result = cli("train", "--data", "train.tsv", *TINY)
    lines = [line for line in result.err.splitlines() if line.startswith("epoch ")]
    assert len(lines) == 2
    for number, line in enumerate(lines, start=1):
        assert len(line) <= 79
        assert re.fullmatch(
            rf"epoch {number}/2: loss \d\.\d{{3}}, dev loss \d\.\d{{3}}, accuracy [01]\.\d{{4}}, F1 [01]\.\d{{4}}, "
            rf"\d+ s( \*)?", line
        )  # fmt: skip
    logged = [line for line in Path("runs/train/train.log").read_text().splitlines() if " epoch " in line]
    assert len(logged) == 3  # one for each, and the best one's
    history = [json.loads(line) for line in Path("runs/train/history.jsonl").read_text().splitlines()]
    for short, full, record in zip(lines, logged, history, strict=False):
        assert f"train loss {record['train_loss']:.4f}, dev loss {record['dev_loss']:.4f}" in full
        assert re.search(r"macro-F1 .*gradient norm .* clipped\), [\d,]+ tokens/s, \d+ s", full)
        assert full.endswith(" *") == short.endswith(" *")


def test_the_line_per_epoch_without_dev(cli: Cli, train_file: Path) -> None:
    result = cli("train", "--data", "train.tsv", *TINY, *sets("data.dev_fraction=0"))
    assert len(re.findall(r"^epoch [12]/2: loss \d\.\d{3}, \d+ s \*$", result.err, flags=re.MULTILINE)) == 2


@pytest.mark.parametrize("columns", [80, 40])
def test_bars_do_not_wrap(workplace: Path, columns: int) -> None:
    write_tsv(workplace / "t.tsv", make_rows(800))
    code, shown = in_terminal("train", "--data", "t.tsv", *TINY, *sets("train.batch_size=4"), columns=columns)
    assert code == 0, shown
    bars = [line for line in lines_of(shown) if re.match("(training|tokenizing|evaluating)", line)]
    assert max(map(wcswidth, bars)) < columns
    whole = r"training: +\d+%\|[^|]{8,}\| (\d+:)?\d\d:\d\d, epoch \d, loss \d\.\d{3}"
    assert any(re.fullmatch(whole, bar.rstrip()) for bar in bars) == (columns == 80)
    assert any(re.match(r"training: +\d+%\|", bar) for bar in bars)


def test_one_bar_covers_all_folds(workplace: Path) -> None:
    write_tsv(workplace / "t.tsv", make_rows(300))
    options = sets("train.batch_size=4", "train.folds=2", "train.epochs=4")
    code, shown = in_terminal("train", "--data", "t.tsv", *TINY, *options, columns=80)
    assert code == 0, shown
    shares = [int(percent[1]) for line in lines_of(shown) if (percent := re.match(r"training: +(\d+)%\|", line))]
    assert shares == sorted(shares) and shares[0] < 50 < shares[-1]


@pytest.fixture
def many_classes(cli: Cli) -> Path:
    """A run with 30 classes, most of whose 120 test texts are misclassified."""
    labels = [f"第{number}类" if number % 2 else f"class-{number}" for number in range(30)]
    labels[5] = "a label that is far longer than a column of any table should be"
    rows = [(labels[number % 30], f"w{number % 7} v{number % 4} {number}") for number in range(120)]
    write_tsv(Path("many.tsv"), rows)
    result = cli("train", "--data", "many.tsv", "--run-dir", "run", *TINY, *sets("data.dev_fraction=0"))
    assert result.code == 0, result.err
    return Path("run")


def test_pairs_stand_for_a_matrix_that_is_wider_than_the_terminal(cli: Cli, many_classes: Path) -> None:
    code, shown = in_terminal("eval", many_classes, "many.tsv", columns=80)
    assert code == 0, shown
    lines = shown.replace("\r\n", "\n").rpartition("written to ")[2].splitlines()[1:]
    assert max(map(wcswidth, lines)) <= 80
    assert any(line.startswith("a label that is far longer than a colu…  ") for line in lines)
    at = lines.index(HEADING) + 1
    assert lines[at] == PAIRS_HEADING
    table = lines[at + 1 : at + 12]
    assert len({wcswidth(line) for line in table}) == 1
    assert table[0].split() == ["true", "predicted", "count", "%", "of", "true"]
    matrix = json.loads(Path("run/eval/many/metrics.json").read_text())["confusion_matrix"]
    wrong = sorted(
        (count for row, counts in enumerate(matrix) for column, count in enumerate(counts) if row != column and count),
        reverse=True,
    )
    assert [int(line.split()[-2]) for line in table[1:]] == wrong[:10]
    assert [float(line.split()[-1]) for line in table[1:]] == [25 * count for count in wrong[:10]]  # 4 texts a class
    assert lines[at + 12] == f"and {len(wrong) - 10} more pairs"
    assert lines[at + 13] == "the whole matrix is in run/eval/many/report.txt"
    report = Path("run/eval/many/report.txt").read_text()
    assert HEADING in report and PAIRS_HEADING not in report
    assert "a label that is far longer than a column of any table should be" in report
    piped = cli("eval", many_classes, "many.tsv").out
    assert HEADING in piped and PAIRS_HEADING not in piped
    assert len(piped.partition(HEADING)[2].splitlines()[1:32]) == 31


def test_a_terminal_that_is_wide_enough_shows_the_matrix(cli: Cli, trained: Path, many_classes: Path) -> None:
    code, shown = in_terminal("eval", trained, columns=80)
    assert code == 0, shown
    assert HEADING in shown
    code, shown = in_terminal("eval", many_classes, "many.tsv", columns=80, COLUMNS="1000")
    assert code == 0, shown
    assert HEADING in shown and PAIRS_HEADING not in shown
    assert '"confusion_matrix"' in in_terminal("eval", many_classes, "many.tsv", "--json", columns=80)[1]


def test_the_help_of_each_command_fits(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    overview = cli("--help").out
    assert "..." not in overview.partition("Commands:")[2]  # where click cuts a sentence
    for command in overview.partition("Commands:")[2].split("\n  ")[1:]:
        page = cli(command.split()[0], "--help").out
        assert max(map(len, page.splitlines())) <= 80
        assert "[[" not in page
        assert not re.search(r"--\S+ <(path|str|int)>", page)
