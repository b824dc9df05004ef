"""`check --clean` writes a training file without faults, byte for byte what it was otherwise."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

from tests.checking.reports import ROWS, tsv
from tests.commands.bad_inputs import put
from tests.conftest import Cli, Result, make_rows, sets

# (header, a row of label and text)
LINES = {
    "tsv": (b"", lambda label, text: f"{label}\t{text}\n".encode()),
    "csv": (b"\xef\xbb\xbfid;text;label\r\n", lambda label, text: f'7;"{text}\n";{label}\r\n'.encode()),
    "jsonl": (b"", lambda label, text: f'{{"id": 7,  "text": "{text}", "label": "{label}"}}\n'.encode()),
    "txt": (b"", lambda label, text: f"__label__{label}  {text}\n".encode()),
}  # fmt: skip


def cleaned(cli: Cli, *options: str, data: str = "t.tsv", output: str = "c.tsv") -> Result:
    result = cli("check", "--data", data, "--clean", output, *options)
    result.out = re.sub(r"\s+", " ", result.out)
    return result


@pytest.mark.parametrize("suffix", LINES)
@pytest.mark.parametrize("packed", ["", ".gz"])
def test_a_cleaned_file_has_the_bytes_of_the_rows_that_stay(suffix: str, packed: str, cli: Cli) -> None:
    header, line = LINES[suffix]
    rows = [line(label, text) for label, text in ROWS]
    both = [line("food", "two labels"), line("sport", "two labels"), line("food", "two labels")]
    out = [line("food", " "), rows[3], line("travel", "of test"), line("food", f" {ROWS[0][1]} ")]
    content = header + b"".join([*rows[:30], *out[:2], *both, *rows[30:], *out[2:]])
    data = f"t.{suffix}{packed}"
    Path(data).write_bytes(gzip.compress(content) if packed else content)
    Path(f"u.{suffix}").write_bytes(header + line("sport", "of test") + line("food", "none") + line("travel", "others"))
    result = cleaned(cli, *sets(f"data.test=u.{suffix}"), data=data, output=f"c.{suffix}")
    assert result.code == 0, result.err
    assert Path(f"c.{suffix}").read_bytes() == header + b"".join([*rows[:30], *both, *rows[30:]])
    assert f"c.{suffix}: 63 of 67 training rows; taken out: 1 empty, 2 repeated, 1 in test" in result.out
    lines_per_row, first = (2, 2) if suffix == "csv" else (1, 1)
    empty, repeated, original, contradictory = (first + lines_per_row * row for row in (30, 31, 3, 32))
    assert f"{data}:{empty} (empty), {data}:{repeated} (repeats line {original})" in result.out
    assert f"3 copies with different labels are all kept: {data}:{contradictory}, " in result.out
    assert cleaned(cli, *sets(f"data.test=u.{suffix}"), data=data, output=f"d.{suffix}.gz").code == 0
    packed = Path(f"d.{suffix}.gz").read_bytes()
    assert gzip.decompress(packed) == Path(f"c.{suffix}").read_bytes()
    assert packed[3] == 0, "no name of a temporary file in gzip's header"


@pytest.mark.parametrize("bad", [b"no tab\n", "food\tsal\xe9\n".encode("latin-1")])
def test_bad_rows_that_are_skipped_are_taken_out_and_a_last_line_may_have_no_end(bad: bytes, cli: Cli) -> None:
    put({"t.tsv": tsv(ROWS[:5]).encode() + bad + tsv(ROWS[5:]).removesuffix("\n").encode()})
    assert cleaned(cli).code == 1
    assert not Path("c.tsv").exists()
    result = cleaned(cli, *sets("data.bad_rows=skip"))
    assert result.code == 0, result.err
    assert Path("c.tsv").read_text() == tsv(ROWS).removesuffix("\n")
    assert "60 of 61 training rows; taken out: 1 skipped" in result.out


def test_rows_that_are_taken_out_are_listed_to_a_limit(cli: Cli) -> None:
    put({"t.tsv": tsv([*ROWS, *ROWS])})
    report = cleaned(cli).out
    assert report.count("(repeats line ") == 20 and "and 40 more" in report


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("data.train=[t.tsv, u.tsv]", "--clean: expected one training file, found 2; clean them one at a time"),
        ("data.train=[d]", "--clean: expected a training file, found the folder d: remove its files by hand"),
        ("data.encoding=utf-16", "--clean: t.tsv is utf-16, in which lines cannot be copied; convert it to utf-8"),
    ],
)
def test_what_is_not_one_file_of_lines_is_not_cleaned(option: str, message: str, cli: Cli) -> None:
    put({"u.tsv": tsv(make_rows(30, seed=4)), "d/food/1": "soup", "d/sport/1": "goal"})
    Path("t.tsv").write_text(tsv(ROWS), encoding="utf-16" if "utf-16" in option else "utf-8")
    result = cleaned(cli, "--set", option)
    assert (result.code, result.err) == (1, f"error: {message}\n")
    assert not Path("c.tsv").exists()


@pytest.mark.parametrize(
    "outputs", ["--clean t.tsv", "--clean link.tsv", "--clean s.tsv --output s.tsv", "--output t.tsv"]
)
def test_check_overwrites_no_input_and_no_other_output(outputs: str, cli: Cli) -> None:
    put({"t.tsv": tsv(ROWS)})
    Path("link.tsv").symlink_to("t.tsv")
    result = cli("check", "--data", "t.tsv", *outputs.split())
    assert result.code == 2 and f"{outputs.partition(' --output')[0]}: " in result.err
    assert Path("t.tsv").read_text() == tsv(ROWS)
