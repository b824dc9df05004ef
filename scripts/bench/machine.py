"""What the figures were taken on."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from scripts.bench.timing import run_program, threads

PACKAGES = ("torch", "numpy", "scikit-learn", "jieba", "regex", "fasttext-wheel")
KERAS_PACKAGES = ("keras", "tensorflow-cpu")


def describe() -> str:
    """Date, processor, cores, threads and system, in a line."""
    parts = [time.strftime("%Y-%m-%d %H:%M %Z"), processor(), f"{len(os.sched_getaffinity(0))} cores"]
    return ", ".join([*parts, f"{threads()} threads", f"{memory_gib()} GiB of memory", platform.platform(terse=True)])


def processor() -> str:
    """The processor's name, and which of the units that matter for matrix products it has."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    fields = dict(tuple(part.strip() for part in line.split(":", 1)) for line in lines if ":" in line)
    flags = set(fields.get("flags", "").split())
    units = [name for name in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if name in flags]
    return f"{fields.get('model name', platform.machine())} ({', '.join(units) or 'no AVX2'})"


def memory_gib() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)


def versions(keras_python: Path | None) -> str:
    """The versions of everything that is measured. keras_python: the interpreter of Keras's environment, if any."""
    found = [f"Python {platform.python_version()}", *map(named, PACKAGES)]
    if keras_python is not None:
        found += versions_there(keras_python, KERAS_PACKAGES)
    return ", ".join(filter(None, found))


def named(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return ""


def versions_there(python: Path, packages: Sequence[str]) -> list[str]:
    code = f"from importlib.metadata import version\nfor name in {packages!r}: print(name, version(name))"
    return run_program([python, "-c", code]).out.splitlines()
