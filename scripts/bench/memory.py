"""Peak memory of `textrnn vocab`, `train`, `eval` and `predict` on a corpus and on one 20 times as large.

    python scripts/bench/memory.py --imdb data/imdb/train.csv

Two corpora: a made-up one whose texts keep bringing new words, and IMDB repeated, if its file is given. Anonymous
memory (RssAnon in /proc, so Linux only) is memory without a file on disk behind it; mapped files are not in it. Each
command is a process of its own, sampled every 50 ms. Allowed for 20x: 15 % more than for 1x, 32 bytes a text, and
160 bytes a new word, since the distinct tokens are numbered in memory; the script fails if a command takes more.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from itertools import count, islice, product
from pathlib import Path
from typing import NamedTuple

COMMANDS = ("vocab", "train", "eval", "predict")
TIMES = (1, 20)
OPTIONS = {
    "tokenizer.kind": "word", "vocab.max_size": 20_000, "data.max_length": 100, "model.embedding_dim": 8,
    "model.hidden_size": 8, "model.ngrams": 1, "model.linear": "none",
    "train.adversarial_norm": "null", "train.embedding_lr_multiplier": 1, "train.batch_size": 256, "train.epochs": 1,
}  # fmt: skip


class Peak(NamedTuple):
    """Peak anonymous memory in bytes, of the main process, and with its tokenizing workers."""

    main: int
    with_workers: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--imdb", type=Path, help="train.csv of IMDB, with a header")
    parser.add_argument("--work", type=Path, default=Path("build/memory"), help="folder for corpora, caches and runs")
    parser.add_argument("--documents", type=int, default=10_000, help="number of texts of new-words")
    parser.add_argument("--words", type=int, default=100, help="number of words in a text of new-words")
    options = parser.parse_args()
    new_words = options.words // 2  # words of a text that no other text has
    corpora = [("new-words", partial(made_up, options.documents, new_words), new_words)]
    if options.imdb:
        corpora.append(("imdb", partial(repeated, options.imdb), 0))
    print("| corpus | command | texts | anonymous MB | with workers MB | allowed MB |")
    print("|---|---|---:|---:|---:|---:|")
    first: dict[tuple[str, str], Peak] = {}
    over = []
    for (corpus, lines_of, new_words), times in product(corpora, TIMES):
        folder = options.work / f"{corpus}_{times}"
        folder.mkdir(parents=True, exist_ok=True)
        documents = write_corpus(folder / "texts.csv", lines_of(times))
        for command in COMMANDS:
            peak = peak_of(arguments_of(command, folder))
            allowed = 1.15 * first.setdefault((corpus, command), peak).main + (32 + 160 * new_words) * documents
            if peak.main > allowed:
                over.append(f"{command} on {corpus} {times}x")
            memory = [f"{size / 1e6:.0f}" for size in (*peak, allowed)]
            if times == 1:
                memory[-1] = ""
            print(f"| {corpus} {times}x | {command} | {documents:,} | {' | '.join(memory)} |", flush=True)
    if over:
        sys.exit(f"more memory than allowed: {', '.join(over)}")


def repeated(path: Path, times: int) -> Iterator[str]:
    """The lines of a csv file, its rows `times` times over."""
    for number in range(times):
        with path.open(encoding="utf-8", newline="\n") as lines:
            yield from islice(lines, min(number, 1), None)  # the header once


def made_up(documents: int, new_words: int, times: int) -> Iterator[str]:
    """Texts with as many new words as words from 30,000 common ones, the first of which are the most frequent."""
    rng, numbers = random.Random(1), count()
    yield "label,text\n"
    for number in range(documents * times):
        words = [f"common{int(30_000 * rng.random() ** 3):x}" for _ in range(new_words)]
        # scrambled, so that they do not come in any order
        words += [f"w{new * 2_654_435_761 % 2**40:x}" for new in islice(numbers, new_words)]
        rng.shuffle(words)
        yield f"{'ab'[number % 2]},{' '.join(words)}\n"


def write_corpus(path: Path, lines: Iterator[str]) -> int:
    """Write the file unless it exists; returns the number of texts, one a line below the header."""
    if not path.exists():
        beside = path.with_suffix(".part")
        with beside.open("w", encoding="utf-8", newline="\n") as stream:
            stream.writelines(lines)
        beside.rename(path)
    with path.open("rb") as stream:
        return sum(1 for _ in stream) - 1


def arguments_of(command: str, folder: Path) -> list[str]:
    texts, run, cache = str(folder / "texts.csv"), str(folder / "run"), folder / "cache"
    if command == "predict":
        return ["predict", run, texts, "--output", str(folder / "predictions.tsv")]
    if command == "eval":
        return ["eval", run, texts, "--set", f"data.cache_dir={cache}", "--output", str(folder / "eval")]
    if command == "vocab":
        shutil.rmtree(cache, ignore_errors=True)  # so that building it is measured
    options = {**OPTIONS, "data.train": texts, "data.cache_dir": cache}
    sets = [part for key, value in options.items() for part in ("--set", f"{key}={value}")]
    return [command, *sets, *(["--run-dir", run, "--force"] if command == "train" else [])]


def peak_of(arguments: list[str]) -> Peak:
    command = [sys.executable, "-m", "textrnn", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    peak = Peak(0, 0)
    while process.poll() is None:
        main = anonymous_bytes(process.pid)
        workers = sum(map(anonymous_bytes, process_file(f"{process.pid}/task/{process.pid}/children").split()))
        peak = Peak(max(peak.main, main), max(peak.with_workers, main + workers))
        time.sleep(0.05)
    if process.returncode:
        sys.exit(f"textrnn {' '.join(arguments)} failed:\n{process.stderr.read()}")
    return peak


def anonymous_bytes(pid: int | str) -> int:
    _, _, rest = process_file(f"{pid}/status").partition("RssAnon:")
    return int(rest.split()[0]) * 1024 if rest else 0


def process_file(name: str) -> str:
    """A file in /proc; empty once the process is gone."""
    try:
        return Path("/proc", name).read_text()
    except OSError:
        return ""


if __name__ == "__main__":
    main()
