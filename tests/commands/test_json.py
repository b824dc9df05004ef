"""`--json`: one object on stdout that any parser reads, with the keys that docs/reference/json.md describes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.checking.reports import ROWS, tsv
from tests.commands.bad_inputs import put
from tests.conftest import TINY, Cli, make_rows, sets

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "json.md"
OF_RUNS = {
    "eval": ["eval", "runs/train"],
    "compare": ["compare", "runs/train", "runs/other"],
    "gradients": ["gradients", "runs/train"],
    "info": ["info"],
    "info RUN": ["info", "runs/train"],
    "vocab": ["vocab", "--data", "train.tsv"],
    "check": ["check", "--data", "train.tsv"],
}


def no_constant(name: str) -> None:
    pytest.fail(f"{name} is not JSON")


def printed(cli: Cli, *arguments: object, code: int = 0) -> dict[str, Any]:
    result = cli(*arguments, "--json")
    assert result.code == code, result.err
    value = json.loads(result.out, parse_constant=no_constant)
    assert isinstance(value, dict)
    return value


def documented() -> dict[str, set[str]]:
    """Command -> the top-level keys in the table of its section."""
    sections = re.split(r"^## `textrnn (.+) --json`$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return {
        command: set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))
        for command, text in zip(sections[::2], sections[1::2], strict=True)
    }


def test_the_page_describes_the_commands_that_have_json() -> None:
    assert documented().keys() == OF_RUNS.keys()


@pytest.mark.parametrize("command", OF_RUNS)
def test_the_keys_are_those_that_the_page_describes(cli: Cli, trained: Path, command: str) -> None:
    shutil.copytree("runs/train", "runs/other")
    assert printed(cli, *OF_RUNS[command]).keys() == documented()[command]


def test_check_has_findings_with_count_and_places(cli: Cli) -> None:
    rows = [*ROWS, ("food", "one"), ("sport", "one"), ("food", ""), ("体育", "足球 a cafÃ© here"), ("体育", "比赛")]
    put({"t.tsv": tsv(rows) + "no tab\n", "u.tsv": tsv([ROWS[0], *make_rows(20, seed=4)])})
    report = printed(cli, "check", "--data", "t.tsv", *sets("data.test=u.tsv"))
    found = {(finding["kind"], finding["split"]): finding for finding in report["findings"]}
    labels, empty, rows_found = found["labels", None], found["empty", "train"], found["rows", "train"]
    assert (labels["severity"], labels["count"]) == ("severe", 1)
    places = [{"file": "t.tsv", "line": 61}, {"file": "t.tsv", "line": 62}]
    assert [example["places"] for example in labels["examples"]] == [places]
    assert (empty["count"], empty["places"]) == (1, [{"file": "t.tsv", "line": 63}])
    assert empty["advice"] == "remove these rows"
    assert (rows_found["count"], rows_found["places"]) == (1, [{"file": "t.tsv", "line": 66}])
    shared = found["copies", "test"]
    assert shared["count"] == 1
    assert shared["examples"][0]["places"] == [{"file": "u.tsv", "line": 1}, {"file": "t.tsv", "line": 1}]
    assert report["severe"] == sum(finding["severity"] == "severe" for finding in report["findings"])
    assert report["suspects"]["examined"] == 65 + 21 and report["suspects"]["reason"] is None
    train = report["splits"]["train"]
    assert (train["n"], train["empty"]) == (64, 1)
    assert train["label_counts"] == {"food": 21, "sport": 21, "travel": 20, "体育": 2}
    result = cli("check", "--data", "t.tsv", "--json", "--strict")
    assert (result.code, json.loads(result.out)["labels"][-1]) == (1, "体育")
    assert '"体育"' in result.out, "letters are not escaped"


def test_check_of_a_folder_has_places_without_a_line(cli: Cli) -> None:
    files = {f"d/{label}/{n}": text for n, (label, text) in enumerate(ROWS)} | {"d/food/x": "caf\ufffd"}
    put(files)
    report = printed(cli, "check", "--data", "d")
    (odd,) = [finding for finding in report["findings"] if finding["kind"] == "characters"]
    assert odd["examples"][0]["places"] == [{"file": "d/food/x", "line": None}]


def test_vocab_has_what_its_lines_have(cli: Cli, train_file: Path) -> None:
    lines = cli("vocab", "--data", "train.tsv").out
    value = printed(cli, "vocab", "--data", "train.tsv")
    size, distinct = value["vocabulary"].values()
    assert f"vocabulary: {size} entries of {distinct} distinct tokens" in lines
    train = value["splits"]["train"]
    tokens = train["tokens"]
    assert f"median {tokens['median']}, 95th percentile {tokens['p95']}, 99th {tokens['p99']}" in lines
    assert f"{100 * train['unknown']:.2f} % <unk>" in lines
    assert (train["n"], train["label_counts"]) == (60, {"food": 20, "sport": 20, "travel": 20})
    assert value["cache_dir"] == os.path.abspath(".textrnn_cache")


def test_gradients_prints_its_json_file_also_of_a_training_that_diverges(cli: Cli, train_file: Path) -> None:
    options = ["--cell", "rnn-relu", "--steps", "4", *sets("train.learning_rate=1e38", "train.warmup=0")]
    value = printed(cli, "gradients", "--data", "train.tsv", *TINY, *options)
    assert value == json.loads(Path("gradients/train/gradients.json").read_text())
    before, *after = (panel["curves"][0] for panel in value["panels"])
    assert len(before["median"]) == len(value["texts"]) and all(norm > 0 for norm in before["median"])
    assert set(after[-1]["median"]) == {None} and after[-1]["steps_to_hundredth"] is None
    assert [training["grad_clip_norm"] for training in value["trainings"]] == [1.0, None]
    assert value["trainings"][-1]["diverged_at"] >= 1


def test_gradients_of_a_run_have_its_recorded_norms(cli: Cli, trained: Path) -> None:
    value = printed(cli, "gradients", trained)
    history = [json.loads(line) for line in (trained / "history.jsonl").read_text().splitlines()]
    assert value["run"]["grad_norm_max"] == max(line["grad_norm_max"] for line in history)
    assert value["run"]["grad_clip_norm"] == 1.0 and value["trainings"] == []


@pytest.mark.skipif(not shutil.which("jq"), reason="jq is not installed")
def test_jq_reads_control_characters_and_halves_of_characters(cli: Cli) -> None:
    name = os.fsdecode(b"caf\xe9.tsv")
    put({name: tsv([*ROWS, ("a\x9bb", "one \x1b[31m"), ("a\x9bb", "two \u2028 x")])})
    out = cli("check", "--data", name, "--json").out
    done = subprocess.run(["jq", "-c", ".labels"], input=out.encode(), capture_output=True, check=True)
    assert json.loads(done.stdout)[0] == "a\x9bb"
