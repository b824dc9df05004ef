"""The share of the float32 ceiling that training reaches on batches of real lengths, bucketed as `train` buckets."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median

import numpy as np
import torch

from scripts.bench.ceiling import ceiling_jobs, ceiling_table, gflops
from scripts.bench.corpora import reviews
from scripts.bench.rivals.corpus import read_labelled
from scripts.bench.shapes import Shape, flops_per_token, ours, training_step
from scripts.bench.tables import Findings, Table, number, percent
from scripts.bench.timing import interleaved, stopwatch
from textrnn.data.batching import training_batches
from textrnn.data.tokenizer import Tokenizer
from textrnn.data.transform import cut_lengths, tokenize

TITLE = "Batches of real lengths"
ABOUT = """\
Training steps of the encoder alone (forward and backward) on batches of 64 IMDB reviews, words, cut at 400 tokens, with
the lengths and the order that `textrnn train` gives them. Real tokens only; every row is a share of the *float32*
ceiling, also under bfloat16 autocast."""
REPEATS = 3
REVIEWS, BATCH_SIZE, MAX_LENGTH = 3200, 64, 400
EVERY = 8  # batches of the window are left out, every eighth one kept
SHAPES = [Shape("lstm", 128, 256), Shape("gru", 128, 256)]


def measure() -> Findings:
    batches = batch_lengths()
    tokens = sum(int(lengths.sum()) for lengths in batches)
    padded = sum(int(lengths.max()) * len(lengths) for lengths in batches)
    jobs = {
        f"{shape}, {precision}": stopwatch(all_batches(shape, precision, batches))
        for shape in SHAPES
        for precision in ("float32", "bfloat16")
    }
    for job in jobs.values():
        job()  # the first call is slower
    seconds = interleaved({**ceiling_jobs(), **jobs}, REPEATS)
    ceiling = gflops(seconds["float32"])
    table = Table(
        f"{len(batches)} batches, {tokens:,} tokens, {percent(1 - tokens / padded)} of the positions padding",
        ["encoder", "real tokens/s", "GFLOP/s", "of the float32 ceiling"],
    )
    for shape in SHAPES:
        for precision in ("float32", "bfloat16"):
            name = f"{shape}, {precision}"
            rate = tokens / median(seconds[name])
            speed = 3 * flops_per_token(shape) * rate / 1e9
            table.add(name, number(rate), number(speed), percent(speed / ceiling))
    return Findings([ceiling_table(seconds["float32"], seconds["bfloat16"]), table])


def batch_lengths() -> list[torch.Tensor]:
    """The lengths of the texts of each batch."""
    texts = read_labelled(reviews().train).texts
    drawn = np.random.default_rng(0).permutation(len(texts))[:REVIEWS]
    lengths = cut_lengths(tokenize([texts[row] for row in drawn], Tokenizer("word")).lengths, MAX_LENGTH)
    batches = sorted(training_batches(lengths, BATCH_SIZE, seed=0, epoch=0), key=lambda rows: lengths[rows].max())
    return [torch.from_numpy(lengths[rows]) for rows in batches[EVERY // 2 :: EVERY]]


def all_batches(shape: Shape, precision: str, batches: list[torch.Tensor]) -> Callable[[], None]:
    module = ours(shape)
    steps = [
        training_step(module, torch.randn(int(lengths.max()), len(lengths), shape.input_size), lengths, precision)
        for lengths in batches
    ]

    def run() -> None:
        for step in steps:
            step()

    return run
