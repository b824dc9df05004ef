"""`textrnn vocab`: reading, tokenizing, counting and the encoded corpus, from file to file, on one core and on all."""

from __future__ import annotations

import os
import shutil
from functools import partial
from pathlib import Path

from scripts.bench.corpora import dataset, reviews, unpack, work_folder
from scripts.bench.report import megabytes, number, table, times
from scripts.bench.timing import Run, interleaved, median_run, run_program, textrnn

REPEATS = 3
JIEBA_COPIES = 3  # as the dictionary would be an eighth of the time otherwise


def measure_tokenizing() -> list[str]:
    folder = work_folder("tokenizing")
    chinese = unpack(dataset("online_shopping/train.csv.gz"), folder / "chinese.csv")
    english = unpack(reviews().train, folder / "english.csv")
    names, lines = chinese.read_bytes().split(b"\n", 1)
    repeated = folder / "chinese_repeated.csv"
    repeated.write_bytes(names + b"\n" + lines * JIEBA_COPIES)
    files = {"char": chinese, "word": english, "whitespace": english, "jieba": repeated}
    jobs = {}
    for kind, file in files.items():
        jobs[f"{kind}, one core"] = partial(run_vocab, kind, file, one_core=True)
        jobs[f"{kind}, all cores"] = partial(run_vocab, kind, file, one_core=False)
    runs = {name: median_run(found) for name, found in interleaved(jobs, REPEATS).items()}
    rows = []
    for kind, file in files.items():
        one, every = runs[f"{kind}, one core"], runs[f"{kind}, all cores"]
        size = file.stat().st_size / 1e6
        speeds = [number(size / run.seconds) for run in (one, every)]
        rows.append([kind, number(size), *speeds, times(one.seconds / every.seconds), megabytes(every.peak_bytes)])
    header = ["tokenizer", "file, MB", "one core, MB/s", "all cores, MB/s", "all / one", "memory, MB"]
    return [table(f"`textrnn vocab`, medians of {REPEATS} runs", header, rows)]


def run_vocab(kind: str, file: Path, *, one_core: bool) -> Run:
    cache = work_folder("tokenizing") / "cache"
    shutil.rmtree(cache, ignore_errors=True)
    settings = [f"tokenizer.kind={kind}", f"data.cache_dir={cache}", "vocab.max_size=30000"]
    if file.stem.startswith("chinese"):
        settings += ["data.label_column=cat", "data.text_column=review"]
    held = ["taskset", "--cpu-list", min(os.sched_getaffinity(0))] if one_core else []
    words = [word for setting in settings for word in ("--set", setting)]
    return run_program([*held, *textrnn("vocab", "--data", file, *words)])
