"""Equal and nearly equal texts inside and across splits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from textrnn.data.findings import Finding, is_severe
from textrnn.data.near_equal import near_pairs, shape
from textrnn.data.reader import Example
from textrnn.errors import short

_SHOWN = 3
_SHOWN_CHARACTERS = 60


class Copies(NamedTuple):
    """findings: of texts that are nearly equal, but not equal. equal: split -> lines that show texts of it that occur
    in train, too."""

    findings: list[Finding]
    equal: dict[str, list[str]]


def find_copies(splits: Mapping[str, Sequence[Example]], of: Mapping[str, int]) -> Copies:
    """splits: their texts, or samples of them, train first. of: how many texts each has in all."""
    places = [(name, example) for name, examples in splits.items() for example in examples]
    earlier, is_complete = _earlier(places)
    across: dict[str, list[str]] = defaultdict(list)  # split -> its texts that are nearly equal to one of train
    inside: dict[str, list[str]] = defaultdict(list)
    exactly: dict[str, int] = defaultdict(int)
    equal: dict[str, list[str]] = defaultdict(list)
    for at, (name, example) in enumerate(places):
        if at not in earlier:
            continue
        other_name, other = places[earlier[at]]
        line = f"{example.where} and {other.where}: {_cut(example)}"
        is_equal = example.text.strip() == other.text.strip()
        if name == "train" or other_name != "train":
            inside[name].append(line)
            exactly[name] += is_equal
        else:
            (equal if is_equal else across)[name].append(line)
    # where only a part of train was compared, as many more are to be expected
    share = len(splits["train"]) / max(of["train"], 1)
    least = "" if share == 1 and is_complete else "at least "
    findings = [
        Finding(
            "copies",
            f"{least}{len(lines):,} of {_looked_at(len(splits[name]), of[name], name)} are nearly equal to one of "
            f"train, but for case, punctuation or a few words: {name} scores are inflated",
            severe=is_severe(round(len(lines) / share), len(splits[name])),
            remedy="remove them from train",
            examples=lines[:_SHOWN],
        )
        for name, lines in across.items()
    ]
    if inside:
        counts = ", ".join(
            f"{len(lines):,} of {_looked_at(len(splits[name]), of[name], name)} ({exactly[name]:,} exactly)"
            for name, lines in inside.items()
        )
        findings.append(
            Finding(
                "copies",
                f"texts that are equal or nearly equal to an earlier one of their split, or of dev: "
                f"{'' if is_complete else 'at least '}{counts}",
                remedy="keep one of each, unless they are as frequent in the texts to be labelled",
                examples=[line for lines in inside.values() for line in lines][:_SHOWN],
            )
        )
    return Copies(findings, {name: lines[:_SHOWN] for name, lines in equal.items()})


def _looked_at(count: int, total: int, name: str) -> str:
    return f"{count:,} {name} texts" if count == total else f"{count:,} {name} texts (of {total:,}, drawn at random)"


def _earlier(places: Sequence[tuple[str, Example]]) -> tuple[dict[int, int], bool]:
    """Position of a text -> that of an equal text before it, else of a nearly equal one; and whether all pairs that may
    be nearly equal were compared."""
    found: dict[int, int] = {}
    first_text: dict[str, int] = {}
    first_shape: dict[str, int] = {}
    for at, (_, example) in enumerate(places):
        text = example.text.strip()
        looks = shape(text)
        if not looks:
            continue  # without letters and digits, texts are alike by chance
        same_shape = first_shape.setdefault(looks, at)
        same_text = first_text.setdefault(text, at)
        if same_text != at:
            found[at] = same_text
        elif same_shape != at:
            found[at] = same_shape
    at_of = list(first_shape.values())
    left_out: list[bool] = []
    for later, earlier in near_pairs(list(first_shape), lambda: left_out.append(True)):
        found.setdefault(at_of[later], at_of[earlier])
    return found, not left_out


def _cut(example: Example) -> str:
    text = " ".join(example.text.split())
    return short(text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}...")
