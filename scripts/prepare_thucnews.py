#!/usr/bin/env python3
"""Turn the THUCNews titles into train.txt, dev.txt, test.txt and class.txt, with a fair train.txt.

Some titles of the published train.txt occur in dev.txt or test.txt too. A model that has seen
them in training would inflate the scores, so they are left out of train.txt.
"""

from __future__ import annotations

import argparse
import sys

from prepare_common import PrepareError, encode_rows, make_parser, read_rows, report, run, shown, write_files

SOURCE = """\
INPUT is the folder THUCNews/data of https://github.com/649453932/Chinese-Text-Classification-Pytorch:
train.txt, dev.txt and test.txt (UTF-8, one `title<TAB>id` a line) and class.txt, which names the ids
0 to 9, one a line. The other files of that folder are not needed.

example:
  python scripts/prepare_thucnews.py ~/downloads/Chinese-Text-Classification-Pytorch/THUCNews/data
"""
CLASSES = 10


def checked_classes(names: list[str]) -> list[str]:
    if len(names) != CLASSES or len(set(names)) != CLASSES or not all(name.strip() for name in names):
        found = shown(", ".join(names))
        raise PrepareError(f"class.txt: expected {CLASSES} different names, one a line, found {found}")
    return names


def check_rows(rows: list[str], name: str) -> None:
    """A row with anything but one tab and a known id ends the run."""
    known = {str(number) for number in range(CLASSES)}
    for number, row in enumerate(rows, 1):
        title, _, label = row.partition("\t")
        if not title.strip() or label not in known:
            wanted = f"title<TAB>id with an id of 0 to {CLASSES - 1}"
            raise PrepareError(f"{name}, line {number}: expected {wanted}, found {shown(row)}")


def title_of(row: str) -> str:
    return row.partition("\t")[0]


def prepare(options: argparse.Namespace) -> None:
    classes = checked_classes(read_rows(options.input, "class.txt"))
    splits = {name: read_rows(options.input, f"{name}.txt") for name in ("train", "dev", "test")}
    for name, rows in splits.items():
        check_rows(rows, f"{name}.txt")
    evaluated = {title_of(row) for name in ("dev", "test") for row in splits[name]}
    published = len(splits["train"])
    splits["train"] = [row for row in splits["train"] if title_of(row) not in evaluated]
    if not splits["train"]:
        raise PrepareError("train.txt: expected titles of its own, found only titles of dev.txt and test.txt")

    contents = {options.output / f"{name}.txt": encode_rows(rows) for name, rows in splits.items()}
    contents[options.output / "class.txt"] = encode_rows(classes)
    write_files(contents)
    for name, rows in splits.items():
        report(options.output / f"{name}.txt", len(rows), len({row.partition("\t")[2] for row in rows}))
    print(f"{options.output / 'class.txt'}: {len(classes)} names")
    left_out = published - len(splits["train"])
    print(f"rows left out of train.txt, their title being in dev.txt or test.txt: {left_out:,}")


if __name__ == "__main__":
    sys.exit(run(prepare, make_parser(__doc__ or "", SOURCE, "thucnews").parse_args()))
