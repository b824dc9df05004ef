"""`textrnn gradients`: of a run and of fresh networks; wrong usage; runs that cannot be measured."""

from __future__ import annotations

import csv
import re
import shutil
from itertools import product
from pathlib import Path

import pytest
from matplotlib.image import imread

from tests.conftest import TINY, TRAINED, Cli, Result, make_rows, sets, write_tsv
from textrnn.run.model_config import FORMAT_VERSION

FRESH = ["--data", "train.tsv", *TINY, "--steps", "4"]


def values(folder: Path | str) -> dict[tuple[str, str], list[float]]:
    """(panel, network) -> the medians in gradients.tsv, from k = 0 on."""
    found: dict[tuple[str, str], list[float]] = {}
    with Path(folder, "gradients.tsv").open(newline="") as stream:
        for row in csv.DictReader(stream, delimiter="\t"):
            medians = found.setdefault((row["panel"], row["network"]), [])
            assert int(row["k"]) == len(medians)
            medians.append(float(row["median"] or "nan"))
    assert Path(folder, "gradients.png").is_file()
    return found


def measured(result: Result) -> str:
    assert result.code == 0, result.err
    assert max(map(len, result.out.splitlines())) <= 80
    return result.out


def test_a_run_before_and_after_its_training(cli: Cli, trained: Path, drawn: None) -> None:
    out = measured(cli("gradients", trained))
    assert min(imread(trained / "gradients/gradients.png").shape[:2]) > 300
    found = values(trained / "gradients")
    assert list(found) == list(product(("as it is", "last step"), ("before training", "after training")))
    assert all(len(medians) > 5 and min(medians) > 0 for medians in found.values())
    assert found["as it is", "before training"] != found["as it is", "after training"]
    assert re.search(r"In its training, the norm of the whole gradient was [\d.]+ on\saverage", out)
    assert "of the steps were clipped at 1." in " ".join(out.split())
    k, _, before, after = out[out.index("\nas it is\n") :].splitlines()[3].split()
    assert (k, before) == ("0", f"{found['as it is', 'before training'][0]:.1e}")
    assert after == f"{found['as it is', 'after training'][0]:.1e}"


@pytest.mark.parametrize(
    "options",
    [
        ["model.num_layers=2", "model.cell=lstm"],
        ["model.ngrams=2", "model.rare_dim=3", "train.folds=2"],
        ["model.pretrained=v.txt", "model.embedding_dim=null", "model.rare_dim=1", "model.freeze_embedding=true"],
    ],
    ids=["two-layers", "narrow-vectors-and-folds", "pretrained"],
)
def test_the_network_before_training_is_the_one_that_training_began_with(
    cli: Cli, train_file: Path, options: list[str]
) -> None:
    """With a learning rate of nearly 0, training ends with the weights that it began with."""
    Path("v.txt").write_text("goal 1 2 0 3\nsoup 0 1 1 2\n")
    still = sets("train.learning_rate=1e-30", "train.weight_decay=0", *options)
    assert cli("train", "--data", "train.tsv", *TINY, *still).code == 0
    measured(cli("gradients", "runs/train"))
    found = values("runs/train/gradients")
    for panel in ("as it is", "last step"):
        assert found[panel, "before training"] == found[panel, "after training"]


@pytest.mark.parametrize(
    "options",
    [["model.architecture=rcnn"], ["model.bidirectional=false", "model.pooling=last"]],
    ids=["rcnn", "read-at-the-last-step"],
)
def test_a_network_with_one_way_to_read_it(cli: Cli, train_file: Path, options: list[str]) -> None:
    assert cli("train", "--data", "train.tsv", *TINY, *sets(*options, "train.grad_clip_norm=null")).code == 0
    out = measured(cli("gradients", "runs/train", "--output", "g"))
    assert {panel for panel, _ in values("g")} == {"as it is"}
    assert "last step" not in out and "nothing was clipped" in " ".join(out.split())


def test_fresh_networks_of_each_cell(cli: Cli, train_file: Path) -> None:
    out = measured(cli("gradients", *FRESH))
    found = values("gradients/train")
    panels, cells = ("before training", "after, clipped at 1", "after, unclipped"), ("rnn", "rnn-relu", "gru", "lstm")
    assert list(found) == list(product(panels, cells))
    assert len({tuple(medians) for medians in found.values()}) >= 9  # clipping may do nothing
    assert len(re.findall(r"^(?:rnn|rnn-relu|gru|lstm) +(?:clipped at 1|unclipped) +\d", out, re.MULTILINE)) == 8


def test_cells_depths_and_the_limit_are_as_asked_for(cli: Cli, train_file: Path) -> None:
    options = ["--cell", "lstm", "--cell", "gru", "--layers", "1", "--layers", "2"]
    out = measured(cli("gradients", *FRESH, *options, *sets("train.grad_clip_norm=1e-6", "model.pooling=attention")))
    found = values("gradients/train")
    assert {panel for panel, _ in found} == {"before training", "after, clipped at 1e-06", "after, unclipped"}
    assert [network for _, network in found][:4] == ["lstm x1", "gru x1", "lstm x2", "gru x2"]
    assert re.search(r"^gru x2 +clipped at 1e-06 .* 100 %$", out, re.MULTILINE)
    assert found["after, clipped at 1e-06", "gru x1"] != found["after, unclipped", "gru x1"]


def test_a_training_that_diverges_is_a_result(cli: Cli, train_file: Path) -> None:
    result = cli("gradients", *FRESH, "--cell", "rnn-relu", *sets("train.learning_rate=1e38", "train.warmup=0"))
    out = measured(result)
    assert re.search(r"^rnn-relu, unclipped: diverged at step \d+ \(not a finite number\)$", out, re.MULTILINE)
    assert "Traceback" not in result.err and "Warning" not in result.err
    assert {str(each) for each in values("gradients/train")["after, unclipped", "rnn-relu"]} == {"nan"}


def test_texts_of_one_token(cli: Cli, workplace: Path) -> None:
    write_tsv(workplace / "train.tsv", [("ab"[number % 2], "xyz"[number % 3]) for number in range(30)])
    result = cli("gradients", *FRESH, "--cell", "gru")
    assert measured(result) and "Warning" not in result.err
    assert all(len(medians) == 1 for medians in values("gradients/train").values())


def test_a_config_names_the_folder_and_needs_no_test_file(cli: Cli, train_file: Path) -> None:
    Path("c.yaml").write_text("data: {train: train.tsv, test: missing.tsv}\nmodel: {hidden_size: 4}\n")
    measured(cli("gradients", "--config", "c.yaml", "--cell", "rnn", "--steps", "1"))
    assert values("gradients/c")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give --config FILE, or --data FILE"),
        (["runs/train", "--data", "train.tsv"], "do not go with RUN"),
        (["runs/train", "--config", "c.yaml"], "do not go with RUN"),
        (["runs/train", "--cell", "gru"], "do not go with RUN"),
        (["runs/train", "--steps", "3"], "do not go with RUN"),
        (["--set", "model.cell=gru"], "or a run's folder, as in: textrnn gradients runs/sample"),
        ([*FRESH, "--layers", "0"], "Invalid value for '--layers': "),
        ([*FRESH, "--steps", "0"], "Invalid value for '--steps': "),
    ],
)
def test_wrong_usage(cli: Cli, train_file: Path, arguments: list[str], message: str) -> None:
    result = cli("gradients", *arguments)
    assert (result.code, result.out) == (2, "")
    assert message in " ".join(result.err.replace("│", " ").split())
    assert not Path("gradients").exists()


def test_a_config_without_training_texts(cli: Cli, workplace: Path) -> None:
    Path("c.yaml").write_text("model: {cell: gru}\n")
    result = cli("gradients", "--config", "c.yaml")
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("error: data.train: expected a file or folder of labelled texts, found none")


def test_runs_that_cannot_be_measured(cli: Cli, trained: Path) -> None:
    def problem(*arguments: object) -> str:
        result = cli("gradients", *arguments)
        assert (result.code, result.out) == (1, ""), result.err
        return result.err

    assert problem("nowhere") == "error: nowhere: no such folder; a run's folder or its model/ was expected\n"
    Path("c.yaml").touch()
    assert "c.yaml: a run's folder was expected, found a file; a config is given with --config" in problem("c.yaml")
    assert "the folder of a model, which has no texts" in problem(trained / "model")
    shutil.copytree(trained, "newer")
    description = Path("newer/model/config.yaml")
    description.write_text(description.read_text().replace(f"format_version: {FORMAT_VERSION}", "format_version: 99"))
    assert "newer/model/config.yaml: format_version: saved by a newer textrnn" in problem("newer")
    shutil.copytree(trained, "cut")
    weights = Path("cut/model/model.safetensors")
    weights.write_bytes(weights.read_bytes()[:-9])
    assert "cut/model/model.safetensors: " in problem("cut")
    shutil.copytree(trained, "other")
    config = Path("other/config.yaml")
    config.write_text(config.read_text().replace("cell: lstm", "cell: gru").replace("pooling: max", "pooling: mean"))
    assert "other/config.yaml: not what the model was trained with: model.cell, model.pooling" in problem("other")
    Path("blocked").write_text("")
    assert "blocked: the folder cannot be created" in problem(trained, "--output", "blocked")
    write_tsv(Path("train.tsv"), make_rows(61))
    assert "data.train: the content has changed since the run began" in problem(trained, "--output", "new")
    assert not Path("new").exists() and not (trained / "gradients").exists()
    Path("train.tsv").unlink()
    assert problem(trained).endswith("train.tsv: no such file or folder\n")


def test_rows_that_are_skipped_are_told(cli: Cli, workplace: Path) -> None:
    with write_tsv(workplace / "train.tsv", make_rows(60)).open("a") as stream:
        stream.write("no columns\n")
    result = cli("gradients", *FRESH, "--cell", "rnn", *sets("data.bad_rows=skip"))
    measured(result)
    assert "1 bad row of train skipped: train.tsv:61: " in result.err


def test_a_run_that_is_started_over_loses_what_was_measured(cli: Cli, trained: Path) -> None:
    (trained / "gradients").mkdir()
    assert cli("train", *TRAINED, "--force").code == 0
    assert not (trained / "gradients").exists()
