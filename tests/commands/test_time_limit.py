"""The time that training takes: an estimate of it, and a limit to it (`train --minutes`)."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from tests.commands.test_cross_fitting import FILES, TRAIN, history_of
from tests.conftest import TINY, Cli, make_rows, sets
from tests.stops import at_step, send, slow_steps
from textrnn import RNNClassifier

# Four networks of two epochs of six steps each. A step takes ten seconds, as far as the clock shows.
STEP_SECONDS, NETWORK_STEPS, NETWORKS = 10, 12, 4
SCHEDULE = sets("train.learning_rate=0.01", "train.warmup=0")


def check_whole(cli: Cli, run: str) -> dict:
    """Fail unless the run's model can be used and evaluated; returns the metrics on held-out texts."""
    Path("texts.txt").write_text("soup and bread\n")
    assert cli("predict", run, "texts.txt").code == 0
    assert "run is already complete" in cli("train", "--resume", "--run-dir", run).err
    evaluated = cli("eval", run, "--json")
    assert evaluated.code == 0, evaluated.err
    return json.loads(evaluated.out)


def test_networks_for_which_there_is_no_time_are_left_out_and_their_texts_are_not_judged(
    cli: Cli, train_file: Path
) -> None:
    with slow_steps(STEP_SECONDS):
        result = cli(*TRAIN, "run", "--minutes", 5)
    assert result.code == 0, result.err
    history = history_of(Path("run"))
    assert [(line.get("fold"), line["epoch"]) for line in history] == [(1, 1), (1, 2), (2, 1), (2, 2), (None, 2)]
    assert "train.minutes 5: 2 networks of 4 left out\n" in result.err
    assert "longer than train.minutes" not in result.err
    metrics = check_whole(cli, "run")
    assert metrics["n"] == 30  # those of folds 1 and 2
    assert metrics["accuracy"] == pytest.approx(history[-1]["dev_accuracy"])
    assert metrics["parts"]["linear"]["loss"] == pytest.approx(history[-1]["dev_linear_loss"], rel=1e-5)
    assert "evaluated on 30 of 60 held-out texts" in cli("eval", "run").err
    assert "30 texts" in cli("info", "run").out


def test_if_not_even_one_network_has_time_its_schedule_ends_with_the_time(cli: Cli, train_file: Path) -> None:
    with slow_steps(STEP_SECONDS):
        result = cli(*TRAIN, "run", *SCHEDULE, "--minutes", 1)
    assert result.code == 0, result.err
    network, summary = history_of(Path("run"))
    assert (network["fold"], network["epoch"]) == (1, 1) and network["step"] < 6
    assert network["learning_rate"] == pytest.approx(0.01 / NETWORK_STEPS)  # that of the last of twelve steps
    assert "fold" not in summary and summary["dev_accuracy"] == pytest.approx(network["dev_accuracy"])
    assert "3 networks of 4 left out, fold 1: 0.83 of 2 epochs trained" in result.err
    assert check_whole(cli, "run")["n"] == 15


def test_enough_time_changes_nothing(cli: Cli, train_file: Path) -> None:
    assert cli(*TRAIN, "without").code == 0
    result = cli(*TRAIN, "with", "--minutes", 1000)
    assert result.code == 0 and "left out" not in result.err
    assert all(Path("with", name).read_bytes() == Path("without", name).read_bytes() for name in FILES)
    assert "\n  minutes: 1000.0\n" in Path("with/config.yaml").read_text()


@pytest.mark.parametrize(
    "options",
    [["--preset", "plain"], sets("train.folds=1"), sets("data.dev_fraction=0"), sets("data.dev=train.tsv"), TINY],
    ids=["plain", "one network", "no dev set", "dev file", "no linear model"],
)
def test_a_run_without_any_time_still_gives_a_model(options: list[str], cli: Cli, train_file: Path) -> None:
    result = cli(*TRAIN, "run", *options, "--minutes", 1e-9)
    assert result.code == 0, result.err
    (line,) = history_of(Path("run"))
    assert line["step"] == 1
    assert re.search(r"warning: the run took \d+ s, longer than train.minutes: \d+ s until networks", result.err)
    Path("texts.txt").write_text("soup\n")
    assert cli("predict", "run", "texts.txt").code == 0
    assert cli("eval", "run", "train.tsv").code == 0


@pytest.mark.parametrize("network", [1, 2])
def test_a_resumed_run_has_only_the_time_that_is_left(network: int, cli: Cli, train_file: Path) -> None:
    """The time of the first process is not known to the second one but from the saved state."""
    with slow_steps(STEP_SECONDS), at_step(3, send(), network=network):
        assert cli(*TRAIN, "run", "--minutes", 5).code == 143
    with slow_steps(STEP_SECONDS):
        result = cli("train", "--resume", "--run-dir", "run")
    assert result.code == 0, result.err
    history = history_of(Path("run"))
    assert [(line.get("fold"), line["epoch"]) for line in history] == [(1, 1), (1, 2), (2, 1), (2, 2), (None, 2)]
    assert check_whole(cli, "run")["n"] == 30


def test_a_network_that_was_begun_is_trained_in_what_time_is_left(cli: Cli, train_file: Path) -> None:
    with slow_steps(STEP_SECONDS), at_step(3, send()):
        assert cli(*TRAIN, "run", *SCHEDULE, "--minutes", 1).code == 143
    with slow_steps(STEP_SECONDS):
        assert cli("train", "--resume", "--run-dir", "run").code == 0
    network, _ = history_of(Path("run"))
    assert 4 <= network["step"] < 6
    assert network["learning_rate"] == pytest.approx(0.01 / NETWORK_STEPS)
    check_whole(cli, "run")
    changed = cli("train", "--resume", "--run-dir", "run", "--minutes", 2)
    assert changed.code == 1 and "train.minutes" in changed.err


@pytest.mark.parametrize(("minutes", "code"), [(0, 1), (-1, 1), ("nan", 1), ("inf", 1), ("x", 2)])
def test_what_is_no_time(minutes: object, code: int, cli: Cli, train_file: Path) -> None:
    result = cli(*TRAIN, "run", "--minutes", minutes)
    assert (result.code, result.out) == (code, "")
    assert result.err.count("error: ") == 1 and "minutes" in result.err and str(minutes) in result.err
    assert not Path("run").exists()


def estimates(err: str) -> list[tuple[float, float]]:
    """The estimated minutes, and the share in percent that is done."""
    lines = re.findall(r"^training: (\d+) % of all steps taken, about (\d+) (s|min) left$", err, re.MULTILINE)
    return [(float(number) / (60 if unit == "s" else 1), float(share)) for share, number, unit in lines]


def test_the_log_estimates_the_time_of_all_networks(cli: Cli, train_file: Path) -> None:
    with slow_steps(STEP_SECONDS):
        result = cli(*TRAIN, "run")
    total = NETWORKS * NETWORK_STEPS * STEP_SECONDS / 60
    lines = estimates(result.err)
    assert len(lines) >= 9
    assert lines[-1][1] < 100  # nothing is left to estimate
    for minutes, share in lines:
        assert minutes == pytest.approx(total * (1 - share / 100), abs=0.7)


def test_steps_of_an_earlier_process_are_no_part_of_the_estimate(cli: Cli, train_file: Path) -> None:
    with slow_steps(100 * STEP_SECONDS), at_step(6, send(), network=2):
        assert cli(*TRAIN, "run").code == 143
    with slow_steps(STEP_SECONDS):
        lines = estimates(cli("train", "--resume", "--run-dir", "run").err)
    assert max(minutes for minutes, _ in lines) < 6  # thirty steps are left


def test_the_estimator_has_the_limit() -> None:
    labels, texts = zip(*make_rows(60), strict=True)
    model = RNNClassifier(minutes=1e-9, hidden_size=4, embedding_dim=4, min_count=1).fit(texts, labels)
    assert [line["step"] for line in model.history_] == [1, 1]
    assert np.isin(model.predict(texts), labels).all()
    with pytest.raises(ValueError, match="minutes"):
        RNNClassifier(minutes=0).fit(texts, labels)
