"""`preset: plain` is the network of the config and nothing else: no parameter that the config does not name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from safetensors.torch import load_file

from tests.conftest import Cli, copy_template, make_rows, sets, train_in, write_tsv

TINY = sets(
    "model.embedding_dim=6", "model.hidden_size=8", "train.epochs=2", "train.batch_size=16", "vocab.min_count=1"
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a plain run `plain` of a network that the config describes, trained once."""
    folder = tmp_path_factory.mktemp("finished")
    write_tsv(folder / "train.tsv", make_rows(60))
    write_tsv(folder / "test.tsv", make_rows(24, seed=1))
    config = folder / "c.yaml"
    config.write_text("data: {train: train.tsv, test: test.tsv}\nmodel: {cell: lstm, num_layers: 2}\n")
    train_in(folder, "--config", "c.yaml", "--preset", "plain", *TINY, "--run-dir", "plain")
    return folder


@pytest.fixture
def plain(finished: Path, workplace: Path) -> Path:
    """That run, in the current folder."""
    copy_template(finished, workplace, "plain")
    return Path("plain")


def test_the_parameters_are_those_of_the_named_network(plain: Path) -> None:
    tokens = len((plain / "model/vocab.txt").read_text(encoding="utf-8").splitlines())
    expected: dict[str, tuple[int, ...]] = {"embedding.table.weight": (tokens, 6)}
    for layer, inputs in enumerate((6, 16)):  # the second layer reads both directions of the first one
        for direction in range(2):
            name = f"encoder.layers.{layer}.{direction}"
            expected[f"{name}.weight_ih_l0"] = (32, inputs)  # four gates of 8 units
            expected[f"{name}.weight_hh_l0"] = (32, 8)
            expected[f"{name}.bias_ih_l0"] = expected[f"{name}.bias_hh_l0"] = (32,)
    expected |= {"head.1.weight": (3, 16), "head.1.bias": (3,)}
    found = {name: tuple(tensor.shape) for name, tensor in load_file(plain / "model/model.safetensors").items()}
    assert found == {f"networks.0.{name}": shape for name, shape in expected.items()}


def test_the_linear_model_is_reported_and_has_no_say(cli: Cli, plain: Path) -> None:
    assert json.loads((plain / "model/decision.json").read_text())["weight"] == 0
    result = cli("eval", "plain")
    assert result.code == 0, result.err
    metrics = json.loads((plain / "eval/test/metrics.json").read_text())
    parts, whole = metrics["parts"], {key: metrics[key] for key in ("accuracy", "macro_f1", "loss")}
    assert parts["network"] == whole
    assert set(parts["linear"]) == set(whole)
    assert parts["linear"]["loss"] != whole["loss"]
    assert metrics["verdict"].startswith("the network ")
    last = json.loads((plain / "history.jsonl").read_text().splitlines()[-1])
    assert last["dev_accuracy"] == last["dev_network_accuracy"]
    assert last["dev_linear_accuracy"] is not None


def test_one_network_is_trained_with_a_tenth_held_out(cli: Cli, plain: Path) -> None:
    log = (plain / "train.log").read_text()
    assert "train: 54 texts" in log and "plus a linear model (reported only)" in log
    assert not any("fold" in json.loads(line) for line in (plain / "history.jsonl").read_text().splitlines())


def test_the_run_says_its_preset_and_resumes_and_repeats_with_it(cli: Cli, plain: Path) -> None:
    tree = yaml.safe_load((plain / "config.yaml").read_text())
    assert tree["preset"] == "plain"
    assert (tree["model"]["ngrams"], tree["model"]["linear"], tree["train"]["folds"]) == (1, "report", 1)
    assert (tree["train"]["adversarial_norm"], tree["train"]["embedding_lr_multiplier"]) == (None, 1.0)
    assert "complete" in cli("train", "--resume", "--run-dir", "plain").err
    assert cli("train", "--config", "plain/config.yaml", "--run-dir", "again").code == 0
    weights = Path("model/model.safetensors")
    assert ("again" / weights).read_bytes() == ("plain" / weights).read_bytes()


def test_a_stated_key_wins_over_the_preset_wherever_that_is_named(cli: Cli, train_file: Path) -> None:
    Path("c.yaml").write_text("preset: plain\ndata: {train: train.tsv}\nmodel: {ngrams: 2}\n")
    options = [*TINY, *sets("model.max_ngrams=10", "train.epochs=1")]
    assert cli("train", "--config", "c.yaml", *options, "--run-dir", "one").code == 0
    tree = yaml.safe_load(Path("one/config.yaml").read_text())
    assert (tree["model"]["ngrams"], tree["model"]["linear"]) == (2, "report")
    assert cli("train", "--config", "c.yaml", "--preset", "best", *options, "--run-dir", "two").code == 0
    tree = yaml.safe_load(Path("two/config.yaml").read_text())
    assert (tree["preset"], tree["model"]["linear"], tree["train"]["folds"]) == ("best", "mix", 4)


def test_a_preset_changes_what_the_presets_of_a_run_s_own_config_decided(cli: Cli, train_file: Path) -> None:
    options = [*sets("model.hidden_size=4", "model.embedding_dim=4", "train.epochs=1", "train.folds=2")]
    assert cli("train", "--data", "train.tsv", *options, "--run-dir", "run").code == 0
    other = cli("train", "--resume", "--run-dir", "run", "--preset", "plain")
    assert other.code == 1 and "differs in: model.rare_dim, model.ngrams, model.linear" in other.err
    for again in (["--config", "run/config.yaml", "--run-dir", "other"], ["--force", "--run-dir", "run"]):
        assert cli("train", *again, "--preset", "plain").code == 0
        tree = yaml.safe_load(Path(again[-1], "config.yaml").read_text())
        assert (tree["preset"], tree["model"]["ngrams"], tree["model"]["linear"]) == ("plain", 1, "report")
        assert (tree["train"]["folds"], tree["train"]["adversarial_norm"]) == (2, None), "2 was not the preset's"


def test_the_preset_is_no_key_to_set(cli: Cli, train_file: Path) -> None:
    result = cli("train", "--data", "train.tsv", "--set", "preset=plain")
    assert result.code == 2 and "`train` takes a preset as --preset" in result.err
