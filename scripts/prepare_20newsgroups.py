#!/usr/bin/env python3
"""Turn 20 Newsgroups (split by date) into folders of one file per post: all classes, and four categories.

The four categories are those of Lai et al. 2015 (RCNN); misc.forsale and the sci groups belong to none of them.
Posts are copied byte for byte, headers included; their encoding is latin-1.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from prepare_common import PrepareError, files_of, main, report, warn, write_all

SOURCE = """\
INPUT is 20news-bydate.tar.gz from http://qwone.com/~jason/20Newsgroups/, or the folder it was unpacked
into, which contains 20news-bydate-train and 20news-bydate-test.

example:
  python scripts/prepare_20newsgroups.py ~/downloads/20news-bydate.tar.gz

It writes all/{train,test}/<class>/<number> and four/{train,test}/<category>/<class>.<number>.
"""
CATEGORIES = {
    "comp": [
        "comp.graphics", "comp.os.ms-windows.misc", "comp.sys.ibm.pc.hardware", "comp.sys.mac.hardware",
        "comp.windows.x",
    ],
    "politics": ["talk.politics.guns", "talk.politics.mideast", "talk.politics.misc"],
    "rec": ["rec.autos", "rec.motorcycles", "rec.sport.baseball", "rec.sport.hockey"],
    "religion": ["alt.atheism", "soc.religion.christian", "talk.religion.misc"],
}  # fmt: skip
OUTSIDE = ["misc.forsale", "sci.crypt", "sci.electronics", "sci.med", "sci.space"]
CATEGORY_OF = {name: category for category, names in CATEGORIES.items() for name in names}
KNOWN = {*CATEGORY_OF, *OUTSIDE}
SPLITS = ("train", "test")
EXPECTED = {("all", "train"): 11_314, ("all", "test"): 7_532, ("four", "train"): 8_356, ("four", "test"): 5_563}
POST = re.compile(r"20news-bydate-(train|test)/([a-z.-]+)/([0-9]+)")

Posts = dict[tuple[str, str, str], bytes]  # keyed by split, class and number


def read_posts(source: Path) -> Posts:
    """Read all posts. An unexpected file name is an error, since it means a different edition of the data."""
    posts: Posts = {}
    for name, content in files_of(source, "20news-bydate.tar.gz", [f"20news-bydate-{split}" for split in SPLITS]):
        if Path(name).name.startswith("."):  # left behind by a file manager, such as .DS_Store
            continue
        match = POST.fullmatch(name)
        if match is None or match[2] not in KNOWN:
            raise PrepareError(f"{source}: expected 20news-bydate-<train|test>/<class>/<number>, found {name!r}")
        posts[match[1], match[2], match[3]] = content
    for split in SPLITS:
        if not any(key[0] == split for key in posts):
            raise PrepareError(f"{source}: expected posts in 20news-bydate-{split}, found none")
    return posts


def prepare(options: argparse.Namespace) -> None:
    posts = read_posts(options.input)
    everything = {f"{split}/{name}/{number}": post for (split, name, number), post in posts.items()}
    four = {
        f"{split}/{CATEGORY_OF[name]}/{name}.{number}": post
        for (split, name, number), post in posts.items()
        if name in CATEGORY_OF
    }
    write_all({options.output / "all": everything, options.output / "four": four})
    for (tree, split), expected in EXPECTED.items():
        classes = [name for s, name, _ in posts if s == split and (tree == "all" or name in CATEGORY_OF)]
        labels = set(classes) if tree == "all" else {CATEGORY_OF[name] for name in classes}
        report(options.output / tree / split, len(classes), len(labels))
        if len(classes) != expected:
            warn(f"{tree}/{split}: expected {expected:,} posts, found {len(classes):,}")


if __name__ == "__main__":
    sys.exit(main(prepare, __doc__ or "", "20ng", SOURCE))
