"""A damaged cache: the result is that of an untouched one, and nothing is said."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.attacks.case import Case, Ended
from tests.attacks.check import check, files
from tests.attacks.models import damage_bytes
from tests.attacks.small import OPTIONS

RUN = ["train", *OPTIONS, "--set", "train.epochs=1", "--run-dir"]


def attack(case: Case) -> None:
    """The same command twice, in between the cache is damaged."""
    rng = case.rng
    case.copy("train.tsv", "test.tsv")
    kind = rng.choice(["vocab", "vocab", "eval", "train"])
    if kind == "vocab":
        words = [["vocab", *OPTIONS, "--output", f"{name}.tsv"] for name in ("one", "two")]
    elif kind == "train":
        words = [[*RUN, name] for name in ("one", "two")]
    else:
        case.copy("run")
        words = [["eval", "run", "--output", name, *rng.choice([[], ["--split", "dev"]])] for name in ("one", "one2")]
        words[1][4:] = words[0][4:]
    first = case.run(*words[0])
    check(case, first, {})
    for _ in range(rng.choice([1, 1, 1, 3])):
        _damage(case)
    before = files()
    second = case.run(*words[1])
    check(case, second, before)
    if second.code:
        case.problems.append(f"exit {second.code} with a damaged cache: {second.err[-300:]!r}")
    else:
        _compare(case, first, second, words[0], words[1])


def _damage(case: Case) -> None:
    rng = case.rng
    paths = sorted(file for file in Path(".textrnn_cache").rglob("*") if file.is_file() and not file.is_symlink())
    if not paths:
        return
    path = rng.choice(paths)
    kind = rng.choice(["zeros", "zeros", "bit", "bit", "bytes", "swapped", "json"])
    content = path.read_bytes()
    if kind == "bytes" or not content or (kind == "json" and path.name != "meta.json"):
        damage_bytes(case, path)
        return
    if kind == "zeros":
        content = bytes(len(content))
    elif kind == "bit":
        at = rng.randrange(len(content))
        content = content[:at] + bytes([content[at] ^ (1 << rng.randrange(8))]) + content[at + 1 :]
    elif kind == "swapped":
        content = content[8:] + content[:8]
    else:
        content = _other_meta(case, content)
    case.note(f"{path.name}: {kind}")
    path.write_bytes(content)


def _other_meta(case: Case, content: bytes) -> bytes:
    try:
        meta = json.loads(content)
    except ValueError:
        return b"{}"
    key = case.rng.choice(sorted(meta)) if isinstance(meta, dict) and meta else None
    if key is None:
        return b"[]"
    meta[key] = case.rng.choice([None, 0, -1, 10**9, 10**30, "x", [], ["a"], ["food", "sport"], {}, 1.5, True])
    case.note(f"meta.json: {key} = {meta[key]!r}")
    return json.dumps(meta).encode()


def _compare(case: Case, first: Ended, second: Ended, one: list[str], two: list[str]) -> None:
    if _timeless(first.out) != _timeless(second.out) and one[0] != "train":
        case.problems.append(f"prints something else: {first.out[:300]!r} and {second.out[:300]!r}")
    if _timeless(first.err.encode()) != _timeless(second.err.encode()):
        case.problems.append(f"says something else: {first.err[-400:]!r} and {second.err[-400:]!r}")
    results = {
        "vocab": (".",), "train": ("model/model.safetensors", "model/vocab.txt", "model/labels.txt"),
        "eval": ("predictions.tsv", "confusion_matrix.csv"),
    }[one[0]]  # fmt: skip
    folders = {"vocab": ("one.tsv", "two.tsv"), "train": ("one", "two"), "eval": ("one", "one2")}[one[0]]
    for result in results:
        a, b = (Path(folder, result) if result != "." else Path(folder) for folder in folders)
        if a.read_bytes() != b.read_bytes():
            case.problems.append(f"{b} differs from {a}")


def _timeless(out: bytes) -> str:
    """Without times, rates and the names of the two results."""
    text = re.sub(r"[\d.,]+ (s\b|tokens/s)", "", out.decode("utf-8", "replace"))
    return re.sub(r"time used.*|\b(one2?|two)\b", "", text)
