"""What the figures were taken on."""

from __future__ import annotations

import os
import platform
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from scripts.bench.timing import threads


def describe() -> str:
    """Date, processor, cores, threads, memory and system, in a line."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return ", ".join([
        time.strftime("%Y-%m-%d %H:%M %Z"), processor(), f"{len(os.sched_getaffinity(0))} cores",
        f"{threads()} threads", f"{memory:.0f} GiB of memory", platform.platform(terse=True),
    ])  # fmt: skip


def processor() -> str:
    """The processor's name, and which of the units that matter for matrix products it has."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    fields = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    flags = set(fields.get("flags", "").split())
    units = [name for name in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if name in flags]
    return f"{fields.get('model name', platform.machine())} ({', '.join(units) or 'no AVX2'})"


def versions() -> str:
    """The versions of what is measured in this environment."""
    found = [f"Python {platform.python_version()}"]
    for package in ("torch", "numpy", "scikit-learn", "jieba", "regex", "fasttext-wheel"):
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)
