"""What starting the program takes, beside importing torch."""

from __future__ import annotations

import sys
from functools import partial

from scripts.bench.corpora import ROOT, work_folder, write_texts
from scripts.bench.tables import Findings, Table, megabytes, number, times
from scripts.bench.timing import interleaved, median_run, run_program, textrnn

TITLE = "Starting"
ABOUT = """\
Whole programs, from start to end, on files that the system has in memory. The prediction is of one line from a file, by
the model of `configs/sample.yaml`."""
REPEATS = 9
TORCH = 'python -c "import torch"'


def measure() -> Findings:
    folder = work_folder("startup")
    run = folder / "run"
    sample = ["--config", ROOT / "configs" / "sample.yaml", "--run-dir", run, "--force"]
    settings = ["--set", "train.epochs=1", "--set", f"data.cache_dir={folder / 'cache'}"]
    run_program(textrnn("train", *sample, *settings))
    line = write_texts(folder / "line.txt", ["where is my parcel?"])
    commands = {
        TORCH: [sys.executable, "-c", "import torch"],
        'python -c "pass"': [sys.executable, "-c", "pass"],
        "textrnn --help": textrnn("--help"),
        "textrnn predict, one line": textrnn("predict", run, line),
    }
    jobs = {name: partial(run_program, command) for name, command in commands.items()}
    for job in jobs.values():
        job()  # fills the system's cache and writes byte code
    runs = {name: median_run(found) for name, found in interleaved(jobs, REPEATS).items()}
    table = Table(f"Medians of {REPEATS} runs", ["command", "seconds", "import torch = 1", "memory, MB"])
    for name, found in runs.items():
        table.add(name, number(found.seconds), times(found.seconds / runs[TORCH].seconds), megabytes(found.peak_bytes))
    return Findings([table])
