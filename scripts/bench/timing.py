"""Time and memory of repeated runs, taken in turns; Linux only.

This file, and those that start programs with it, import little: Linux counts the memory of the process that starts a
program into the program's peak.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from statistics import median
from typing import NamedTuple, TypeVar

K, T = TypeVar("K"), TypeVar("T")


class Run(NamedTuple):
    """A program that ended well: seconds from start to end, peak memory in bytes (of its largest process), stdout."""

    seconds: float
    peak_bytes: int
    out: str = ""


def interleaved(jobs: Mapping[K, Callable[[], T]], repeats: int, *, once: Collection[K] = ()) -> dict[K, list[T]]:
    """The results of each job, run in the order A B C A B C, so that a slow phase of the machine slows them all.

    once: jobs too long to be repeated; they run in the first round only.
    """
    results: dict[K, list[T]] = {name: [] for name in jobs}
    for turn in range(repeats):
        for name, job in jobs.items():
            if turn == 0 or name not in once:
                results[name].append(job())
    return results


def stopwatch(job: Callable[[], object]) -> Callable[[], float]:
    """The job as one that returns its seconds."""

    def timed() -> float:
        begin = time.perf_counter()
        job()
        return time.perf_counter() - begin

    return timed


def median_run(runs: Sequence[Run]) -> Run:
    """Median seconds, median peak memory."""
    return Run(median(run.seconds for run in runs), round(median(run.peak_bytes for run in runs)), runs[-1].out)


def run_program(command: Sequence[object]) -> Run:
    """Run a program to its end. Raises: RuntimeError with the end of its stderr if it fails."""
    words = [str(word) for word in command]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        begin = time.perf_counter()
        process = subprocess.Popen(words, stdout=out, stderr=err, env=environment())
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            err.seek(0)
            last = err.read()[-2000:].decode(errors="replace")
            raise RuntimeError(f"{' '.join(words)} ended with {process.returncode}:\n{last}")
        out.seek(0)
        return Run(seconds, usage.ru_maxrss * 1024, out.read().decode())


def textrnn(*arguments: object, settings: Mapping[str, object] | None = None) -> list[object]:
    """The command line of our own program, with `--set KEY=VALUE` for each of the settings."""
    words = [word for key, value in (settings or {}).items() for word in ("--set", f"{key}={value}")]
    return [sys.executable, "-m", "textrnn", *arguments, *words]


def threads() -> int:
    """Threads of every measured program: OMP_NUM_THREADS, or one per core."""
    return int(os.environ.get("OMP_NUM_THREADS", 0)) or len(os.sched_getaffinity(0))


def environment() -> dict[str, str]:
    """The same threads for all, and byte code kept, as an installed program has it."""
    ours = {"OMP_NUM_THREADS": str(threads()), "TF_NUM_INTRAOP_THREADS": str(threads())}
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | ours
