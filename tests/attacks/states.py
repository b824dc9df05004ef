"""An interrupted run whose files are damaged: it goes on or is refused, and its best model stays."""

from __future__ import annotations

import contextlib
import json
import struct
from pathlib import Path

from tests.attacks.case import Case
from tests.attacks.check import check, files
from tests.attacks.models import damage, damage_bytes

_ODD = [
    None, 0, -1, 1, 2, 3, 5, 10**9, -(10**9), 2**63, 10**400, 0.5, -0.5, 1e308, float("nan"), float("inf"), True,
    False, "", "1", "x", [], [1], {}, {"a": 1},
]  # fmt: skip


def attack(case: Case) -> None:
    rng = case.rng
    run = rng.choice(["cut", "cut", "run"])
    case.copy("train.tsv", "test.tsv", "texts.txt", run)
    folder = Path(run)
    for _ in range(rng.choice([1, 1, 2])):
        kind = rng.choice(
            ["progress", "progress", "state", "state", "history", "history", "environment", "config", "any"]
        )
        with contextlib.suppress(FileNotFoundError, IsADirectoryError, struct.error, ValueError):  # damaged before
            _damage(case, folder, kind)
    had_model = (folder / "model/model.safetensors").is_file()
    before = files()
    more = [] if run == "cut" else ["--set", "train.epochs=2"]
    ended = case.run("train", "--resume", "--run-dir", run, *more)
    check(case, ended, before)
    if ended.code == 0 and had_model and "complete" not in ended.err:
        now = files()
        after = case.run("predict", run, "texts.txt")
        check(case, after, now)
        if after.code:
            case.problems.append(f"after a resume that succeeded, predict says {after.err[-300:]!r}")


def _damage(case: Case, folder: Path, kind: str) -> None:
    rng = case.rng
    state = folder / "resume/state.safetensors"
    if kind == "progress":
        _other_progress(case, state)
    elif kind == "state":
        if rng.random() < 0.4:
            damage(case, state.parent)
        else:
            damage_bytes(case, state)
    elif kind == "history":
        if rng.random() < 0.5:
            damage_bytes(case, folder / "history.jsonl")
        else:
            _other_json(case, folder / "history.jsonl")
    elif kind == "environment":
        if rng.random() < 0.5:
            damage_bytes(case, folder / "environment.json")
        else:
            _other_json(case, folder / "environment.json")
    elif kind == "config":
        damage_bytes(case, folder / "config.yaml")
    else:
        damage(case, folder)


def _other_progress(case: Case, path: Path) -> None:
    content = path.read_bytes()
    (size,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + size])
    progress = json.loads(header["__metadata__"]["progress"])
    key = case.rng.choice(sorted(progress))
    progress[key] = case.rng.choice(_ODD)
    if case.rng.random() < 0.1:
        del progress[key]
    case.note(f"progress: {key} = {str(progress.get(key, 'gone'))[:50]}")
    header["__metadata__"]["progress"] = json.dumps(progress)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + size :])


def _other_json(case: Case, path: Path) -> None:
    """One value of one object has another one."""
    lines = path.read_text().splitlines() if path.suffix == ".jsonl" else [path.read_text()]
    at = case.rng.randrange(len(lines))
    item = json.loads(lines[at])
    key = case.rng.choice(sorted(item))
    item[key] = case.rng.choice(_ODD)
    case.note(f"{path.name}: {key} = {str(item[key])[:50]}")
    lines[at] = json.dumps(item)
    if case.rng.random() < 0.1:
        lines.insert(at, lines[at])
    path.write_text("\n".join(lines) + "\n")
