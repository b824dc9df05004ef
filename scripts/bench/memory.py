"""Peak memory of `textrnn vocab`, `train`, `eval` and `predict` on a corpus and on one 20 times as large.

    python scripts/bench/memory.py --imdb data/imdb/train.csv
    python scripts/bench/memory.py --corpora new-words --commands vocab train

Two corpora: IMDB repeated, and a made-up one whose texts keep bringing words never seen before. Anonymous memory
(RssAnon in /proc, so Linux only) is what cannot be given back to the disk; mapped files are not in it. Each command is
a process of its own, sampled every 50 ms. Allowed for 20x: 15 % more than for 1x, and 32 bytes a document; the script
fails where more was taken.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CORPORA = ("imdb", "new-words")
COMMANDS = ("vocab", "train", "eval", "predict")
OPTIONS = {
    "tokenizer.kind": "word", "vocab.max_size": 20_000, "data.max_length": 100, "model.embedding_dim": 8,
    "model.hidden_size": 8, "model.ngrams": 1, "model.linear_ngrams": "null",
    "train.adversarial_norm": "null", "train.embedding_lr_multiplier": 1, "train.batch_size": 256, "train.epochs": 1,
}  # fmt: skip
SAMPLE_SECONDS = 0.05


@dataclass
class Peak:
    """Of one command, in bytes. resident: VmHWM, mapped files included; with_children: tokenizing workers added."""

    anonymous: int = 0
    resident: int = 0
    with_children: int = 0
    seconds: float = 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--imdb", type=Path, help="train.csv of IMDB, with a header")
    parser.add_argument("--corpora", nargs="+", choices=CORPORA, default=CORPORA)
    parser.add_argument("--work", type=Path, default=Path("memory_bench"), help="folder for corpora, caches and runs")
    parser.add_argument("--documents", type=int, default=10_000, help="of new-words, once")
    parser.add_argument("--words", type=int, default=100, help="in a text of new-words")
    parser.add_argument("--times", type=int, nargs="+", default=[1, 20])
    parser.add_argument("--commands", nargs="+", choices=COMMANDS, default=COMMANDS)
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    if "imdb" in arguments.corpora and not arguments.imdb:
        parser.error("--imdb FILE is needed, or --corpora new-words")
    print("| corpus | command | documents | anonymous MB | with workers MB | resident MB | seconds | allowed MB |")
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    over = []
    for corpus in arguments.corpora:
        first: dict[str, Peak] = {}
        for times in arguments.times:
            folder = arguments.work / f"{corpus}_{times}"
            folder.mkdir(exist_ok=True)
            if corpus == "imdb":
                lines = repeated(arguments.imdb, times)
            else:
                lines = new_words(arguments.documents * times, arguments.words)
            documents = write_corpus(folder / "texts.csv", lines)
            for command in arguments.commands:
                peak = measure(arguments_of(command, folder))
                before = first.setdefault(command, peak)
                allowed = 1.15 * before.anonymous + 32 * documents
                if peak.anonymous > allowed:
                    over.append(f"{command} on {corpus} {times}x")
                columns = [
                    f"{corpus} {times}x", command, f"{documents:,}", megabytes(peak.anonymous),
                    megabytes(peak.with_children), megabytes(peak.resident), f"{peak.seconds:.0f}",
                    "" if peak is before else megabytes(allowed),
                ]  # fmt: skip
                print(f"| {' | '.join(columns)} |", flush=True)
    if over:
        sys.exit(f"more memory than allowed: {', '.join(over)}")


def megabytes(size: float) -> str:
    return f"{size / 1e6:.0f}"


def repeated(path: Path, times: int) -> Iterator[str]:
    """The lines of a csv file, its rows `times` times over."""
    for number in range(times):
        with path.open(encoding="utf-8", newline="\n") as lines:
            header = next(lines)
            if number == 0:
                yield header
            yield from lines


def new_words(documents: int, words_each: int) -> Iterator[str]:
    """Texts of which half the words from 30,000 common ones (the first most often), half never seen before."""
    rng = random.Random(1)
    common = [f"common{number:x}" for number in range(30_000)]
    fresh, half = 0, words_each // 2
    yield "label,text\n"
    for number in range(documents):
        words = [common[int(30_000 * rng.random() ** 3)] for _ in range(half)]
        # scrambled, so that they do not come in any order
        words += [f"w{(fresh + at) * 2_654_435_761 % 2**40:x}" for at in range(half)]
        fresh += half
        rng.shuffle(words)
        yield f"{'ab'[number % 2]},{' '.join(words)}\n"


def write_corpus(path: Path, lines: Iterator[str]) -> int:
    """Write what is not there yet; returns the number of documents, which is of lines less the header."""
    if not path.exists():
        beside = path.with_suffix(".part")
        with beside.open("w", encoding="utf-8", newline="\n") as stream:
            stream.writelines(lines)
        beside.rename(path)
    with path.open("rb") as stream:
        return sum(1 for _ in stream) - 1


def arguments_of(command: str, folder: Path) -> list[str]:
    texts, run = str(folder / "texts.csv"), str(folder / "run")
    if command == "predict":
        return ["predict", run, texts, "--output", str(folder / "predictions.tsv")]
    if command == "vocab":
        shutil.rmtree(folder / "cache", ignore_errors=True)  # it is the building that is to be measured
    if command == "eval":
        cache = f"data.cache_dir={folder / 'cache'}"
        return ["eval", run, texts, "--set", cache, "--output", str(folder / "eval")]
    options = {**OPTIONS, "data.train": texts, "data.cache_dir": folder / "cache"}
    sets = [part for key, value in options.items() for part in ("--set", f"{key}={value}")]
    return [command, *sets, *(["--run-dir", run, "--force"] if command == "train" else [])]


def measure(arguments: list[str]) -> Peak:
    begin = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "textrnn", *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    peak = Peak()
    while process.poll() is None:
        anonymous = status_bytes(process.pid, "RssAnon")
        peak.anonymous = max(peak.anonymous, anonymous)
        peak.resident = max(peak.resident, status_bytes(process.pid, "VmHWM"))
        workers = sum(status_bytes(child, "RssAnon") for child in children_of(process.pid))
        peak.with_children = max(peak.with_children, anonymous + workers)
        time.sleep(SAMPLE_SECONDS)
    peak.seconds = time.perf_counter() - begin
    assert process.stderr is not None
    if process.returncode:
        sys.exit(f"textrnn {' '.join(arguments)} failed:\n{process.stderr.read()}")
    return peak


def children_of(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def status_bytes(pid: int, field: str) -> int:
    """A field of /proc/PID/status; 0 once the process is gone."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


if __name__ == "__main__":
    main()
