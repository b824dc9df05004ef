"""The ceiling of a processor: how fast it multiplies large matrices."""

from __future__ import annotations

from statistics import median

import torch

from scripts.bench.tables import Table, number
from scripts.bench.timing import stopwatch

SIZE = 2048
PRODUCTS = 4


class Ceiling:
    """Products of square matrices, to be run among the jobs that are compared with it."""

    def __init__(self, dtype: torch.dtype) -> None:
        self.left, self.right = (torch.randn(SIZE, SIZE).to(dtype) for _ in range(2))

    def __call__(self) -> float:
        """Seconds of PRODUCTS products."""
        return stopwatch(self._multiply)()

    def _multiply(self) -> None:
        for _ in range(PRODUCTS):
            self.left @ self.right


def ceiling_jobs() -> dict[str, Ceiling]:
    return {"float32": Ceiling(torch.float32), "bfloat16": Ceiling(torch.bfloat16)}


def gflops(seconds: list[float]) -> float:
    """GFLOP/s, the median of repeated timings of a Ceiling."""
    return PRODUCTS * 2 * SIZE**3 / median(seconds) / 1e9


def ceiling_table(float32: list[float], bfloat16: list[float]) -> Table:
    table = Table(f"Products of {SIZE} x {SIZE} matrices", ["numbers", "GFLOP/s", "lowest", "highest"])
    for name, seconds in (("float32", float32), ("bfloat16", bfloat16)):
        table.add(name, number(gflops(seconds)), number(gflops([max(seconds)])), number(gflops([min(seconds)])))
    return table
