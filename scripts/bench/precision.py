"""`python -m scripts.bench.precision`: milliseconds of one thread in float32 and in bfloat16, for the table of
`textrnn.runtime.precision` and docs/explanation/performance.md. Prints a table; writes nothing."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial
from statistics import median
from time import thread_time

import numpy as np
import torch

from scripts.bench.report import table
from scripts.bench.timing import interleaved
from textrnn.config import Config
from textrnn.models.build import build_network
from textrnn.models.encoder import RNNEncoder
from textrnn.runtime.device import autocast
from textrnn.texts.batching import Batch
from textrnn.training.objectives import adversarial, cross_entropy
from textrnn.training.optim import build_optimizer, clip_gradients

CELLS, PRECISIONS = ("lstm", "gru", "rnn"), ("float32", "bfloat16")
HIDDEN_SIZES = (64, 96, 128, 256)
SHAPES = ((18, 64), (25, 32), (230, 64), (400, 32))  # steps, texts
WORDS, CLASSES, REPEATS = 8000, 10, 3
CPU = torch.device("cpu")


def main() -> None:
    torch.set_num_threads(1)
    header = ["steps, texts", "hidden size", *(f"{cell} {precision}" for cell in CELLS for precision in PRECISIONS)]
    title = "The encoder, both directions, forward and backward, and a training step of the defaults (*), ms"
    print(table(title, header, []), flush=True)
    for (steps, texts), hidden in itertools.product(SHAPES, HIDDEN_SIZES):
        print_row([f"{steps}, {texts}", str(hidden), *cells(encoder_step, steps, texts, hidden)])
    for steps, texts in SHAPES:
        print_row([f"{steps}, {texts} (*)", "96", *cells(training_step, steps, texts, 96)])


def print_row(columns: list[str]) -> None:
    print(f"| {' | '.join(columns)} |", flush=True)


def cells(make: Callable[..., Callable[[str], None]], steps: int, texts: int, hidden: int) -> list[str]:
    """Milliseconds of each cell in each precision; the two precisions take turns."""
    columns = []
    for cell in CELLS:
        step = make(steps, texts, hidden, cell)
        jobs = {precision: partial(milliseconds, step, precision) for precision in PRECISIONS}
        for job in jobs.values():
            job()  # the first call prepares kernels
        columns += [f"{median(times):.3g}" for times in interleaved(jobs, REPEATS).values()]
    return columns


def milliseconds(step: Callable[[str], None], precision: str) -> float:
    """Of the processor, not of the clock, since other programs may use the same core."""
    begin = thread_time()
    step(precision)
    return 1000 * (thread_time() - begin)


def encoder_step(steps: int, texts: int, hidden: int, cell: str) -> Callable[[str], None]:
    torch.manual_seed(0)
    encoder = RNNEncoder(96, hidden, cell=cell)
    inputs, lengths = torch.randn(steps, texts, 96), torch.full((texts,), steps)

    def step(precision: str) -> None:
        leaf = inputs.detach().requires_grad_()
        encoder.zero_grad()
        with autocast(CPU, precision):
            states = encoder(leaf, lengths)
        states.float().sum().backward()

    return step


def training_step(steps: int, texts: int, hidden: int, cell: str) -> Callable[[str], None]:
    torch.manual_seed(0)
    config = Config().model.model_copy(update={"cell": cell, "hidden_size": hidden})
    ids = 2 + torch.from_numpy(np.random.default_rng(0).zipf(1.3, (steps, texts)) % (WORDS - 2))
    keys = [np.unique(np.random.default_rng(0).integers(2, WORDS * WORDS, 20_000))]
    network = build_network(config, vocab_size=WORDS, num_classes=CLASSES, ngram_keys=keys).train()
    batch = Batch(ids, torch.full((texts,), steps), torch.arange(texts) % CLASSES)
    optimizer = build_optimizer(network, learning_rate=4e-3, weight_decay=0.01, embedding_lr_multiplier=5.0)
    objective = adversarial(cross_entropy(), norm=1.5, dim=network.embedding.table.embedding_dim)

    def backward(loss: torch.Tensor) -> None:
        with torch.autocast("cpu", enabled=False):
            loss.backward()

    def step(precision: str) -> None:
        optimizer.zero_grad()
        with autocast(CPU, precision):
            objective(network, batch, backward)
        clip_gradients(network, 1.0)
        optimizer.step()

    return step


if __name__ == "__main__":
    main()
