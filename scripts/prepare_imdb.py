#!/usr/bin/env python3
"""Turn the IMDB reviews (Large Movie Review Dataset v1.0) into train.csv and test.csv."""

from __future__ import annotations

import argparse
import csv
import io
import re
import sys
from pathlib import Path

from prepare_common import PrepareError, decode, files_of, main, report, warn, write_all

SOURCE = """\
INPUT is aclImdb_v1.tar.gz from https://ai.stanford.edu/~amaas/data/sentiment/, or the unpacked folder
aclImdb with train/neg, train/pos, test/neg and test/pos. train/unsup is not used. Rows are sorted by
label (negative first) and file name: shuffle them before training.

examples:
  python scripts/prepare_imdb.py ~/downloads/aclImdb_v1.tar.gz
  python scripts/prepare_imdb.py ~/downloads/aclImdb
"""
SPLITS = ("train", "test")
LABELS = ("neg", "pos")
REVIEW = re.compile(r"(?:aclImdb/)?(train|test)/(neg|pos)/(\d+_\d+\.txt)")
EXPECTED_PER_LABEL = 12_500


def read_reviews(source: Path) -> dict[tuple[str, str], dict[str, str]]:
    """The texts of the reviews, keyed by (split, label), then by file name."""
    reviews: dict[tuple[str, str], dict[str, str]] = {(split, label): {} for split in SPLITS for label in LABELS}
    for name, content in files_of(source, "aclImdb_v1.tar.gz", [f"{split}/{label}" for split, label in reviews]):
        if match := REVIEW.fullmatch(name):
            split, label, file_name = match.groups()
            reviews[split, label][file_name] = decode(content, name)
    for (split, label), texts in reviews.items():
        if not texts:
            raise PrepareError(f"{source}: expected reviews named like {split}/{label}/0_3.txt, found none")
        if len(texts) != EXPECTED_PER_LABEL:
            warn(f"{split}/{label}: expected {EXPECTED_PER_LABEL:,} reviews, found {len(texts):,}")
    return reviews


def to_csv(reviews: dict[tuple[str, str], dict[str, str]], split: str) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("label", "text"))
    for label in LABELS:
        writer.writerows((label, review) for _, review in sorted(reviews[split, label].items()))
    return text.getvalue().encode("utf-8")


def prepare(options: argparse.Namespace) -> None:
    reviews = read_reviews(options.input)
    write_all({options.output / f"{split}.csv": to_csv(reviews, split) for split in SPLITS})
    for split in SPLITS:
        rows = sum(len(reviews[split, label]) for label in LABELS)
        report(options.output / f"{split}.csv", rows, len(LABELS))


if __name__ == "__main__":
    sys.exit(main(prepare, __doc__ or "", "imdb", SOURCE))
