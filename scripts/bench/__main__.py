"""`python -m scripts.bench [PART]...`: measure the parts named, or all, and write docs/benchmarks.md."""

from __future__ import annotations

import argparse
import multiprocessing
import os

from scripts.bench.corpora import ROOT, WORK
from scripts.bench.parts import PARTS, measure
from scripts.bench.report import load, page
from scripts.bench.timing import environment

PAGE = ROOT / "docs" / "benchmarks.md"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m scripts.bench", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="PART", help=", ".join(PARTS))
    wanted = parser.parse_args().parts or PARTS
    os.chdir(ROOT)
    os.environ.update(environment())
    for name in wanted:
        # a process of its own: a part's libraries would count into the memory of what the next one starts
        process = multiprocessing.get_context("spawn").Process(target=measure, args=(name,))
        process.start()
        process.join()
        if process.exitcode != 0:
            raise SystemExit(f"{name}: failed")
    found = [part for name in PARTS if (part := load(WORK, name))]
    PAGE.write_text(page(found), encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)}: {len(found)} of {len(PARTS)} parts")


if __name__ == "__main__":
    main()
