"""`preset: linear` is a linear model without a network, with all commands around it."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import pytest
import yaml

from tests.conftest import Cli, copy_template, make_rows, sets, train_in, write_tsv
from tests.stops import at_file, die

TRAIN = ["train", "--data", "train.tsv", "--preset", "linear", "--run-dir"]
FILES = ["config.yaml", "decision.json", "linear.safetensors", "training_texts.json", "labels.txt", "vocab.txt"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `train.tsv`, `test.tsv` and a finished run of the former, `run`."""
    folder = tmp_path_factory.mktemp("finished")
    write_tsv(folder / "train.tsv", make_rows(60))
    write_tsv(folder / "test.tsv", make_rows(24, seed=1))
    train_in(folder, *TRAIN[1:], "run")
    return folder


@pytest.fixture
def run(finished: Path, workplace: Path) -> Path:
    """That run, in the current folder."""
    copy_template(finished, workplace, "run")
    return Path("run")


def test_there_are_no_weights_of_a_network_and_no_curves(run: Path) -> None:
    model = {path.name for path in (run / "model").iterdir()}
    assert model == {*FILES, "linear_words.txt"} or model == {*FILES, "linear_words.txt", "linear_characters.txt"}
    assert not (run / "plots").exists()
    (line,) = map(json.loads, (run / "history.jsonl").read_text().splitlines())
    assert line["dev_accuracy"] == line["dev_linear_accuracy"] and line["dev_network_accuracy"] is None
    decision = json.loads((run / "model/decision.json").read_text())
    assert decision["weight"] == 1 and decision["linear_temperature"] != 1


def test_held_out_texts_are_scored_by_models_that_were_not_fitted_on_them(cli: Cli, workplace: Path) -> None:
    # each text has words of its own by which the final model knows its label, although labels are drawn at random
    rows = [("odd" if number * 7919 % 13 % 2 else "even", f"word{number} other{number}") for number in range(60)]
    write_tsv(workplace / "train.tsv", rows)
    assert cli(*TRAIN, "run").code == 0
    held_out = json.loads(cli("eval", "run", "--json").out)
    (line,) = map(json.loads, Path("run/history.jsonl").read_text().splitlines())
    assert held_out["held_out"] and held_out["n"] == 60
    assert held_out["accuracy"] == pytest.approx(line["dev_accuracy"])
    assert held_out["loss"] == pytest.approx(line["dev_loss"], rel=1e-5)
    seen = json.loads(cli("eval", "run", "train.tsv", "--json").out)
    assert seen["accuracy"] > 0.95 > held_out["accuracy"] + 0.2
    assert seen["seen"]["n"] == 60


def test_an_evaluation_has_the_scores_of_the_linear_model_alone(cli: Cli, run: Path) -> None:
    result = cli("eval", "run", "test.tsv", "--precision", "auto")
    assert result.code == 0, result.err
    assert "--precision auto has no effect" in result.err
    metrics = json.loads((run / "eval/test/metrics.json").read_text())
    assert metrics["accuracy"] > 0.8 and metrics["parts"]["network"] is None and metrics["verdict"] is None
    assert metrics["parts"]["linear"] == {key: metrics[key] for key in ("accuracy", "macro_f1", "loss")}
    page = (run / "eval/test/report.html").read_text()
    assert "network" not in page and 'id="training"' not in page and "Linear model" in page
    assert "network" not in (run / "eval/test/report.txt").read_text()


def test_texts_are_read_whole(cli: Cli, workplace: Path) -> None:
    filler = "the " * 600
    write_tsv(workplace / "train.tsv", [(label, filler + text) for label, text in make_rows(60)])
    trained = cli(*TRAIN, "run")
    assert trained.code == 0 and "are cut" not in trained.err
    Path("texts.txt").write_text(f"{filler} soup bread cook oven\n{filler} goal team coach league\n")
    predicted = cli("predict", "run", "texts.txt")
    assert [line.split("\t")[0] for line in predicted.out.splitlines()] == ["food", "sport"]
    assert "cut" not in predicted.err
    explained = cli("explain", "run", "texts.txt", "--output-format", "jsonl")
    assert "longer than" not in explained.err


def test_explanations_add_up(cli: Cli, run: Path) -> None:
    result = cli("explain", "run", "test.tsv", "--output-format", "jsonl")
    assert result.code == 0, result.err
    for line in map(json.loads, result.out.splitlines()):
        log_odds = line["baseline"] + sum(token["contribution"] for token in line["tokens"])
        assert 1 / (1 + math.exp(-log_odds)) == pytest.approx(line["probability"], abs=0.01)


def test_it_is_compared_with_a_network(cli: Cli, run: Path) -> None:
    small = sets("model.hidden_size=4", "model.embedding_dim=4", "train.epochs=1", "train.folds=2")
    assert cli("train", "--data", "train.tsv", *small, "--run-dir", "network").code == 0
    for order in (["run", "network"], ["network", "run"]):
        result = cli("compare", *order, "--data", "test.tsv", "--json")
        assert result.code == 0, result.err
        compared = json.loads(result.out)
        linear = next(described for described in compared["runs"] if described["name"] == "run")
        assert linear["training_seconds"] > 0 and linear["parameters"] > 0
        keys = {difference["key"] for difference in compared["config_differences"]}
        assert keys == {"preset", "networks", "model.linear", "train.folds"}
    assert cli("compare", "run", "network", "--split", "dev").code == 0


def test_info_describes_it(cli: Cli, run: Path) -> None:
    described = json.loads(cli("info", "run", "--json").out)
    assert described["state"] == "complete" and described["held_out"]["n"] == 60
    assert described["model"]["networks"] == 0 and described["model"]["parameters"] > 0
    assert described["training_seconds"] > 0
    assert "a linear model without a network" in cli("info", "run").out
    assert json.loads(cli("info", "run/model", "--json").out)["state"] == "model"


def test_it_has_no_gradients(cli: Cli, run: Path) -> None:
    result = cli("gradients", "run")
    assert result.code == 1 and "error: run: a linear model without a network" in result.err


@pytest.mark.parametrize("file", ["linear.safetensors", "decision.json", "held_out.safetensors"])
def test_a_killed_run_begins_anew_and_ends_with_the_same_files(cli: Cli, run: Path, file: str) -> None:
    with at_file(file, die):
        assert cli(*TRAIN, "cut").code == 130
    if file != "held_out.safetensors":
        unfinished = cli("predict", "cut", "train.tsv")
        assert unfinished.code == 1 and "--resume --run-dir cut" in unfinished.err
        assert json.loads(cli("info", "cut", "--json").out)["state"] == "not saved"
    result = cli("train", "--resume", "--run-dir", "cut")
    assert result.code == 0, result.err
    for name in [*(f"model/{name}" for name in FILES), "resume/held_out.safetensors", "resume/linear.safetensors"]:
        assert Path("cut", name).read_bytes() == (run / name).read_bytes()
    assert len(Path("cut/history.jsonl").read_text().splitlines()) == 1
    before = Path("cut/model/decision.json").stat().st_mtime_ns
    assert "the run is already complete" in cli("train", "--resume", "--run-dir", "cut").err
    assert Path("cut/model/decision.json").stat().st_mtime_ns == before


def test_a_trained_run_without_its_resume_folder_stays_as_it_is(cli: Cli, run: Path) -> None:
    shutil.rmtree(run / "resume")
    before = (run / "model/decision.json").stat().st_mtime_ns
    result = cli("train", "--resume", "--run-dir", "run")
    assert result.code == 1 and "error: run/resume/linear.safetensors: the training state is missing" in result.err
    assert (run / "model/decision.json").stat().st_mtime_ns == before
    assert json.loads(cli("info", "run", "--json").out)["state"] == "without state"
    assert cli("predict", "run", "train.tsv").code == 0


def test_a_run_is_replaced_with_force_alone_and_by_any_preset(cli: Cli, run: Path) -> None:
    assert "the run exists" in cli(*TRAIN, "run").err
    changed = cli("train", "--resume", "--run-dir", "run", "--preset", "plain")
    assert changed.code == 1 and "model.linear" in changed.err
    small = sets("model.hidden_size=4", "model.embedding_dim=4", "train.epochs=1")
    assert cli("train", "--force", "--run-dir", "run", "--preset", "plain", *small).code == 0
    tree = yaml.safe_load(Path("run/config.yaml").read_text())
    assert (tree["model"]["linear"], tree["data"]["max_length"]) == ("report", 512)
    assert Path("run/model/model.safetensors").exists()
    assert cli("train", "--force", "--run-dir", "run", "--preset", "linear").code == 0
    assert not Path("run/model/model.safetensors").exists() and not Path("run/plots").exists()
    assert cli("predict", "run", "train.tsv").code == 0


def test_keys_of_a_network_cause_a_warning(cli: Cli, train_file: Path) -> None:
    keys = {"model.cell": "gru", "train.epochs": "3", "data.max_length": "20", "train.folds": "3"}
    options = sets(*(f"{key}={value}" for key, value in keys.items()))
    result = cli(*TRAIN, "run", "--tensorboard", *options)
    assert result.code == 0, result.err
    for key in ("model.cell", "train.epochs", "data.max_length", "train.tensorboard"):
        assert f"{key}: " in result.err and "has no effect: there is no network" in result.err
    assert "train.folds: 3 has no effect" not in result.err
    assert not Path("run/tensorboard").exists()


def test_the_key_alone_is_the_preset(cli: Cli, run: Path) -> None:
    assert cli("train", "--data", "train.tsv", "--set", "model.linear=only", "--run-dir", "key").code == 0
    assert Path("key/model/config.yaml").read_bytes() == (run / "model/config.yaml").read_bytes()
    contradiction = cli(*TRAIN, "other", "--set", "model.linear=mix")
    assert contradiction.code == 1 and "error: --set model.linear: mix was found" in contradiction.err
    assert not Path("other").exists()


def test_the_config_of_a_run_states_no_key_of_a_network(cli: Cli, run: Path) -> None:
    again = cli("train", "--config", "run/config.yaml", "--run-dir", "again")
    assert again.code == 0 and "has no effect" not in again.err
    assert Path("again/model/linear.safetensors").read_bytes() == (run / "model/linear.safetensors").read_bytes()


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_what_auto_meant_for_a_network_is_no_key_that_was_set(cli: Cli, workplace: Path, precision: str) -> None:
    write_tsv(workplace / "train.tsv", make_rows(20))
    whole = yaml.safe_load(cli("config", "--data", "train.tsv").out)
    whole["train"]["precision"] = precision  # as in the config.yaml of a run
    Path("run.yaml").write_text(yaml.safe_dump(whole))
    result = cli("train", "--config", "run.yaml", "--preset", "linear", "--run-dir", "run")
    assert result.code == 0 and "has no effect" not in result.err


@pytest.mark.parametrize("options", [["data.dev=test.tsv"], ["data.dev_fraction=0.2"], ["data.dev_fraction=0"]])
def test_other_ways_to_hold_texts_out(cli: Cli, run: Path, options: list[str]) -> None:
    result = cli(*TRAIN, "other", *sets(*options))
    assert result.code == 0, result.err
    has_dev = options != ["data.dev_fraction=0"]
    assert ("on held-out texts: linear model" in result.err) == has_dev
    assert len(Path("other/history.jsonl").read_text().splitlines()) == 1
    assert cli("eval", "other").code == (0 if has_dev else 1)
    assert json.loads(cli("eval", "other", "test.tsv", "--json").out)["accuracy"] > 0.8
    assert "already complete" in cli("train", "--resume", "--run-dir", "other").err


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [("decision.json", '"weight": 1.0', '"weight": 0.5'), ("decision.json", '"linear": true', '"linear": false')],
)
def test_a_decision_that_needs_a_network_is_damaged(cli: Cli, run: Path, file: str, old: str, new: str) -> None:
    path = run / "model" / file
    path.write_text(path.read_text().replace(old, new))
    result = cli("predict", "run", "train.tsv")
    assert (
        result.code == 1
        and f"error: {path}: linear true and a weight of 1 were expected" in result.err
        and len(result.err.splitlines()) == 1
    )


def test_too_few_texts_are_an_error(cli: Cli, workplace: Path) -> None:
    write_tsv(workplace / "train.tsv", make_rows(3))
    result = cli(*TRAIN, "run")
    assert result.code == 1 and "error: no linear model: 3 training texts are too few" in result.err
    assert not Path("run").exists()


def test_with_many_classes_it_has_n_grams_of_two_texts_or_more(cli: Cli, workplace: Path) -> None:
    rows = [(f"class{number % 201}", f"topic{number % 201} word{number} of") for number in range(603)]
    write_tsv(workplace / "train.tsv", rows)
    result = cli(*TRAIN, "run")
    assert result.code == 0, result.err
    words = Path("run/model/linear_words.txt").read_text().split()
    assert sorted(words) == sorted(["of", *(f"topic{number}" for number in range(201))])
    assert json.loads(cli("eval", "run", "--json").out)["accuracy"] > 0.95
    Path("texts.txt").write_text("a topic17 of\ntopic200\n")
    predicted = cli("predict", "run", "texts.txt").out.splitlines()
    assert [line.split("\t")[0] for line in predicted] == ["class17", "class200"]


def test_too_many_classes_are_an_error(cli: Cli, workplace: Path) -> None:
    write_tsv(workplace / "train.tsv", [(f"class{number % 1001}", f"word{number % 1001}") for number in range(2002)])
    result = cli(*TRAIN, "run")
    assert result.code == 1 and "error: no linear model: 1,001 classes are more than 1,000" in result.err
    assert not Path("run").exists()


def test_a_config_for_it_offers_no_key_of_a_network(cli: Cli, train_file: Path) -> None:
    result = cli("init", "train.tsv", "--preset", "linear", "-o", "c.yaml")
    assert result.code == 0, result.err
    text = Path("c.yaml").read_text()
    assert "preset: linear" in text and "#seed: " in text
    assert not any(f"#{key}: " in text for key in ("cell", "hidden_size", "epochs", "max_length", "folds"))
    trained = cli("train", "--config", "c.yaml", "--run-dir", "run")
    assert trained.code == 0 and "has no effect" not in trained.err
