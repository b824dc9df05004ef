"""The directions of a recurrent layer, computed in parallel on the cores of a CPU.

The matrix products of one time step are too small to be split among cores, and time steps depend on each other. But
directions are independent of each other, and so are the texts of a batch. So the batch is split into chunks of texts,
and each thread computes one direction of one chunk at a time, in the forward and in the backward pass.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, reduce
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.autograd.function import once_differentiable

from textrnn.models.gru import InferenceGRU
from textrnn.models.thread_pool import run_in_threads
from textrnn.models.unique_inputs import Inputs, expand, map_positions, steps_and_texts
from textrnn.runtime.device import cores_to_share

MIN_CHUNK_TEXTS = 16  # with fewer texts, matrix products are too thin for a chunk to be worth a core of its own
_MIN_INFERENCE_GRU_TEXTS = 32  # texts in a chunk from which on InferenceGRU is faster than nn.GRU


class Direction(NamedTuple):
    """One direction of a layer. T steps and B texts are those of the batch, H is the hidden size.

    rnn: an nn.RNN, nn.GRU or nn.LSTM with one layer and one direction. inputs (T, B, input_size): in the order in which
    this direction reads them. h0 (H,): the initial state of every text; the cell state of an LSTM starts at zero.
    """

    rnn: nn.Module
    inputs: Inputs
    h0: torch.Tensor


class Chunk(NamedTuple):
    """Adjacent texts of a batch, and the number of steps after which all of them have ended."""

    texts: slice
    steps: int

    def select(self, tensor: torch.Tensor) -> torch.Tensor:
        """A view (steps, texts, ...) of this chunk's part of a tensor (T, B, ...)."""
        return tensor[: self.steps, self.texts]


class _Split(NamedTuple):
    """How the work on a batch is split. shape: (T, B). cores: threads that work at the same time."""

    shape: tuple[int, int]
    chunks: list[Chunk]
    cores: int

    def concat(self, pieces: Sequence[torch.Tensor]) -> torch.Tensor:
        """A tensor (steps, texts, size) for each chunk -> one tensor (T, B, size), zero after the end of each chunk."""
        if all(chunk.steps == self.shape[0] for chunk in self.chunks):
            return torch.cat(list(pieces), dim=1) if len(pieces) > 1 else pieces[0]
        whole = pieces[0].new_zeros(*self.shape, pieces[0].shape[2])
        for piece, chunk in zip(pieces, self.chunks, strict=True):
            chunk.select(whole).copy_(piece)
        return whole


def run_directions(directions: Sequence[Direction], lengths: torch.Tensor | None = None) -> list[torch.Tensor]:
    """The outputs (T, B, H) of each direction. Values at padded positions are undefined.

    They equal the outputs of each RNN for its whole input, up to rounding if the batch is split. The backward pass can
    run only once if there is more than one thread or chunk, even with `retain_graph=True`; then a second one raises
    RuntimeError.

    lengths (B,): those of the texts, if they are sorted by length, longest first; otherwise None. With them, each chunk
    ends with its own longest text instead of that of the batch, which pays off for batches with much padding.
    """
    steps, texts = steps_and_texts(directions[0].inputs)
    cores = cores_to_share() if directions[0].h0.device.type == "cpu" else 1
    chunks = _split_batch(texts, steps, cores // len(directions), lengths)
    if len(directions) == len(chunks) == 1:
        cores = 1  # there is nothing to run in parallel: let torch use all cores in the calling thread
    split = _Split((steps, texts), chunks, cores)
    if torch.is_grad_enabled():
        return _run_with_gradients(directions, split)
    return _run_without_gradients(directions, split)


def _split_batch(texts: int, steps: int, cores: int, lengths: torch.Tensor | None) -> list[Chunk]:
    """Chunks with (nearly) the same number of texts. cores: the number of cores for each direction."""
    wanted = cores
    if lengths is not None:
        wanted = max(4, 2 * cores)  # more chunks mean less padding in each, but also thinner matrix products
    count = max(1, min(wanted, texts // MIN_CHUNK_TEXTS))
    slices = [slice(number * texts // count, (number + 1) * texts // count) for number in range(count)]
    return [Chunk(each, steps if lengths is None else int(lengths[each.start])) for each in slices]


def _run_rnn(rnn: nn.Module, inputs: Inputs, h0: torch.Tensor) -> torch.Tensor:
    """inputs (T, B, input_size), h0 (H,) -> outputs (T, B, H)."""
    inputs = expand(inputs).contiguous()
    hidden = h0.expand(1, inputs.shape[1], -1).contiguous()
    return rnn(inputs, (hidden, torch.zeros_like(hidden)) if isinstance(rnn, nn.LSTM) else hidden)[0]


# --- inference


def _run_without_gradients(directions: Sequence[Direction], split: _Split) -> list[torch.Tensor]:
    use_inference_gru = (
        directions[0].h0.device.type == "cpu" and split.shape[1] >= len(split.chunks) * _MIN_INFERENCE_GRU_TEXTS
    )

    def prepare(direction: Direction) -> Callable[[Inputs, torch.Tensor], torch.Tensor]:
        """A function (inputs, h0) -> outputs for the chunks of this direction."""
        if use_inference_gru and isinstance(direction.rnn, nn.GRU):
            return InferenceGRU(direction.rnn, direction.inputs).run
        return partial(_run_rnn, direction.rnn)

    # `prepare` runs in threads too: a new InferenceGRU computes the products of all distinct inputs.
    mode = torch.inference_mode if torch.is_inference_mode_enabled() else torch.no_grad
    prepared = run_in_threads([partial(prepare, each) for each in directions], cores=split.cores, mode=mode)
    tasks = [
        partial(run, map_positions(direction.inputs, chunk.select), direction.h0)
        for run, direction in zip(prepared, directions, strict=True)
        for chunk in split.chunks
    ]
    outputs = iter(run_in_threads(tasks, cores=split.cores, mode=mode))
    return [split.concat([next(outputs) for _ in split.chunks]) for _ in directions]


# --- training


def _run_with_gradients(directions: Sequence[Direction], split: _Split) -> list[torch.Tensor]:
    if split.cores == len(split.chunks) == 1:
        return [_run_rnn(*direction) for direction in directions]
    directions = [direction._replace(inputs=expand(direction.inputs)) for direction in directions]
    jobs = [[_Job(direction, chunk) for chunk in split.chunks] for direction in directions]
    sources = [tensor for rnn, inputs, h0 in directions for tensor in (inputs, h0, *rnn.parameters())]
    return list(_ParallelJobs.apply(jobs, split, *sources))


class _Job:
    """One direction of one chunk, with an autograd graph of its own.

    autograd runs the backward pass of a graph on the CPU in a single thread. With a graph for each job, each thread can
    run the backward pass of its own jobs.
    """

    outputs: torch.Tensor  # (steps, texts, H), set by forward
    gradients: list[torch.Tensor | None]  # of each source, None if it requires none; set by backward

    def __init__(self, direction: Direction, chunk: Chunk) -> None:
        inputs, h0 = expand(direction.inputs), direction.h0
        self.rnn = direction.rnn
        self.chunk = chunk
        # The tensors for which gradients are computed. Inputs and h0 are detached, so that this job's graph ends with
        # them instead of continuing into the caller's graph. Parameters are leaves: no graph continues from them.
        self.sources = [
            chunk.select(inputs.detach()).contiguous().requires_grad_(inputs.requires_grad),
            h0.detach().contiguous().requires_grad_(h0.requires_grad),
            *direction.rnn.parameters(),
        ]

    def forward(self) -> None:
        inputs, h0, *_ = self.sources
        self.outputs = _run_rnn(self.rnn, inputs, h0)

    def backward(self, gradient: torch.Tensor) -> None:
        """gradient (steps, texts, H): of the loss with respect to the outputs."""
        required = [source for source in self.sources if source.requires_grad]
        found = iter(torch.autograd.grad(self.outputs, required, gradient))
        self.gradients = [next(found) if source.requires_grad else None for source in self.sources]
        del self.outputs, self.sources  # frees memory before the gradients of all jobs are put together


class _ParallelJobs(torch.autograd.Function):
    """Connects the graphs of the jobs to the graph of the caller, in which all jobs together are a single operation.

    Its arguments are jobs and sources. jobs: for each direction, one for each chunk. sources: for each direction, its
    inputs (T, B, input_size), h0 and parameters. The jobs hold these already, but autograd has to see them as
    arguments: `backward` returns one gradient for each argument.
    """

    @staticmethod
    def forward(ctx: Any, jobs: list[list[_Job]], split: _Split, *sources: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The outputs (T, B, H) of each direction."""
        tasks = [job.forward for direction_jobs in jobs for job in direction_jobs]
        run_in_threads(tasks, cores=split.cores, mode=torch.enable_grad)
        ctx.jobs, ctx.split = jobs, split
        return tuple(split.concat([job.outputs.detach() for job in direction_jobs]) for direction_jobs in jobs)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[Any, ...]:
        """gradients: of the loss with respect to the outputs (T, B, H) of each direction."""
        if ctx.jobs is None:
            raise RuntimeError("the backward pass of a layer that was split among threads can run only once")
        jobs: list[list[_Job]] = ctx.jobs
        ctx.jobs = None  # their graphs are freed by the backward pass
        tasks = [
            partial(job.backward, job.chunk.select(gradient))
            for direction_jobs, gradient in zip(jobs, gradients, strict=True)
            for job in direction_jobs
        ]
        run_in_threads(tasks, cores=ctx.split.cores, mode=torch.no_grad)
        results: list[torch.Tensor | None] = []
        for direction_jobs in jobs:
            of_inputs, *of_others = zip(*(job.gradients for job in direction_jobs), strict=True)
            # Each chunk has its own inputs. All share h0 and the parameters, whose gradients are therefore added up.
            results.append(None if of_inputs[0] is None else ctx.split.concat(of_inputs))
            results += [None if of_one[0] is None else reduce(torch.add, of_one) for of_one in of_others]
        return None, None, *results
