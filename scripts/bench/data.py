"""Reading data: tokenizing and counting on one core and on all, and opening a cached corpus."""

from __future__ import annotations

import os
import shutil
from functools import partial
from pathlib import Path
from statistics import median

from scripts.bench.corpora import dataset, reviews, unpack, work_folder
from scripts.bench.report import megabytes, number, percent, table, times
from scripts.bench.timing import Run, interleaved, median_run, run_program, stopwatch, textrnn
from textrnn.corpus.store import FILES, checksum_of, load_corpus
from textrnn.reading.source import Source
from textrnn.texts.tokenizer import Tokenizer

REPEATS, OPENED = 3, 9
JIEBA_COPIES = 3  # otherwise, loading the dictionary would be an eighth of the time


def measure_tokenizing() -> list[str]:
    folder = work_folder("tokenizing")
    chinese = unpack(dataset("online_shopping/train.csv.gz"), folder / "chinese.csv")
    english = unpack(reviews().train, folder / "english.csv")
    header, rows = chinese.read_bytes().split(b"\n", 1)
    copies = folder / "chinese_repeated.csv"
    copies.write_bytes(header + b"\n" + rows * JIEBA_COPIES)
    files = {"char": chinese, "word": english, "whitespace": english, "jieba": copies}
    jobs = {
        (kind, one_core): partial(run_vocab, kind, file, one_core=one_core)
        for kind, file in files.items()
        for one_core in (True, False)
    }
    runs = {job: median_run(repeated) for job, repeated in interleaved(jobs, REPEATS).items()}
    rows = []
    for kind, file in files.items():
        one, every = runs[kind, True], runs[kind, False]
        size = file.stat().st_size / 1e6
        speeds = [number(size / run.seconds) for run in (one, every)]
        rows.append([kind, number(size), *speeds, times(one.seconds / every.seconds), megabytes(every.peak_bytes)])
    header = ["tokenizer", "file, MB", "one core, MB/s", "all cores, MB/s", "all / one", "memory, MB"]
    return [table(f"`textrnn vocab`, medians of {REPEATS} runs", header, rows)]


def run_vocab(kind: str, file: Path, *, one_core: bool) -> Run:
    cache = work_folder("tokenizing") / "cache"
    shutil.rmtree(cache, ignore_errors=True)
    settings = {"tokenizer.kind": kind, "data.cache_dir": cache, "vocab.max_size": 30000}
    if file.stem.startswith("chinese"):
        settings |= {"data.label_column": "cat", "data.text_column": "review"}
    pinned = ["taskset", "--cpu-list", min(os.sched_getaffinity(0))] if one_core else []
    return run_program([*pinned, *textrnn("vocab", "--data", file, settings=settings)])


def measure_cache() -> list[str]:
    folder = work_folder("cache")
    english = unpack(reviews().train, folder / "english.csv")
    load = partial(load_corpus, Source([str(english)]), Tokenizer("word"), cache_dir=folder / "cached")
    shutil.rmtree(folder / "cached", ignore_errors=True)
    building = stopwatch(load)()
    (cached,) = [path for path in (folder / "cached").iterdir() if path.name != "digests"]
    files = [cached / name for name in FILES]
    size = sum(file.stat().st_size for file in files) / 1e6
    check = stopwatch(lambda: [checksum_of(file) for file in files])
    runs = interleaved({"load": stopwatch(load), "check": check}, OPENED)
    loading, checking = median(runs["load"]), median(runs["check"])
    header = ["corpus, MB", "made in, s", "opened in, ms", "of that checksums, ms", "MB/s", "share of making it"]
    row = [
        number(size), number(building), number(1000 * loading), number(1000 * checking), number(size / checking),
        percent(checking / building),
    ]  # fmt: skip
    return [table(f"A cached corpus (IMDB, words), medians of {OPENED}", header, [row])]
