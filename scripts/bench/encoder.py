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
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from scripts.bench.report import number, percent, table, times
from scripts.bench.timing import interleaved, stopwatch
from textrnn.models.encoder import RNNEncoder
from textrnn.models.threaded import encode_for_inference, training_encode
from textrnn.runtime.device import cores_to_share
from textrnn.runtime.process import tune_torch

REPEATS = 5
PRODUCTS, SIZE = 4, 2048  # matrix products of the ceiling
PASSES = {"training": 3, "inference": 1}  # operations, as multiples of a forward pass


class Case(NamedTuple):
    """A recurrent layer, and a batch of `texts` texts for it. Lengths are drawn evenly from `shortest` to `longest`;
    one text has the greatest length."""

    cell: str
    input_size: int
    hidden_size: int
    num_layers: int
    bidirectional: bool
    texts: int
    shortest: int
    longest: int

    def lengths(self) -> torch.Tensor:
        random = torch.Generator().manual_seed(0)
        drawn = torch.randint(self.shortest, self.longest + 1, (self.texts,), generator=random)
        drawn[0] = self.longest
        return drawn

    def equally_long(self) -> Case:
        middle = (self.shortest + self.longest) // 2
        return self._replace(shortest=middle, longest=middle)

    def __str__(self) -> str:
        layers = f"{self.num_layers}-layer " if self.num_layers > 1 else ""
        lengths = f"{self.shortest} to {self.longest}" if self.shortest < self.longest else str(self.longest)
        name = f"{layers}{'Bi' * self.bidirectional}{self.cell.upper()} {self.input_size}->{self.hidden_size}"
        return f"{name}, {self.texts} texts of {lengths}"


SLOW = Case("gru", 64, 128, 2, False, 128, 100, 600)  # packed, a training step takes half a minute: it runs once
CASES = [SLOW, Case("lstm", 128, 256, 1, True, 64, 60, 250), Case("lstm", 300, 128, 2, True, 128, 8, 32)]


class Padded(nn.Module):
    """PyTorch's own layer straight on the padded batch: wrong for the backward direction of shorter texts."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        kind = {"gru": nn.GRU, "lstm": nn.LSTM}[case.cell]
        self.rnn = kind(case.input_size, case.hidden_size, num_layers=case.num_layers, bidirectional=case.bidirectional)

    def forward(self, inputs: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        return self.rnn(inputs)[0]


class Packed(Padded):
    """PyTorch's own layer on packed sequences: right, and what its manual recommends."""

    def forward(self, inputs: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        packed = pack_padded_sequence(inputs, lengths, enforce_sorted=False)
        return pad_packed_sequence(self.rnn(packed)[0])[0]


class Ours(nn.Module):
    """Our encoder, as training and prediction compute it on a CPU."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        self.encoder = RNNEncoder(
            case.input_size, case.hidden_size, cell=case.cell, num_layers=case.num_layers,
            bidirectional=case.bidirectional,
        )  # fmt: skip

    def forward(self, inputs: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        training = torch.is_grad_enabled()
        encode = training_encode(inputs.device) if training else encode_for_inference(cores_to_share())
        return self.encoder(inputs, lengths, encode=encode)


MODULES: dict[str, Callable[[Case], nn.Module]] = {"packed": Packed, "padded": Padded, "ours": Ours}


def measure_encoder() -> list[str]:
    ceiling: list[float] = []
    header = ["batch", "encoder", "ms a step", "real tokens/s", "of the ceiling", "packed = 1"]
    tables, equal = [], []
    with tuned_process() as tuned:
        for what in PASSES:
            rows = []
            for case in CASES:
                seconds = steps_in_turn(case, what, ["packed", "padded"], tuned)
                ceiling += seconds.pop("ceiling")
                rows += ragged_rows(case, what, seconds, ceiling[-REPEATS:])
            tables.append(table(f"{what.capitalize()}, ragged batches", header, rows))
        for case in map(Case.equally_long, CASES):
            seconds = steps_in_turn(case, "training", ["padded"], tuned)
            theirs, our = median(seconds["padded"]), median(seconds["ours"])
            equal.append([str(case), number(1000 * our), number(1000 * theirs), times(theirs / our)])
    speed, lowest, highest = (number(gflops([at])) for at in (median(ceiling), max(ceiling), min(ceiling)))
    note = f"The ceiling: {speed} GFLOP/s ({lowest} to {highest}), float32 products of {SIZE} x {SIZE} matrices."
    header = ["batch", "ours, ms a step", "PyTorch's layer, ms a step", "ours, times as fast"]
    title = "Training, all texts of a batch equally long (nothing is padded)"
    return [note, *tables, table(title, header, equal)]


def steps_in_turn(case: Case, what: str, names: list[str], tuned: ProcessPoolExecutor) -> dict[str, list[float]]:
    """The seconds of the steps of other modules and of ours, and of the ceiling's matrix products between them."""
    steps: dict[str, Callable[[], float]] = {name: stopwatch(step_of(case, what, name)) for name in names}
    steps["ours"] = lambda: tuned.submit(time_our_step, case, what).result()
    once = {"packed"} if case == SLOW and what == "training" else set()
    for name, step in steps.items():
        if name not in once:
            step()  # the first call is slower
    left, right = torch.randn(2, SIZE, SIZE)
    products = stopwatch(lambda: [left @ right for _ in range(PRODUCTS)])
    return interleaved({"ceiling": products, **steps}, REPEATS, once=once)


def ragged_rows(case: Case, what: str, seconds: dict[str, list[float]], ceiling: list[float]) -> list[list[str]]:
    tokens = int(case.lengths().sum())
    operations = PASSES[what] * flops_per_token(Padded(case)) * tokens
    rows = []
    for name, repeated in seconds.items():
        step = median(repeated)
        share = operations / step / (gflops(ceiling) * 1e9)
        faster = times(median(seconds["packed"]) / step)
        rows.append([str(case), name, number(1000 * step), number(tokens / step), percent(share), faster])
    return rows


def flops_per_token(module: nn.Module) -> int:
    """Floating-point operations of one token's forward pass: two for each weight of a matrix product."""
    return 2 * sum(weight.numel() for weight in module.parameters() if weight.dim() == 2)


def gflops(seconds: list[float]) -> float:
    """GFLOP/s of the ceiling, the median of repeated timings."""
    return PRODUCTS * 2 * SIZE**3 / median(seconds) / 1e9


@cache
def step_of(case: Case, what: str, name: str) -> Callable[[], None]:
    """training: forward and backward, down to the gradients of weights and inputs. inference: forward."""
    module, lengths = MODULES[name](case), case.lengths()
    inputs = torch.randn(case.longest, case.texts, case.input_size)

    def training() -> None:
        leaf = inputs.detach().requires_grad_()
        module.zero_grad()
        states = module(leaf, lengths)
        states.backward(torch.ones_like(states))

    def inference() -> None:
        with torch.inference_mode():
            module(inputs, lengths)

    return training if what == "training" else inference


@contextmanager
def tuned_process() -> Iterator[ProcessPoolExecutor]:
    """A process whose torch has the settings of `textrnn`, while this process keeps torch's own."""
    before = dict(os.environ)
    tune_torch()
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        pool.submit(os.getpid).result()  # starts it
        os.environ.clear()
        os.environ.update(before)
        yield pool


def time_our_step(case: Case, what: str) -> float:
    return stopwatch(step_of(case, what, "ours"))()
