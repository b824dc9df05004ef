"""A page of figures: tables in Markdown, the numbers in them, and the machine that they were measured on."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from scripts.bench.timing import threads


def table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The first column to the left, the others, which are numbers, to the right."""
    lines = [header, [":--", *["--:"] * (len(header) - 1)], *rows]
    return f"**{title}**\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines)


def put(page: Path, place: str, paragraphs: Sequence[str]) -> None:
    """Write paragraphs between `<!-- place -->` and `<!-- end of place -->` on a page; the rest of it stays."""
    begin, end = f"<!-- {place} -->", f"<!-- end of {place} -->"
    before, _, rest = page.read_text(encoding="utf-8").partition(begin)
    _, end, after = rest.partition(end)
    if not end:
        raise ValueError(f"{page}: expected the place {begin}, found none")
    page.write_text(before + "\n\n".join([begin, *paragraphs, end]) + after, encoding="utf-8")


def number(value: float) -> str:
    """Three significant digits, thousands apart: 12,300  123  12.3  0.012."""
    rounded = float(f"{value:.3g}")
    if rounded == 0 or rounded >= 100:
        return f"{rounded:,.0f}"
    return f"{rounded:.{1 if rounded >= 10 else 2 if rounded >= 1 else 3}f}"


def times(value: float) -> str:
    return f"{value:.2f}x" if value < 10 else f"{value:.0f}x"


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def megabytes(count: float) -> str:
    return f"{count / 1e6:,.0f}"


def describe() -> str:
    """Date, processor, cores, threads, memory and system, in a line."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return ", ".join([
        time.strftime("%Y-%m-%d %H:%M %Z"), processor(), f"{len(os.sched_getaffinity(0))} cores",
        f"{threads()} threads", f"{memory:.0f} GiB of memory", platform.platform(terse=True),
    ])  # fmt: skip


def processor() -> str:
    """The processor's name, and its units for matrix products."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    fields = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    flags = set(fields.get("flags", "").split())
    units = [name for name in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if name in flags]
    return f"{fields.get('model name', platform.machine())} ({', '.join(units) or 'no AVX2'})"


def versions() -> str:
    """The versions of the measured packages in this environment."""
    named = [f"Python {platform.python_version()}"]
    for package in (
        "torch",
        "numpy",
        "scikit-learn",
        "jieba",
        "regex",
        "fasttext-wheel",
        "starlette",
        "uvicorn",
        "fastapi",
    ):
        with suppress(PackageNotFoundError):
            named.append(f"{package} {version(package)}")
    return ", ".join(named)
