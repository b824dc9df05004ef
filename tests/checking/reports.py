"""What tests of `check` and of warnings share: data to check, and what is reported about it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from wcwidth import wcswidth

from tests.conftest import Cli, Result, make_rows

ROWS = make_rows(60)


def tsv(rows: Sequence[tuple[str, str]]) -> str:
    return "".join(f"{label}\t{text}\n" for label, text in rows)


def checked(cli: Cli, *options: str, data: str = "t.tsv", code: int = 0) -> str:
    """The report of `check`, without line breaks inside findings."""
    result = cli("check", "--data", data, *options)
    assert result.code == code, result.err
    assert result.out
    for line in result.out.splitlines():
        assert wcswidth(line) <= 80, line
    return re.sub(r"\n +", " ", result.out)


def severe(report: str) -> str:
    return report.partition("SEVERE")[2].partition("ALSO FOUND")[0]


def warned(result: Result) -> list[str]:
    """The warnings of a command that succeeds."""
    assert result.code == 0, result.err
    lines = result.err.replace(f"{Path.cwd()}/", "").splitlines()  # train makes paths absolute
    return [line.removeprefix("warning: ") for line in lines if line.startswith("warning: ")]


def noisy_rows() -> tuple[list[tuple[str, str]], set[int]]:
    """300 rows, and the numbers of six lines with a wrong label."""
    rows = make_rows(300)
    lines = {10, 50, 101, 150, 222, 290}
    for line in lines:
        label, text = rows[line - 1]
        rows[line - 1] = ({"food": "sport", "sport": "travel", "travel": "food"}[label], text)
    return rows, lines
