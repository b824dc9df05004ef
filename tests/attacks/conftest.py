"""Trained runs that cases copy, and the loop over the cases of a family."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.attacks.case import Case, Server
from tests.attacks.small import OPTIONS, SMALL
from tests.conftest import make_rows, write_tsv

_SHOWN_FAILURES = 30


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture(scope="session")
def templates(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data and three tiny runs: `run` (TextRNN), `rcnn`, and `cut`, which a signal stopped in its second epoch."""
    folder = tmp_path_factory.mktemp("attacks") / "templates"
    folder.mkdir()
    rows = make_rows(60)
    write_tsv(folder / "train.tsv", rows)
    write_tsv(folder / "test.tsv", make_rows(24, seed=1))
    (folder / "texts.txt").write_text("".join(f"{text}\n" for _, text in rows[:24]))
    for file in folder.iterdir():
        os.utime(file, (1e9, 1e9))  # a digest is remembered only where the file is not quite new
    train = ["train", *OPTIONS, "--set", "train.epochs=1", "--run-dir"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert server.run([*train, "run"], {})[0] == 0
        assert server.run([*train, "rcnn", "--set", "model.architecture=rcnn"], {})[0] == 0
        assert server.run([*train, "cut", "--set", "train.epochs=2"], {}, stop_at_step=6)[0] == 143
    assert (folder / "cut/resume/state.safetensors").exists()
    shutil.rmtree(folder / ".textrnn_cache")
    return folder


@pytest.fixture
def attack(server: Server, templates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`attack("data", function, 20)` runs 20 cases and fails with a list of those that have problems."""

    def run(family: str, function: Callable[[Case], None], count: int) -> None:
        failed, begin = [], time.monotonic()
        numbers = chosen_numbers(count)
        for number in numbers:
            case = Case(family, number, tmp_path / f"{family}-{number}" / "here", templates, server)
            case.folder.mkdir(parents=True)
            monkeypatch.chdir(case.folder)
            try:
                function(case)
            except Exception as error:  # an attack that fails itself is to be seen among the others
                case.problems.append(f"the attack itself failed: {type(error).__name__}: {error}")
            monkeypatch.chdir(tmp_path)
            if case.problems:
                failed.append(case)
                with (tmp_path / "failed.txt").open("a") as stream:  # can be read before the last case has run
                    stream.write(_described(case) + "\n")
            else:
                shutil.rmtree(case.folder.parent, ignore_errors=True)
        print(f"\n{family}: {len(numbers)} cases, {len(failed)} failed, {time.monotonic() - begin:.1f} s")
        if failed:
            pytest.fail(_report(failed, len(numbers)), pytrace=False)

    return run


def chosen_numbers(count: int) -> list[int]:
    one = os.environ.get("TEXTRNN_ATTACK_CASE")
    first, times = os.environ.get("TEXTRNN_ATTACKS_FROM", "0"), os.environ.get("TEXTRNN_ATTACKS", "1")
    return [int(one)] if one else list(range(int(first), int(first) + int(count * float(times))))


def _report(failed: list[Case], count: int) -> str:
    return "\n".join(
        [f"{failed[0].family}: {len(failed)} of {count} cases failed", *map(_described, failed[:_SHOWN_FAILURES])]
    )


def _described(case: Case) -> str:
    usual = " ".join(map(repr, SMALL))
    lines = [f"\n{case.family} {case.number}, in {case.folder}"]
    lines += [f"    {note.replace(usual, '(SMALL)')[:600]}" for note in case.notes]
    lines += [f"    PROBLEM {problem[:1500]}" for problem in case.problems]
    lines += [
        f"    repeat: TEXTRNN_ATTACK_CASE={case.number} pytest "
        f"'tests/attacks/test_attacks.py::test_few_cases[{case.family}]'"
    ]
    return "\n".join(lines).encode("utf-8", "backslashreplace").decode()
