"""A new run replaces only what is an older run's, and a trained model only where it was asked to."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.commands.bad_inputs import check_refused, put
from tests.conftest import TRAINED, Cli
from tests.forked import Forked
from tests.stops import at_file, at_step, die, send
from textrnn import RNNClassifier
from textrnn.run.model_config import FORMAT_VERSION

WEIGHTS = Path("runs/train/model/model.safetensors")
FORCED = [*TRAINED, "--force", "--run-dir"]
RESUMED = [*TRAINED, "--resume", "--run-dir"]


@pytest.mark.parametrize("kept", ["model/model.safetensors", "history.jsonl"])
def test_a_trained_run_without_its_state_is_not_begun_anew_by_resume(cli: Cli, trained: Path, kept: str) -> None:
    shutil.rmtree(trained / "resume")
    for name in {"model/model.safetensors", "history.jsonl"} - {kept}:
        (trained / name).unlink()
    message = (
        "runs/train/resume/state.safetensors: the training state is missing, so the run cannot be resumed; its "
        "model is untouched; put the state back, use the model as it is, or start over with: textrnn train --force "
        "--run-dir runs/train"
    )
    check_refused(cli, "train", {"runs/train/eval/mine/report.txt": "x"}, [*RESUMED, str(trained)], (message,))
    assert cli("train", *FORCED, trained).code == 0


@pytest.mark.parametrize("options", [["--resume"], []])
def test_a_run_killed_before_it_wrote_its_config_begins_again(cli: Cli, trained: Path, options: list[str]) -> None:
    put({"killed/environment.json": (trained / "environment.json").read_bytes(), "killed/.config.yaml.12.tmp": "data"})
    result = cli("train", *TRAINED, "--run-dir", "killed", *options)
    assert result.code == 0, result.err
    assert Path("killed/model/model.safetensors").read_bytes() == WEIGHTS.read_bytes()


def test_a_run_killed_at_its_first_weights_goes_on(cli: Cli, trained: Path) -> None:
    with at_file("model.safetensors", die, after=True):
        assert cli("train", *TRAINED, "--run-dir", "killed").code == 130
    assert Path("killed/model/model.safetensors").exists()
    result = cli("train", *RESUMED, "killed")
    assert result.code == 0, result.err
    assert Path("killed/model/model.safetensors").read_bytes() == WEIGHTS.read_bytes()


OTHER_TOOL = {"other/config.yaml": "a: 1\n", "other/model/theirs": "x", "other/eval/theirs": "x"}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"other/environment.json": '{"node": "20.1"}'},
        {"other/environment.json": "[]", "other/history.jsonl": '{"epoch": 1, "step": 3}\n', "other/resume/x": "x"},
    ],
)
def test_the_folder_of_another_tool_is_left_alone(cli: Cli, trained: Path, more: dict[str, str]) -> None:
    message = "other: exists and is not a run (it has no environment.json that textrnn wrote)"
    check_refused(cli, "train", OTHER_TOOL | more, [*FORCED, "other"], (message,))


def test_a_config_of_textrnn_does_not_make_a_folder_a_run(cli: Cli, trained: Path) -> None:
    files = OTHER_TOOL | {"other/config.yaml": (trained / "config.yaml").read_bytes()}
    for options in (FORCED, RESUMED):
        check_refused(cli, "train", files, [*options, "other"], ("other: exists and is not a run",))


def test_a_saved_model_is_no_run(cli: Cli, trained: Path) -> None:
    model = RNNClassifier(epochs=1, embedding_dim=4, hidden_size=4, linear="none", ngrams=1, device="cpu")
    model.fit([f"{word} {number}" for number in range(20) for word in ("a b", "c d")], [0, 1] * 20).save("saved")
    for folder in ("saved", "runs/train/model"):
        check_refused(cli, "train", {}, [*FORCED, folder], (f"{folder}: exists and is not a run",))


def test_force_replaces_a_run_and_leaves_other_files(cli: Cli, trained: Path) -> None:
    put({"runs/train/eval/t/report.txt": "x", "runs/train/notes.txt": "x", "runs/train/.notes.tmp": "x"})
    old = (trained / "environment.json").read_text()
    (trained / "environment.json").write_text(json.dumps(json.loads(old) | {"textrnn": "0.0.1"}))
    assert cli("train", *FORCED, trained).code == 0
    new = json.loads((trained / "environment.json").read_text())
    assert new == json.loads(old) | {"began": new["began"]}
    assert not (trained / "eval").exists()
    assert (trained / "notes.txt").exists() and (trained / ".notes.tmp").exists()


@pytest.mark.parametrize("name", ["model", "resume", "plots", "config.yaml", "history.jsonl", "environment.json"])
def test_force_does_not_follow_links_out_of_the_run(cli: Cli, trained: Path, name: str) -> None:
    (trained / name).rename("elsewhere")
    (trained / name).symlink_to(Path("elsewhere").absolute())
    message = f"runs/train/{name}: a symbolic link: a new run replaces only what is in"
    check_refused(cli, "train", {}, [*FORCED, str(trained)], (message,))


def test_a_run_may_itself_be_reached_by_a_link(cli: Cli, trained: Path) -> None:
    Path("link").symlink_to(trained.absolute())
    assert cli("train", *FORCED, "link").code == 0
    assert WEIGHTS.exists()


def test_what_cannot_be_removed_is_an_error(cli: Cli, trained: Path) -> None:
    shutil.rmtree(trained / "model")
    put({"runs/train/model": "a file"})
    result = cli("train", *FORCED, trained)
    message = "error: runs/train/model/model.safetensors: cannot be removed: Not a directory"
    assert (result.code, result.err.splitlines()[-1]) == (1, message)


def test_an_interrupted_run_reports_the_command_that_continues_it(cli: Cli, trained: Path) -> None:
    with at_step(1, send(signal.SIGINT)):
        result = cli("train", *TRAINED, "--run-dir", "a run")
    assert result.code == 130
    assert "continue with: textrnn train --resume --run-dir 'a run'" in result.err.splitlines()[-1]
    assert cli("train", "--resume", "--run-dir", "a run").code == 0


def interrupt_at_the_corpus() -> None:
    os.rename = lambda *paths: os.kill(os.getpid(), signal.SIGINT)  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("prepare", "end"),
    [
        (interrupt_at_the_corpus, "training had not started, so new is unchanged"),
        (at_file("vocab.txt", send(signal.SIGINT)).__enter__, "continue with: textrnn train --resume --run-dir new"),
    ],
)
def test_ctrl_c_before_the_first_step_reports_how_to_continue(
    cli: Cli, trained: Path, prepare: Callable[[], None], end: str
) -> None:
    options = [*TRAINED, "--set", "data.cache_dir=empty", "--run-dir", "new"]
    interrupted = Forked("train", *options, prepare=prepare)
    assert interrupted.communicate()[1].decode().splitlines()[-1] == f"interrupted; {end}"
    assert interrupted.wait() == 130
    assert cli("train", *options, "--resume").code == 0
    assert Path("new/model/model.safetensors").read_bytes() == WEIGHTS.read_bytes()


@pytest.mark.parametrize("version", [FORMAT_VERSION - 1, FORMAT_VERSION + 1])
def test_a_run_of_another_version_is_not_resumed_and_stays_as_it_is(cli: Cli, trained: Path, version: int) -> None:
    config = trained / "model" / "config.yaml"
    config.write_text(config.read_text().replace(f"format_version: {FORMAT_VERSION}", f"format_version: {version}"))
    message = f"{config}: saved in version {version} of the format, but this textrnn saves version "
    check_refused(cli, "train", {}, ["--resume", "--run-dir", str(trained), "--set", "train.epochs=30"], (message,))
