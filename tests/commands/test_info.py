"""`textrnn info`: the installation, runs in every state, models, and folders that are neither."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.conftest import COMMAND, TINY, Cli, copy_template, make_rows, sets, train_in, write_tsv
from textrnn import __version__
from textrnn.run.model_config import FORMAT_VERSION


def info(cli: Cli, *arguments: object) -> dict[str, Any]:
    result = cli("info", *arguments, "--json")
    assert (result.code, result.err) == (0, ""), result.err
    return json.loads(result.out)


def text(cli: Cli, *arguments: object) -> str:
    result = cli("info", *arguments)
    assert (result.code, result.err) == (0, ""), result.err
    return result.out


def test_the_installation(cli: Cli) -> None:
    described = info(cli)
    assert described["textrnn"] == __version__
    assert described["torch"] == torch.__version__
    assert described["devices"][0]["name"].startswith("cpu")
    assert described["auto_precision"] in ("float32", "bfloat16")
    assert described["torch_error"] is None
    assert described["packages"].get("torch", torch.__version__) == torch.__version__
    out = text(cli)
    for part in (__version__, platform.python_version(), platform.platform(), torch.__version__, "bfloat16 units"):
        assert part in out


def test_the_cache_is_found_and_measured(cli: Cli, train_file: Path) -> None:
    assert info(cli)["cache_bytes"] == 0
    assert not Path(".textrnn_cache").exists()
    assert cli("vocab", "--data", "train.tsv").code == 0
    files = [path for path in Path(".textrnn_cache").rglob("*") if path.is_file()]
    described = info(cli)
    assert described["cache_dir"] == str(Path(".textrnn_cache").resolve())
    assert described["cache_bytes"] == sum(path.stat().st_size for path in files) > 0


def test_an_installation_without_torch_is_described_all_the_same(workplace: Path) -> None:
    Path("torch").mkdir()
    Path("torch/__init__.py").write_text("raise ImportError('libtorch_cpu.so: cannot open shared object file')\n")
    root = str(Path(__file__).parents[2])
    environment = {"PYTHONPATH": f"{workplace}:{root}", "PATH": "/usr/bin"}
    command = [sys.executable, "-m", "textrnn", "info"]
    result = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert (result.returncode, result.stderr) == (0, "")
    assert "cannot be loaded: ImportError: libtorch_cpu.so: cannot open shared object file" in result.stdout


def test_a_run_is_described_as_the_other_commands_find_it(cli: Cli, train_file: Path) -> None:
    write_tsv(Path("test.tsv"), make_rows(24, seed=1))
    options = sets("train.folds=2", "model.ngrams=2", "model.rare_dim=4", "model.linear=mix", "data.test=test.tsv")
    assert cli("train", "--data", "train.tsv", *TINY, *options, "--run-dir", "a").code == 0
    shutil.copytree("a", "b")
    before = info(cli, "a")
    assert before["evaluations"] == []
    assert before["next"][0] == "textrnn eval a"
    metrics = json.loads(cli("eval", "a", "--json").out)
    described = info(cli, "a")
    assert described["state"] == "complete"
    assert described["labels"] == metrics["labels"]
    assert {name: part["n"] for name, part in described["data"].items()} == {"train": 60, "test": 24}
    assert described["data"]["test"]["paths"] == [str(Path("test.tsv").resolve())]
    (evaluation,) = described["evaluations"]
    assert {key: evaluation[key] for key in ("accuracy", "macro_f1", "loss", "n")} == {
        key: metrics[key] for key in ("accuracy", "macro_f1", "loss", "n")
    }
    assert described["model"]["linear_weight"] == metrics["weight"]
    compared = json.loads(cli("compare", "a", "b", "--json").out)["runs"][0]
    assert described["model"]["parameters"] == compared["parameters"]
    assert described["training_seconds"] == compared["training_seconds"]
    assert described["model_bytes"] == compared["model_bytes"]
    last = json.loads(Path("a/history.jsonl").read_text().splitlines()[-1])
    held_out = described["held_out"]
    assert (held_out["n"], held_out["accuracy"]) == (60, last["dev_accuracy"])
    assert held_out["parts"]["network"]["macro_f1"] == last["dev_network_macro_f1"]
    assert described["environment"]["torch"] == torch.__version__
    out = text(cli, "a")
    network = f"2 x {described['model']['network_parameters']:,} parameters"
    for part in ("a: complete", "train 60 texts", "3: food, sport, travel", network, "test, 24 texts: accuracy"):
        assert part in out


@pytest.mark.parametrize("options", [["model.architecture=rcnn"], ["model.architecture=tdnn", "model.rare_dim=null"]])
def test_the_size_of_other_networks(cli: Cli, train_file: Path, options: list[str]) -> None:
    options = sets(*options, "model.ngrams=3", "train.epochs=1", "data.dev_fraction=0.2")
    assert cli("train", "--data", "train.tsv", *TINY, *options, "--run-dir", "a").code == 0
    shutil.copytree("a", "b")
    compared = json.loads(cli("compare", "a", "b", "--data", "train.tsv", "--json").out)["runs"][0]
    assert info(cli, "a")["model"]["parameters"] == compared["parameters"]


def test_the_scores_are_those_of_the_best_epoch(cli: Cli, train_file: Path) -> None:
    options = sets("data.dev_fraction=0.3", "train.epochs=4", "train.learning_rate=3", "train.warmup=0")
    assert cli("train", "--data", "train.tsv", *TINY, *options, "--run-dir", "a").code == 0
    history = [json.loads(line) for line in Path("a/history.jsonl").read_text().splitlines()]
    best = min(history, key=lambda line: line["dev_loss"])
    assert best is not history[-1], "the last epoch must not be the best for this test to show anything"
    assert info(cli, "a")["held_out"]["loss"] == best["dev_loss"]
    assert info(cli, "a")["data"]["dev"]["paths"] == []


def test_a_run_that_has_not_ended_names_its_epoch(cli: Cli, trained: Path) -> None:
    (trained / "resume" / "held_out.safetensors").unlink()
    config = trained / "config.yaml"
    config.write_text(config.read_text().replace("epochs: 2", "epochs: 5"))
    described = info(cli, trained)
    assert described["state"] == "unfinished"
    assert described["progress"] == {"epoch": 3, "epochs": 5, "network": 1, "networks": 1}
    assert described["next"] == [f"textrnn train --resume --run-dir {trained}"]
    assert "train: unfinished, in epoch 3 of 5\n" in text(cli, trained)


def test_epochs_that_auto_stands_for_are_known(cli: Cli, train_file: Path) -> None:
    assert cli("train", "--data", "train.tsv", *TINY, *sets("train.epochs=auto"), "--run-dir", "a").code == 0
    last = json.loads(Path("a/history.jsonl").read_text().splitlines()[-1])
    assert info(cli, "a")["progress"]["epochs"] == last["epoch"]


def test_a_run_whose_training_state_was_removed(cli: Cli, trained: Path) -> None:
    shutil.rmtree(trained / "resume")
    described = info(cli, trained)
    assert (described["state"], described["progress"], described["held_out"]) == ("without state", None, None)
    assert described["next"][0] == f"textrnn eval {trained}"
    assert "cannot be resumed" in text(cli, trained)


def test_a_run_that_ended_before_its_first_step(cli: Cli, trained: Path) -> None:
    for path in trained.iterdir():
        if path.name not in ("environment.json", "config.yaml"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    described = info(cli, trained)
    assert (described["state"], described["model"], described["labels"]) == ("not saved", None, [])
    assert described["next"] == [f"textrnn train --resume --run-dir {trained}"]
    assert "nothing was saved" in text(cli, trained)


def test_a_model_without_its_run(cli: Cli, trained: Path) -> None:
    shutil.copytree(trained / "model", "elsewhere")
    described = info(cli, "elsewhere")
    assert (described["state"], described["data"], described["held_out"]) == ("model", {}, None)
    assert described["labels"] == ["food", "sport", "travel"]
    assert described["model"] == info(cli, trained)["model"] == info(cli, trained / "model")["model"]


@pytest.fixture(scope="module")
def evaluated_once(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the template with an evaluation of the run."""
    folder = tmp_path_factory.mktemp("evaluated")
    copy_template(template, folder, "run")
    train_in(folder, "run", command="eval")
    return folder


@pytest.fixture
def evaluated(evaluated_once: Path, workplace: Path) -> Path:
    """Its run, in the current folder."""
    copy_template(evaluated_once, workplace, "run")
    return Path("run")


ODD_VALUES = (
    b"""{"n": 3, "accuracy": NaN, "macro_f1": 1, "loss": 1, "data": {"train": [1]}, "linear": true, "weight": NaN}"""
)


@pytest.mark.parametrize(
    "name",
    ["history.jsonl", "environment.json", "config.yaml", "resume/state.safetensors", "resume/held_out.safetensors",
     "model/model.safetensors", "model/decision.json", "eval/test/metrics.json"],
)  # fmt: skip
@pytest.mark.parametrize("content", [b"", b"[1]", b'{"planned": {"texts": 3}, "n": []}', ODD_VALUES, b"\xff\x00", None])
def test_a_damaged_or_missing_file_leaves_a_gap(cli: Cli, evaluated: Path, name: str, content: bytes | None) -> None:
    (evaluated / name).unlink() if content is None else (evaluated / name).write_bytes(content)
    assert info(cli, evaluated)["labels"] == ["food", "sport", "travel"]
    assert "classes" in text(cli, evaluated)


def test_what_is_no_run_is_refused_as_elsewhere(cli: Cli, trained: Path) -> None:
    Path("empty").mkdir()
    for path in ("nowhere", "empty", "train.tsv"):
        result = cli("info", path)
        assert (result.code, result.out) == (1, "")
        assert result.err == cli("predict", path, "train.tsv").err
    description = trained / "model/config.yaml"
    description.write_text(description.read_text().replace(f"format_version: {FORMAT_VERSION}", "format_version: 99"))
    result = cli("info", trained)
    assert result.code == 1 and "saved by a newer textrnn" in result.err


def test_a_run_is_described_without_torch(trained: Path) -> None:
    code = "import sys; sys.argv = ['textrnn', 'info', 'runs/train']\nfrom textrnn.cli import main\n"
    code += "try: main()\nexcept SystemExit: print('torch' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.splitlines()[0].endswith("train: complete") and result.stdout.splitlines()[-1] == "False"


def test_a_folder_of_odd_bytes_is_shown(cli: Cli, trained: Path) -> None:
    trained.rename(b"runs/caf\xe9\x1b".decode("utf-8", "surrogateescape"))
    result = subprocess.run([*COMMAND, "info", b"runs/caf\xe9\x1b"], capture_output=True)
    assert result.returncode == 0, result.stderr
    assert b"caf\xe9\\x1b: complete" in result.stdout
