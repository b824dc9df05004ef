"""Damaged models, interrupted runs and caches: refused, or gone on with, but never half-read, and nothing is lost."""

from __future__ import annotations

import json
import math
import re
import struct
from pathlib import Path
from typing import Any

import torch
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from tests.attacks.command import OPTIONS, Ended, attack
from tests.attacks.hostile import YAML_VALUES, Draw, damage, half, pick, rarely

_ODD = [
    None, 0, -1, 1, 2, 3, 5, 10**9, -(10**9), 2**63, 10**400, 0.5, -0.5, 1e308, math.nan, math.inf, True, False, "",
    "1", "x", [], [1], {}, {"a": 1},
]  # fmt: skip
_TYPES = [torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int8, torch.bool, torch.float8_e4m3fn]


def attack_model(draw: Draw) -> None:
    """Each file of RUN/model with other bytes, other values, or gone."""
    run = pick(draw, ["run", "rcnn"])
    _damage_in(draw, Path(run) if draw(rarely) else Path(run, "model"))
    words = [[], ["--output-format", "jsonl", "--top-k", "3"], ["--output", "out.tsv"], ["--precision", "bfloat16"]]
    attack("predict", run, "texts.txt", *pick(draw, words))
    attack("eval", run, *pick(draw, [[], ["test.tsv"], ["test.tsv", "--json"], ["--split", "dev"]]))


def attack_state(draw: Draw) -> None:
    """An interrupted run goes on or is refused, and its best model stays."""
    run = pick(draw, ["cut", "cut", "run"])
    files = ["resume", "resume", "history.jsonl", "environment.json", "config.yaml", "."]
    _damage_in(draw, Path(run, pick(draw, files)))
    had_model = Path(run, "model/model.safetensors").is_file()
    ended = attack("train", "--resume", "--run-dir", run, *([] if run == "cut" else ["--set", "train.epochs=2"]))
    if ended.code == 0 and had_model and "complete" not in ended.err:
        assert attack("predict", run, "texts.txt").code == 0, "predict fails after a resume that succeeded"


def attack_cache(draw: Draw) -> None:
    """The result with a damaged cache is that of an untouched one, and nothing is said of it."""
    words = ["train", *OPTIONS, "--force", "--run-dir", "new"]
    first = attack(*words)
    expected = Path("new/model/model.safetensors").read_bytes()
    paths = sorted(file for file in Path(".textrnn_cache").rglob("*") if file.is_file() and not file.is_symlink())
    for path in draw(st.lists(st.sampled_from(paths), min_size=1, max_size=3, unique=True)):
        if path.suffix == ".json" and draw(half):
            _other_json(draw, path)
        else:
            damage(draw, path)
    second = attack(*words)
    assert second.code == 0, f"exit {second.code} with a damaged cache: {second.err}"
    assert Path("new/model/model.safetensors").read_bytes() == expected
    assert _timeless(second) == _timeless(first)


def _timeless(ended: Ended) -> str:
    """What was printed, without times and rates."""
    return re.sub(r"[\d.,]+ (s\b|tokens/s)|time used.*", "", ended.out.decode() + ended.err)


def _damage_in(draw: Draw, place: Path) -> None:
    """Something happens to one file, or two, of a folder."""
    for _ in range(2 if draw(rarely) else 1):
        paths = [place] if place.is_file() else sorted(place.rglob("*"))
        path = pick(draw, [file for file in paths if file.is_file() and file.suffix != ".png"])
        change = {".safetensors": _other_tensors, ".yaml": _other_key, ".json": _other_json, ".jsonl": _other_json}
        try:
            change.get(path.suffix, damage)(draw, path) if draw(half) else damage(draw, path)
        except (ValueError, LookupError, TypeError, AttributeError, struct.error):  # damaged before
            damage(draw, path)


def _other_key(draw: Draw, path: Path) -> None:
    """A line of the config has another value; sizes are small or absurd, since the model is made before its weights
    are read."""
    lines = path.read_text().splitlines()
    at = pick(draw, [at for at, line in enumerate(lines) if line.startswith(("  ", "format_version"))])
    values = st.sampled_from(YAML_VALUES) | st.sampled_from(["1", "2", "3", "7", "true", "null", "1000000000000"])
    lines[at] = f"{lines[at].partition(':')[0]}: {draw(values)}"
    path.write_bytes(("\n".join(lines) + "\n").encode("utf-8", "surrogateescape"))


def _other_json(draw: Draw, path: Path) -> None:
    """One value of one object is another one."""
    lines = path.read_text().splitlines() if path.suffix == ".jsonl" else [path.read_text()]
    at = draw(st.integers(0, len(lines) - 1))
    item = json.loads(lines[at])
    item[pick(draw, sorted(item))] = pick(draw, _ODD)
    lines[at] = json.dumps(item)
    path.write_text("\n".join([*lines, lines[at]] if draw(rarely) else lines) + "\n")


def _other_tensors(draw: Draw, path: Path) -> None:
    """Another tensor, or another header, which is JSON: one that does not fit the tensors, or damaged progress."""
    content = path.read_bytes()
    end = 8 + struct.unpack("<Q", content[:8])[0]
    header, tensors = json.loads(content[8:end]), load_file(path)
    metadata = header.get("__metadata__", {})
    name = pick(draw, sorted(tensors))
    kind = pick(draw, ["tensor", "tensor", "entry", "entry", "header", *["progress"] * (2 * ("progress" in metadata))])
    if kind == "tensor":
        save_file(tensors | _other_tensor(draw, name, tensors.pop(name)), path, metadata)
        return
    if kind == "progress":
        progress = json.loads(metadata["progress"])
        progress[pick(draw, sorted(progress))] = pick(draw, _ODD)
        metadata["progress"] = json.dumps(progress)
    elif kind == "entry":
        number: Any = pick(draw, [-1, 0, 1, 2**31, 2**63, 2**64, 10**30, 1.5, None, "1", [], True])
        header[name] |= pick(draw, [
            {"shape": [number]}, {"shape": [*header[name]["shape"], number]}, {"shape": [1] * 100}, {"shape": number},
            {"dtype": pick(draw, ["F64", "I8", "BOOL", "F8_E5M2", "U64", "X", "", None, 1])}, {"shape": [2**32, 2**32]},
            {"data_offsets": pick(draw, [[0, number], [number, number], [5, 1], [], [0, len(content) - end], number])},
        ])  # fmt: skip
    else:
        header["__metadata__"] = pick(draw, [{"progress": "x"}, [], None, {"progress": "[" * 5000}, {}])
    text = pick(draw, [b"", b"", b"", b"[", b'{"a":' * 5000]) + json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    size = pick(draw, [None, None, 0, 1, 2**63, 2**64 - 1, 100_000_000]) if kind == "header" else None
    path.write_bytes(struct.pack("<Q", len(text) if size is None else size) + text + content[end:])


def _other_tensor(draw: Draw, name: str, tensor: torch.Tensor) -> dict[str, torch.Tensor]:
    """Other values, another type, shape or name, none, or one more."""
    if tensor.is_floating_point():
        tensor.view(-1)[:: pick(draw, [1, 7, 10**9])] = pick(draw, [math.nan, math.inf, -math.inf, 3e38, 0.0, 1e-45])
    return pick(draw, [
        {name: tensor}, {name: tensor}, {name: tensor.to(pick(draw, _TYPES))}, {}, {name: tensor.flatten().clone()},
        {name + pick(draw, ["x", "\0", "\n", "\x1b[31m", "." * 3000]): tensor}, {name: torch.zeros(())},
        {name: tensor[:0].clone() if tensor.dim() else tensor}, {name: tensor, "more": torch.zeros(2)},
    ])  # fmt: skip
