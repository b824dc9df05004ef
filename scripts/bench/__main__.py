"""`python -m scripts.bench [PART]...`: measure the parts named, or all, for docs/explanation/benchmarks.md."""

from __future__ import annotations

import argparse
import importlib
import os
import subprocess
import sys

from scripts.bench.corpora import ROOT, Missing
from scripts.bench.report import describe, put, versions
from scripts.bench.timing import environment

PAGE = ROOT / "docs" / "explanation" / "benchmarks.md"
PARTS = {  # part: its module
    "encoder": "encoder", "titles": "training", "reviews": "training", "prediction": "prediction",
    "serve": "serve", "sizes": "sizes", "tokenizing": "data", "cache": "data",
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m scripts.bench", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="PART", help=", ".join(PARTS))
    chosen = parser.parse_args().parts or list(PARTS)
    os.chdir(ROOT)
    os.environ.update(environment())
    if len(chosen) == 1:
        measure(chosen[0])
        return
    # a process for each: a part's libraries would count into the memory of the programs that the next one starts
    command = [sys.executable, "-m", "scripts.bench"]
    failed = [name for name in chosen if subprocess.run([*command, name]).returncode != 0]
    if failed:
        raise SystemExit(f"not measured: {', '.join(failed)}")


def measure(name: str) -> None:
    """Measure a part, print the results and put them on the page, which stays as it is if the part cannot be
    measured."""
    machine = describe()
    module = importlib.import_module(f"scripts.bench.{PARTS[name]}")
    try:
        paragraphs: list[str] = getattr(module, f"measure_{name}")()
    except Missing as reason:
        raise SystemExit(f"{name}: {reason}") from None
    paragraphs.append(f"`make bench ONLY={name}`: {machine}. {versions()}.")
    print("\n\n".join(paragraphs), flush=True)
    put(PAGE, name, paragraphs)


if __name__ == "__main__":
    main()
