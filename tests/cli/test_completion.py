"""What a shell gets when it asks for completions, in the way in which the scripts of --show-completion ask."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Cli

BASH = shutil.which("bash")


@pytest.fixture
def complete(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> object:
    """`complete("eval", "ru")`: the completions of the last word, in bash."""

    def run(*words: str) -> list[str]:
        with monkeypatch.context() as patch:
            patch.setenv("_TEXTRNN_COMPLETE", "complete_bash")
            patch.setenv("COMP_WORDS", "\n".join(["textrnn", *words]))
            patch.setenv("COMP_CWORD", str(len(words)))
            result = cli()
        assert (result.code, result.err) == (0, "")
        return result.out.split()

    return run


def test_commands_and_options(complete) -> None:  # type: ignore[no-untyped-def]
    assert complete("tr") == ["train"]
    assert complete("train", "--se") == ["--set", "--seed"]
    assert {"--quiet", "--output"} <= set(complete("vocab", "--"))
    assert complete("eval", "--precision", "b") == ["bfloat16"]
    assert complete("train", "--device", "cu") == ["cuda"]
    assert complete("train", "--preset", "") == ["best", "plain", "linear"]
    assert complete("gradients", "--cell", "rnn") == ["rnn", "rnn-relu"]


def test_runs_and_models_are_completed_and_folders_above_them(complete, trained: Path) -> None:  # type: ignore[no-untyped-def]
    for folder in ("runs/other", "archive/2024", ".hidden"):
        Path(folder).mkdir(parents=True)
    assert complete("eval", "") == ["runs/train"]
    assert complete("eval", "run") == ["runs/train"]
    assert complete("compare", "runs/train", "runs/tr") == ["runs/train"]
    assert complete("predict", "./ru") == ["./runs/train"]
    assert complete("next", "ru") == ["runs/train"]
    assert complete("eval", "runs/train/") == ["runs/train/model"]
    assert complete("eval", "arch") == ["archive/"]
    assert complete("eval", "runs/train", "t") == []  # then the shell completes any file


def test_configs_are_completed(complete, workplace: Path) -> None:  # type: ignore[no-untyped-def]
    for name in ("a.yaml", "configs/b.yml", "configs/c.txt", "deep/er/d.yaml"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("")
    assert complete("train", "--config", "") == ["a.yaml", "configs/b.yml"]
    assert complete("train", "-c", "de") == ["deep/"]
    assert complete("train", "-c", "deep/") == ["deep/er/d.yaml"]


def test_keys_are_completed_and_the_values_of_a_single_one(complete) -> None:  # type: ignore[no-untyped-def]
    assert complete("train", "--set", "train.e") == ["train.epochs=", "train.embedding_lr_multiplier="]
    assert complete("train", "--set", "train.ep") == ["train.epochs=", "train.epochs=auto"]
    assert complete("train", "--set", "model.bid") == [
        "model.bidirectional=", "model.bidirectional=true", "model.bidirectional=false",
    ]  # fmt: skip
    assert complete("train", "--set", "train.schedule")[1:] == [
        "train.schedule=constant", "train.schedule=linear", "train.schedule=cosine",
    ]  # fmt: skip


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_show_descriptions_of_one_line(
    cli: Cli, trained: Path, shell: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_TEXTRNN_COMPLETE", f"complete_{shell}")
    monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", "textrnn train --")
    options = cli().out.splitlines()
    assert len(options) == len([line for line in options if "--" in line])
    assert any("--seed" in line and "Random seed" in line for line in options)
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", "textrnn eval runs/")
    assert "runs/train" in cli().out


@pytest.mark.skipif(not BASH, reason="there is no bash here")
def test_the_script_for_bash_completes(trained: Path) -> None:
    Path("bin").mkdir()
    program = Path("bin/textrnn")
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m textrnn "$@"\n')
    program.chmod(0o755)
    lines = [
        'eval "$(_TEXTRNN_COMPLETE=source_bash textrnn)"', "COMP_WORDS=(textrnn eval ru)", "COMP_CWORD=2",
        "_textrnn_completion textrnn", 'echo "${COMPREPLY[@]}"',
    ]  # fmt: skip
    environment = os.environ | {"PATH": f"{Path('bin').absolute()}:{os.environ['PATH']}"}
    words = [str(BASH), "--norc", "-c", "\n".join(lines)]
    done = subprocess.run(words, env=environment, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("runs/train\n", "")


@pytest.mark.parametrize(
    ("words", "without"),
    [
        (["tr"], ["torch", "numpy", "textrnn.config"]),
        (["eval", "ru"], ["torch", "numpy", "textrnn.config"]),
        (["train", "--config", ""], ["torch", "numpy", "textrnn.config"]),
        (["train", "--set", "train."], ["torch"]),
    ],
)
def test_completions_do_not_wait_for_heavy_imports(workplace: Path, words: list[str], without: list[str]) -> None:
    code = (
        "import atexit, json, sys\n"
        "atexit.register(lambda: print(json.dumps([*sys.modules]), file=sys.stderr))\n"
        "from textrnn.cli import main\nmain()\n"
    )
    environment = {
        "_TEXTRNN_COMPLETE": "complete_bash", "COMP_WORDS": "\n".join(["textrnn", *words]),
        "COMP_CWORD": str(len(words)), "PYTHONPATH": os.pathsep.join(sys.path),
    }  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], env=os.environ | environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not {*json.loads(done.stderr.splitlines()[-1])} & {*without}
