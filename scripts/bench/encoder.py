"""Our encoder against PyTorch's own layers, packed and padded, on batches of ragged and of equal lengths."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import cache
from statistics import median
from typing import NamedTuple

import torch

from scripts.bench.ceiling import ceiling_jobs, ceiling_table, gflops
from scripts.bench.shapes import Packed, Padded, Shape, flops_per_token, inference_step, ours, training_step
from scripts.bench.tables import Findings, Table, number, percent, times
from scripts.bench.timing import interleaved, stopwatch
from textrnn.runtime.process import tune_torch

TITLE = "The encoder"
ABOUT = """\
`RNNEncoder` beside `nn.GRU` and `nn.LSTM` on packed sequences (`pack_padded_sequence`, right for every text) and
straight on the padded batch (wrong for the backward direction of every text but the longest; it shows what the kernel
can do). A training step is forward and backward. Only real tokens count, for tokens/s and for the share of the float32
ceiling: padding is waste. The operations are those of the matrix products, 2 x (in + hidden) x gates x hidden for each
token and direction of a layer, and three times as many in training. Ours runs in a process with the settings that
`textrnn` gives torch, PyTorch's own in one with torch as it comes; they take turns."""
REPEATS = 5


class Case(NamedTuple):
    """A batch of `texts` texts, lengths drawn evenly from `shortest` to `longest`, one of them the longest."""

    shape: Shape
    texts: int
    shortest: int
    longest: int
    packed_once: bool = False  # a step of a minute is not repeated

    def lengths(self) -> torch.Tensor:
        drawn = torch.randint(
            self.shortest, self.longest + 1, (self.texts,), generator=torch.Generator().manual_seed(0)
        )
        drawn[0] = self.longest
        return drawn

    def __str__(self) -> str:
        return f"{self.shape}, {self.texts} texts of {self.shortest} to {self.longest}"


CASES = [
    Case(Shape("gru", 64, 128, num_layers=2, bidirectional=False), 128, 100, 600, packed_once=True),
    Case(Shape("lstm", 128, 256), 64, 60, 250),
    Case(Shape("lstm", 300, 128, num_layers=2), 128, 8, 32),
]
STEPS = {"training": training_step, "inference": inference_step}
FLOPS = {"training": 3, "inference": 1}  # as multiples of a forward pass


def measure() -> Findings:
    ceilings: dict[str, list[float]] = {"float32": [], "bfloat16": []}
    columns = ["batch", "encoder", "ms a step", "real tokens/s", "of the ceiling", "packed = 1"]
    tables = {name: Table(f"{name.capitalize()}, ragged batches", columns) for name in STEPS}
    equal = Table(
        "Training, all texts of a batch equally long (nothing is padded)",
        ["batch", "ours, ms a step", "PyTorch's layer, ms a step", "ours, times as fast"],
    )
    with tuned_process() as tuned:
        for case in CASES:
            for name, table in tables.items():
                ragged(case, name, table, ceilings, tuned)
        for case in CASES:
            full_length(case, equal, tuned)
    return Findings([ceiling_table(**ceilings), *tables.values(), equal])


@contextmanager
def tuned_process() -> Iterator[ProcessPoolExecutor]:
    """A process whose torch is set as `textrnn` sets it."""
    before = dict(os.environ)
    tune_torch()
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        pool.submit(os.getpid).result()  # starts it
        os.environ.clear()
        os.environ.update(before)
        yield pool


@cache
def our_step(shape: Shape, lengths: tuple[int, ...], what: str) -> Callable[[], float]:
    inputs = torch.randn(max(lengths), len(lengths), shape.input_size)
    return stopwatch(STEPS[what](ours(shape), inputs, torch.tensor(lengths)))


def run_our_step(shape: Shape, lengths: tuple[int, ...], what: str) -> float:
    return our_step(shape, lengths, what)()


def in_turn(shape: Shape, lengths: torch.Tensor, what: str, tuned: ProcessPoolExecutor) -> Callable[[], float]:
    """Our step, in the other process; the seconds are those it took there."""
    return lambda: tuned.submit(run_our_step, shape, tuple(lengths.tolist()), what).result()


def ragged(case: Case, what: str, table: Table, ceilings: dict[str, list[float]], tuned: ProcessPoolExecutor) -> None:
    lengths = case.lengths()
    inputs = torch.randn(case.longest, case.texts, case.shape.input_size)
    modules = {"packed": Packed(case.shape), "padded": Padded(case.shape)}
    steps = {name: stopwatch(STEPS[what](module, inputs, lengths)) for name, module in modules.items()}
    steps["ours"] = in_turn(case.shape, lengths, what, tuned)
    once = {"packed"} if case.packed_once and what == "training" else set()
    for name in steps.keys() - once:
        steps[name]()  # the first call is slower
    seconds = interleaved({**ceiling_jobs(), **steps}, REPEATS, once=once)
    for name, found in ceilings.items():
        found += seconds[name]
    ceiling = gflops(seconds["float32"]) * 1e9
    tokens = int(lengths.sum())
    for name in steps:
        step = median(seconds[name])
        share = FLOPS[what] * flops_per_token(case.shape) * tokens / step / ceiling
        faster = median(seconds["packed"]) / step
        table.add(str(case), name, number(1000 * step), number(tokens / step), percent(share), times(faster))


def full_length(case: Case, table: Table, tuned: ProcessPoolExecutor) -> None:
    longest = (case.shortest + case.longest) // 2
    lengths = torch.full((case.texts,), longest)
    inputs = torch.randn(longest, case.texts, case.shape.input_size)
    steps = {
        "ours": in_turn(case.shape, lengths, "training", tuned),
        "padded": stopwatch(training_step(Padded(case.shape), inputs, lengths)),
    }
    for step in steps.values():
        step()
    seconds = {name: median(found) for name, found in interleaved(steps, REPEATS).items()}
    table.add(
        f"{case.shape}, {case.texts} texts of {longest}", number(1000 * seconds["ours"]),
        number(1000 * seconds["padded"]), times(seconds["padded"] / seconds["ours"]),
    )  # fmt: skip
