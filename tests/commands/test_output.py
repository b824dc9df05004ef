"""No output replaces an input, or a file of a run or model."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.commands.bad_inputs import put, snapshot
from tests.conftest import TINY, TRAINED, Cli, copy_template, make_rows, sets, write_tsv
from tests.forked import Forked

TO_FILE = {
    "vocab": ["vocab", "--data", "test.tsv", "--output"],
    "check": ["check", "--data", "test.tsv", "--output"],
    "predict": ["predict", "run", "test.tsv", "--output"],
    "explain": ["explain", "run", "test.tsv", "--html"],
}
# (words, a file that it writes)
TO_FOLDER = {
    "eval": (["eval", "run", "test.tsv", "--output"], "metrics.json"),
    "eval of the run's own texts": (["eval", "run", "--output"], "predictions.tsv"),
    "compare": (["compare", "run", "other", "--data", "test.tsv", "--output"], "differences.tsv"),
    "compare on the runs' own texts": (["compare", "run", "other", "--output"], "comparison.html"),
    "gradients of a run": (["gradients", "run", "--output"], "gradients.tsv"),
    "gradients": (["gradients", "--data", "train.tsv", "--set", "data.dev=test.tsv", "--output"], "gradients.png"),
}  # fmt: skip
LINKS: dict[str, Callable[[str, str], object]] = {"symbolic": os.symlink, "hard": os.link}


@pytest.fixture
def run(template: Path, workplace: Path) -> Path:
    """The run `run`, and `other`, a copy of it, with their files beside them."""
    copy_template(template, workplace, "run")
    shutil.copytree("run", "other")
    return Path("run")


def check_kept(cli: Cli, *words: object) -> str:
    """The command is refused as wrong usage, and every byte is as it was; returns the only message."""
    before = snapshot()
    result = cli(*words)
    assert (result.code, result.out) == (2, ""), result.err
    assert snapshot() == before
    lines = [line for line in result.err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1 and "Traceback" not in result.err
    return lines[0]


@pytest.mark.parametrize("words", TO_FILE.values(), ids=TO_FILE)
def test_a_file_that_is_read_is_kept(words: list[str], cli: Cli, run: Path) -> None:
    assert f"{words[-1]} test.tsv: would replace what is read from test.tsv" in check_kept(cli, *words, "test.tsv")
    assert "would replace" in check_kept(cli, *words, "./run/../test.tsv")
    for kind, link in LINKS.items():
        link("test.tsv", kind)
        assert "would replace" in check_kept(cli, *words, kind)


PARTS = [
    "run", "run/config.yaml", "run/model", "run/model/model.safetensors", "run/model/labels.txt", "run/train.log",
    "run/resume/state.safetensors", "run/history.jsonl", "run/plots/curves.png", "run/environment.json", "run/new",
    "run/model/new", "link", "model_alone/vocab.txt",
]  # fmt: skip


@pytest.mark.parametrize("words", [*TO_FILE.values(), *(words for words, _ in TO_FOLDER.values())])
def test_a_run_and_a_model_are_kept(words: list[str], cli: Cli, run: Path) -> None:
    os.symlink("run/config.yaml", "link")
    shutil.copytree("run/model", "model_alone")
    for part in PARTS:
        assert "the folder of a run or model" in check_kept(cli, *words, part)


@pytest.mark.parametrize(("words", "name"), TO_FOLDER.values(), ids=TO_FOLDER)
def test_a_file_that_is_read_is_kept_in_a_folder_of_results(words: list[str], name: str, cli: Cli, run: Path) -> None:
    Path("out").mkdir()
    for link in LINKS.values():
        link(os.path.abspath("test.tsv" if words[0] != "gradients" else "train.tsv"), f"out/{name}")
        assert "would replace what is read from" in check_kept(cli, *words, "out")
        Path("out", name).unlink()
    os.symlink(os.path.abspath("run/config.yaml"), f"out/{name}")
    assert "the folder of a run or model" in check_kept(cli, *words, "out")


@pytest.mark.parametrize("command", ["vocab", "check"])
def test_whatever_a_config_names_is_kept(command: str, cli: Cli, run: Path) -> None:
    put({
        "names.txt": "food\nsport\n", "d/a.tsv": "0\tsoup\n" * 9, "d/b.tsv": "1\tgoal\n" * 9, "dev.tsv": "0\tsoup\n",
        "test.tsv": "1\tgoal\n", "v.txt": "soup 1 2\n", "words.txt": "soup 3\n",
    })  # fmt: skip
    data = "{train: d/*.tsv, dev: [dev.tsv], test: test.tsv, label_names: names.txt}"
    rest = "tokenizer: {kind: jieba, user_dict: words.txt}\nmodel: {pretrained: v.txt, rare_dim: null}\n"
    put({"c.yaml": f"data: {data}\n{rest}"})
    for name in ("d/a.tsv", "d/b.tsv", "dev.tsv", "test.tsv", "names.txt", "v.txt", "words.txt", "c.yaml"):
        assert "would replace" in check_kept(cli, command, "--config", "c.yaml", "--output", name), name
    assert cli(command, "--config", "c.yaml", "--output", "d.tsv").code == 0


def test_documents_of_a_folder_are_kept_and_none_is_added(cli: Cli, run: Path) -> None:
    put({"texts/a.txt": "soup", "texts/b/c.txt": "goal", "else/d.txt": "map"})
    os.symlink(os.path.abspath("else"), "texts/linked")
    for name in ("texts/a.txt", "texts/b/c.txt", "texts/new.txt", "else/d.txt"):
        assert "would replace what is read from texts" in check_kept(cli, "predict", "run", "texts", "--output", name)
    assert cli("predict", "run", "texts", "--output", "else/new.txt").code == 0


def test_a_file_on_stdin_is_kept(run: Path) -> None:
    before = snapshot()
    with open("test.tsv", "rb") as stream:
        process = Forked("predict", "run", "--output", "test.tsv", stdin=stream.fileno())
        out, error = process.communicate()
    assert (process.returncode, out) == (2, b"")
    assert b"--output test.tsv: would replace what is read from stdin" in error
    assert snapshot() == before


def test_results_may_be_overwritten_in_the_eval_of_a_run(cli: Cli, run: Path) -> None:
    for _ in range(2):
        assert cli("eval", "run", "--output", "run/eval/x").code == 0
        assert cli("compare", "run", "other", "--output", "run/eval/y").code == 0
        assert cli("gradients", "run", "--output", "run/gradients").code == 0
        assert cli("predict", "run", "test.tsv", "--output", "run/eval/x/labels.tsv").code == 0
    assert {path.name for path in Path("run/gradients").iterdir()} == {
        "gradients.tsv", "gradients.json", "gradients.png",
    }  # fmt: skip


def test_every_file_of_an_evaluation_is_known(cli: Cli, run: Path) -> None:
    assert cli("eval", "run", "--output", "out").code == 0
    for name in os.listdir("out"):
        shutil.copytree("out", "again")
        os.remove(f"again/{name}")
        os.link("test.tsv", f"again/{name}")
        assert "would replace" in check_kept(cli, "eval", "run", "--output", "again"), name
        shutil.rmtree("again")


def test_a_new_run_does_not_remove_its_own_texts(cli: Cli, run: Path) -> None:
    assert cli("eval", "run").code == 0
    write_tsv(Path("run/eval/mine.tsv"), make_rows(60))
    words = ["train", "--data", "run/eval/mine.tsv", *TINY, "--run-dir", "run", "--force"]
    assert "--run-dir run: would replace " in check_kept(cli, *words)
    shutil.move("run/eval/mine.tsv", "mine.tsv")
    assert cli("train", *TRAINED, *sets("train.epochs=1"), "--run-dir", "run", "--force").code == 0
