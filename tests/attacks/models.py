"""Damaged models: each file of RUN/model with other bytes, other values, or gone."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from tests.attacks.case import Case
from tests.attacks.check import check, files
from tests.attacks.hostile import YAML_VALUES, mutate


def attack(case: Case) -> None:
    rng = case.rng
    run = rng.choice(["run", "run", "rcnn"])
    case.copy(run, "texts.txt", "test.tsv")
    model = Path(run, "model")
    for _ in range(rng.choice([1, 1, 2])):
        damage(case, model)
    if rng.random() < 0.1:
        damage(case, Path(run))
    before = files()
    words = [[], ["--output-format", "jsonl", "--top-k", "3"], ["--output", "out.tsv"], ["--precision", "bfloat16"]]
    check(case, case.run("predict", run, "texts.txt", *rng.choice(words)), before)
    ended = case.run("eval", run, *rng.choice([[], ["test.tsv"], ["test.tsv", "--json"], ["--split", "dev"]]))
    check(case, ended, before)


def damage(case: Case, folder: Path) -> None:
    """Something happens to one file below a folder."""
    rng = case.rng
    path = rng.choice(sorted(file for file in folder.rglob("*") if file.is_file() and file.suffix != ".png"))
    if path.suffix == ".safetensors" and rng.random() < 0.7:
        what = rng.choice([_other_values, _other_values, _other_type, _other_tensors, _other_header, _other_header])
        what(case, path)
        case.note(f"{path}: {what.__name__.strip('_')}")
    elif path.suffix == ".yaml" and rng.random() < 0.7:
        _other_key(case, path)
    else:
        damage_bytes(case, path)


def damage_bytes(case: Case, path: Path) -> None:
    rng = case.rng
    kind = rng.choice(
        ["bytes", "bytes", "bytes", "cut", "empty", "gone", "folder", "link", "mark", "line ends", "zeros"]
    )
    content = path.read_bytes()
    what = kind
    if kind == "bytes":
        content, what = mutate(rng, content)
    elif kind == "cut":
        content = content[: rng.randrange(len(content) + 1)]
    elif kind == "empty":
        content = b""
    elif kind == "mark":
        content = b"\xef\xbb\xbf" + content
    elif kind == "line ends":
        content = content.replace(b"\n", b"\r\n")
    elif kind == "zeros":
        content = bytes(len(content))
    case.note(f"{path}: {what}")
    path.unlink()
    if kind == "folder":
        path.mkdir()
    elif kind == "link":
        path.symlink_to(rng.choice(["nowhere", path.name, "/dev/null", ".."]))
    elif kind != "gone":
        path.write_bytes(content)


def _load(path: Path) -> dict[str, torch.Tensor]:
    try:
        return load_file(path)
    except Exception:  # damaged before
        return {}


def _metadata(path: Path) -> dict[str, str]:
    try:
        return dict(_parts(path.read_bytes())[0].get("__metadata__", {}))
    except (ValueError, struct.error, AttributeError):
        return {}


def _other_values(case: Case, path: Path) -> None:
    metadata, tensors = _metadata(path), _load(path)
    for name in case.rng.sample(sorted(tensors), k=min(len(tensors), case.rng.choice([1, 3, 100]))):
        tensor, value = (
            tensors[name].clone(),
            case.rng.choice([float("nan"), float("inf"), -float("inf"), 3e38, 0.0, 1e-45]),
        )
        if tensor.is_floating_point() and tensor.numel():
            tensor.view(-1)[case.rng.randrange(tensor.numel()) :: case.rng.choice([1, 7, 10**9])] = value
            tensors[name] = tensor
    save_file(tensors, path, metadata)


def _other_type(case: Case, path: Path) -> None:
    metadata, tensors = _metadata(path), _load(path)
    types = [torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int8, torch.bool, torch.float8_e4m3fn]
    kind = case.rng.choice(types)
    for name in case.rng.sample(sorted(tensors), k=min(len(tensors), case.rng.choice([1, 100]))):
        tensors[name] = tensors[name].to(kind)
    save_file(tensors, path, metadata)


def _other_tensors(case: Case, path: Path) -> None:
    metadata, tensors = _metadata(path), _load(path)
    if not tensors:
        return
    name = case.rng.choice(sorted(tensors))
    tensor = tensors.pop(name)
    changed = {
        "gone": {}, "renamed": {name + case.rng.choice(["x", "\0", "\n", "\x1b[31m", "." * 3000]): tensor},
        "flat": {name: tensor.flatten().clone()}, "no rows": {name: tensor[:0].clone() if tensor.dim() else tensor},
        "one more": {name: tensor, "more": torch.zeros(2)}, "scalar": {name: torch.zeros(())},
    }  # fmt: skip
    save_file(tensors | changed[case.rng.choice(sorted(changed))], path, metadata)


def _parts(content: bytes) -> tuple[dict, bytes]:
    (size,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + size]), content[8 + size :]


def _other_header(case: Case, path: Path) -> None:
    """The header, which is JSON, says what is not so."""
    rng = case.rng
    try:
        header, rest = _parts(path.read_bytes())
    except (ValueError, struct.error):
        return
    names = sorted(name for name in header if name != "__metadata__")
    if not names:
        return
    entry = header[rng.choice(names)]
    number: Any = rng.choice([-1, 0, 1, 2**31, 2**63, 2**64, 10**30, 1.5, None, "1", [], True])
    what = rng.choice(["shape", "shape", "dtype", "offsets", "metadata", "no entry", "size", "deep", "list"])
    if what == "shape":
        entry["shape"] = rng.choice(
            [[number], [*entry["shape"], number], entry["shape"][::-1], [1] * 100, [2**32, 2**32], number]
        )
    elif what == "dtype":
        entry["dtype"] = rng.choice(["F64", "I8", "BOOL", "F8_E5M2", "U64", "X", "", None, 1])
    elif what == "offsets":
        entry["data_offsets"] = rng.choice(
            [[0, number], [number, number], [5, 1], [], [0, len(rest)], [0, 1, 2], number]
        )
    elif what == "metadata":
        header["__metadata__"] = rng.choice(
            [{"progress": "x"}, {"progress": 1}, [], None, {"progress": "[" * 5000}, {}]
        )
    elif what == "no entry":
        header[rng.choice(names)] = rng.choice([None, [], 1, {}, "x"])
    text = json.dumps(header).encode()
    if what == "deep":
        text = b'{"a":' * 5000 + text
    elif what == "list":
        text = b"[" + text + b"]"
    size = rng.choice([0, 1, 2**63, 2**64 - 1, 100_000_000, len(text) - 1]) if what == "size" else len(text)
    path.write_bytes(struct.pack("<Q", size) + text + rest)


def _other_key(case: Case, path: Path) -> None:
    """A line of the config has another value; sizes are small or absurd, since the model is made before its weights
    are read."""
    lines = path.read_text(errors="replace").splitlines()
    keys = [at for at, line in enumerate(lines) if line.startswith(("  ", "format_version"))]
    if not keys:
        return
    at = case.rng.choice(keys)
    value = case.rng.choice([*YAML_VALUES, *["1", "2", "3", "7", "true", "null", "1000000000000"] * 20])
    lines[at] = f"{lines[at].partition(':')[0]}: {value}"
    case.note(f"{path}: {lines[at][:200]!r}")
    path.write_bytes(("\n".join(lines) + "\n").encode("utf-8", "surrogateescape"))
