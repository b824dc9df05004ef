"""`train --tensorboard`: what is in its files is what history.jsonl has, also of a run that was stopped and resumed."""

from __future__ import annotations

import errno
import json
import struct
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from tensorboardX import event_file_writer
from tensorboardX.proto.event_pb2 import Event, SessionLog

from tests.conftest import TINY, Cli, sets
from tests.stops import at_step, die, in_evaluation, send
from textrnn.training import one_network

OPTIONS = ["--data", "train.tsv", *TINY, *sets("train.epochs=3", "train.patience=null")]
LINEAR = sets("model.linear=mix")
Series = dict[str, list[tuple[int, float]]]


def events(path: Path) -> Iterator[Event]:
    """Records of TensorFlow: length (8 bytes), its checksum (4), content, its checksum (4)."""
    content = path.read_bytes()
    while content:
        (length,) = struct.unpack("<Q", content[:8])
        yield Event.FromString(content[12 : 12 + length])
        content = content[16 + length :]


def series(folder: Path) -> Series:
    """Tag -> steps and values, as TensorBoard shows them: the start of a session voids its steps in earlier files."""
    found: Series = defaultdict(list)
    for path in sorted(folder.glob("events.out.tfevents.*")):
        for event in events(path):
            if event.session_log.status == SessionLog.START:
                for tag, points in found.items():
                    found[tag] = [point for point in points if point[0] < event.step]
            for value in event.summary.value:
                found[value.tag].append((event.step, value.simple_value))
    return found


def history(run: str, fold: int | None = None) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in Path(run, "history.jsonl").read_text().splitlines()]
    return [line for line in lines if line.get("fold") == fold]


def check_like_history(found: Series, lines: list[dict[str, Any]]) -> None:
    for key in lines[0].keys() - {"epoch", "step", "fold"}:
        expected = [(line["step"], pytest.approx(line[key], rel=1e-6)) for line in lines if line[key] is not None]
        assert found.get(f"epoch/{key}", []) == expected
    step = 0
    for line in lines:
        numbers = list(range(step + 1, line["step"] + 1))
        assert found["step/loss"][step : line["step"]] == [(number, pytest.approx(1, abs=1)) for number in numbers]
        norms = [value for number, value in found["step/grad_norm"] if number in numbers]
        assert sum(norms) / len(norms) == pytest.approx(line["grad_norm_mean"], rel=1e-5)
        assert max(norms) == pytest.approx(line["grad_norm_max"], rel=1e-6)
        step = line["step"]
        assert dict(found["step/learning_rate"])[step] == pytest.approx(line["learning_rate"], rel=1e-6)
    assert len(found["step/loss"]) == step


def test_the_files_have_steps_and_what_history_has(cli: Cli, train_file: Path) -> None:
    assert cli("train", *OPTIONS, *LINEAR, "--run-dir", "without").code == 0
    result = cli("train", *OPTIONS, *LINEAR, "--run-dir", "run", "--tensorboard")
    assert (result.code, result.out) == (0, "run\n"), result.err
    found, lines = series(Path("run/tensorboard")), history("run")
    check_like_history(found, lines)
    for part in ("dev_accuracy", "dev_network_loss", "dev_linear_macro_f1", "clipped"):
        assert len(found[f"epoch/{part}"]) == 3
    losses = [value for step, value in found["step/loss"] if step <= lines[0]["step"]]
    assert min(losses) <= lines[0]["train_loss"] <= max(losses)
    assert Path("run/model/model.safetensors").read_bytes() == Path("without/model/model.safetensors").read_bytes()
    assert not Path("without/tensorboard").exists()


def test_each_fold_is_a_run_of_its_own(cli: Cli, train_file: Path) -> None:
    assert cli("train", *OPTIONS, *sets("train.folds=2"), "--run-dir", "run", "--tensorboard").code == 0
    assert {path.name for path in Path("run/tensorboard").iterdir()} == {"fold_1", "fold_2"}
    for fold in (1, 2):
        check_like_history(series(Path(f"run/tensorboard/fold_{fold}")), history("run", fold))


STOPS: dict[str, Callable[[], AbstractContextManager[None]]] = {
    "killed": lambda: at_step(6, die, network=2),
    "signal": lambda: at_step(6, send(), network=2),
    "in evaluation": lambda: in_evaluation(send(), lambda: Path("cut/resume/fold_2.safetensors").exists()),
}


@pytest.mark.parametrize("stop", STOPS)
def test_a_resumed_run_has_each_step_once(
    cli: Cli, train_file: Path, stop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(one_network, "FLUSH_SECONDS", 0)  # each step is measured at once, so that some are there twice
    options = [*OPTIONS, *sets("train.folds=2"), "--tensorboard", "--run-dir"]
    with STOPS[stop]():
        assert cli("train", *options, "cut").code in (130, 143)
    assert cli("train", "--resume", "--run-dir", "cut").code == 0  # its config has the key
    assert cli("train", *options, "whole").code == 0
    weights = [Path(run, "model/model.safetensors").read_bytes() for run in ("whole", "cut")]
    assert weights[0] == weights[1]
    for fold in ("fold_1", "fold_2"):
        whole, cut = series(Path("whole/tensorboard", fold)), series(Path("cut/tensorboard", fold))
        del whole["epoch/seconds"], whole["epoch/tokens_per_second"]
        assert {tag: cut[tag] for tag in whole} == whole


def test_a_resumed_run_may_begin_and_stop_to_write_them(cli: Cli, trained: Path) -> None:
    more = ["train", "--resume", "--run-dir", trained]
    result = cli(*more, "--tensorboard", "--set", "train.epochs=3")
    assert result.code == 0, result.err
    found = series(trained / "tensorboard")
    assert [step for step, _ in found["step/loss"]] == [9, 10, 11, 12]
    assert [step for step, _ in found["epoch/dev_loss"]] == [12]
    assert cli(*more, "--set", "train.epochs=4", "--set", "train.tensorboard=false").code == 0
    assert series(trained / "tensorboard") == found
    files = list((trained / "tensorboard").iterdir())
    assert cli(*more, "--tensorboard").code == 0  # complete: there is nothing to do
    assert list((trained / "tensorboard").iterdir()) == files


def test_starting_over_removes_the_old_files(cli: Cli, train_file: Path) -> None:
    assert cli("train", *OPTIONS, "--run-dir", "run", "--tensorboard").code == 0
    assert cli("train", *OPTIONS, "--run-dir", "run", "--force").code == 0
    assert not Path("run/tensorboard").exists()


def test_without_tensorboardx_there_is_one_error_and_no_run(
    cli: Cli, train_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "textrnn.training.tensorboard", raising=False)
    for name in [name for name in sys.modules if name.startswith("tensorboardX")]:
        monkeypatch.setitem(sys.modules, name, None)
    before = set(Path().iterdir())
    result = cli("train", *OPTIONS, "--tensorboard", "--run-dir", "run")
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("error: train.tensorboard: ") and result.err.count("\n") == 1
    assert "pip install tensorboardX" in result.err
    assert set(Path().iterdir()) == before


def test_a_full_disk_is_one_error_with_the_folder(cli: Cli, train_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(self: object, event: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(event_file_writer.EventsWriter, "write_event", write)
    result = cli("train", *OPTIONS, "--tensorboard", "--run-dir", "run")
    assert result.code == 1
    assert result.err.splitlines()[-1] == "error: run/tensorboard: cannot be written: No space left on device"
    assert "Traceback" not in result.err
