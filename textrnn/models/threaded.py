"""Faster ways to compute an encoder's outputs, or a network's logits, on a CPU. The caller chooses one.

The matrix products of one time step are too small to be split among cores, and time steps depend on each other. But
the directions of a layer are independent, and so are the texts of a batch. So the batch is split into chunks of texts,
and each thread computes one direction of one chunk at a time, in the forward and in the backward pass.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial, reduce
from itertools import pairwise
from typing import Any, NamedTuple, TypeVar

import torch
from torch import nn
from torch.autograd.function import once_differentiable

from textrnn.models.encoder import LSTM, Direction, Encode, RNNEncoder
from textrnn.models.inference_cells import InferenceGRU, InferenceLSTM
from textrnn.models.network import Network
from textrnn.runtime.device import cores_to_share
from textrnn.runtime.threads import Mode, run_in_threads

T = TypeVar("T")

_MIN_CHUNK_TEXTS = 16  # with fewer texts, matrix products are too thin for a chunk to be worth its own core
_SORT_ABOVE_PADDING = 0.15  # share of padding above which sorting a batch by length and splitting it is faster
_MIN_INFERENCE_TEXTS = {nn.GRU: 32, LSTM: 64}  # texts in a chunk from which InferenceGRU or InferenceLSTM is faster


def training_encode(device: torch.device) -> Encode:
    """The fastest function for an encoder's outputs and their gradients: threaded on a CPU, plain on other devices."""
    return encode_in_threads(cores_to_share()) if device.type == "cpu" else RNNEncoder.direction_outputs


def encode_in_threads(cores: int) -> Encode:
    """As `RNNEncoder.direction_outputs`, up to rounding if the batch is split, on `cores` cores of a CPU.

    The backward pass can run only once if there is more than one thread or chunk, even with `retain_graph=True`; then a
    second one raises RuntimeError.
    """
    return partial(_encode, cores, _layer_with_gradients)


def encode_for_inference(cores: int, vectors: torch.Tensor | None = None) -> Encode:
    """As `RNNEncoder.direction_outputs`, up to rounding, in `torch.inference_mode`, on `cores` cores of a CPU.

    vectors (U, input_size): if given, the inputs of the encoder are rows of it (T, B). They are multiplied by the input
    weights of the first layer once, however often the function is called.
    """
    return partial(_encode, cores, partial(_layer_without_gradients, vectors=vectors, cell=cache(_inference_cell)))


@torch.inference_mode()
def inference_logits(
    networks: Sequence[Network], token_ids: torch.Tensor, lengths: torch.Tensor, *, batch_size: int, cores: int
) -> list[torch.Tensor]:
    """As `network(token_ids, lengths)` in evaluation mode for each of the networks, up to rounding, on `cores` cores of
    a CPU. The texts are looked up together and computed in batches, best in the order of their lengths."""
    first = networks[0].embedding
    distinct = first.distinct(token_ids)
    batches = [slice(begin, begin + batch_size) for begin in range(0, len(lengths), batch_size)]
    logits = []
    for network in networks:
        embedding = network.embedding  # all networks of a run have the same n-grams
        positions = distinct if embedding.has_ngrams_of(first) else embedding.distinct(token_ids)
        vectors = embedding.vectors(positions)
        encode = encode_for_inference(cores, vectors)
        parts = [(positions.rows[: int(lengths[texts].max()), texts], lengths[texts]) for texts in batches]
        logits.append(torch.cat([_logits_of_rows(network, rows, ends, vectors, encode) for rows, ends in parts]))
    return logits


def _logits_of_rows(
    network: Network, rows: torch.Tensor, lengths: torch.Tensor, vectors: torch.Tensor, encode: Encode
) -> torch.Tensor:
    """The logits of texts whose embeddings are the rows (T, B) of `vectors`."""
    return network.logits(
        nn.functional.embedding(rows, vectors), lengths, lambda encoder, _, *rest: encode(encoder, rows, *rest)
    )


# --- splitting the work


class _Split(NamedTuple):
    """How the work on a batch is split among threads.

    shape: (T, B). chunks: the texts of each chunk, and the number of steps after which all of them have ended. cores:
    the number of threads that work at the same time.
    """

    shape: tuple[int, int]
    chunks: list[tuple[slice, int]]
    cores: int

    def select(self, tensor: torch.Tensor) -> list[torch.Tensor]:
        """A tensor (T, B, ...) -> a view (steps, texts, ...) of each chunk's part."""
        return [tensor[:steps, texts] for texts, steps in self.chunks]

    def run(self, tasks: Sequence[Callable[[], T]], mode: Mode) -> list[list[T]]:
        """Run a task for each chunk of each direction; return their results by direction. mode: the gradient mode."""
        results, count = run_in_threads(tasks, cores=self.cores, mode=mode), len(self.chunks)
        return [results[start : start + count] for start in range(0, len(results), count)]

    def concat(self, pieces: Sequence[torch.Tensor]) -> torch.Tensor:
        """A tensor (steps, texts, size) for each chunk -> one tensor (T, B, size), zero after the end of each chunk."""
        if pieces[0].shape[:2] == self.shape:
            return pieces[0]
        whole = pieces[0].new_empty(*self.shape, pieces[0].shape[2])
        for piece, (texts, steps) in zip(pieces, self.chunks, strict=True):
            whole[:steps, texts] = piece
            whole[steps:, texts] = 0.0
        return whole


def _encode(
    cores: int, layer_outputs: Callable[..., list[torch.Tensor]], encoder: RNNEncoder, inputs: torch.Tensor,
    lengths: torch.Tensor, h0: Sequence[torch.Tensor] | None = None,
) -> list[torch.Tensor]:  # fmt: skip
    """`encoder.direction_outputs` in chunks. A batch with much padding is sorted by length, so that each chunk ends
    with its own longest text. layer_outputs: called with the directions of a layer and the split."""
    steps, texts = inputs.shape[:2]
    is_sorted = texts >= 2 * _MIN_CHUNK_TEXTS and float(lengths.double().mean()) < (1 - _SORT_ABOVE_PADDING) * steps
    chunk_count = cores // encoder.num_directions
    if is_sorted:
        order = lengths.argsort(descending=True)
        lengths, inputs = lengths[order], inputs.index_select(1, order)
        chunk_count = max(4, 2 * chunk_count)  # more chunks mean less padding, but thinner matrix products
    chunk_count = max(1, min(chunk_count, texts // _MIN_CHUNK_TEXTS))
    chunks = [
        (slice(begin, end), int(lengths[begin]) if is_sorted else steps)
        for begin, end in pairwise(number * texts // chunk_count for number in range(chunk_count + 1))
    ]
    if encoder.num_directions == len(chunks) == 1:
        cores = 1  # there is nothing to run in parallel: let torch use all cores in the calling thread
    split = _Split((steps, texts), chunks, cores)
    outputs = encoder.direction_outputs(inputs, lengths, h0, layer_outputs=partial(layer_outputs, split=split))
    return [output.index_select(1, order.argsort()) for output in outputs] if is_sorted else outputs


# --- inference


def _inference_cell(rnn: nn.GRU | nn.LSTM, vectors: torch.Tensor | None) -> InferenceGRU | InferenceLSTM:
    return InferenceGRU(rnn, vectors) if isinstance(rnn, nn.GRU) else InferenceLSTM(rnn, vectors)


def _layer_without_gradients(
    directions: Sequence[Direction], *, split: _Split, vectors: torch.Tensor | None,
    cell: Callable[..., InferenceGRU | InferenceLSTM],
) -> list[torch.Tensor]:  # fmt: skip
    vectors = vectors if directions[0].inputs.dim() == 2 else None  # the inputs of later layers are no rows of it
    least = _MIN_INFERENCE_TEXTS.get(type(directions[0].rnn))
    if type(directions[0].rnn) is LSTM and torch.is_autocast_enabled("cpu"):
        least = None  # oneDNN's LSTM is as fast in bfloat16
    tasks: list[Callable[[], torch.Tensor]]
    if least is not None and split.shape[1] >= len(split.chunks) * least:
        new_cells = [partial(cell, rnn, vectors) for rnn, _, _ in directions]
        cells = run_in_threads(new_cells, cores=split.cores, mode=torch.inference_mode)  # multiplies all of `vectors`
        pairs = zip(cells, directions, strict=True)
        tasks = [partial(run, part, h0) for run, (_, inputs, h0) in pairs for part in split.select(inputs)]
    else:
        if vectors is not None:
            directions = [part._replace(inputs=nn.functional.embedding(part.inputs, vectors)) for part in directions]
        tasks = [Direction(rnn, part, h0).outputs for rnn, inputs, h0 in directions for part in split.select(inputs)]
    return [split.concat(pieces) for pieces in split.run(tasks, torch.inference_mode)]


# --- training


def _layer_with_gradients(directions: Sequence[Direction], *, split: _Split) -> list[torch.Tensor]:
    if split.cores == len(split.chunks) == 1:
        return [direction.outputs() for direction in directions]
    jobs = [_Job(rnn, part, h0) for rnn, inputs, h0 in directions for part in split.select(inputs)]
    sources = [tensor for rnn, inputs, h0 in directions for tensor in (inputs, h0, *rnn.parameters())]
    return list(_ParallelJobs.apply(jobs, split, *sources))


class _Job:
    """One direction of one chunk, with its own autograd graph.

    autograd runs the backward pass of a graph on the CPU in a single thread. With a graph for each job, each thread can
    run the backward pass of its own jobs.
    """

    def __init__(self, rnn: nn.Module, *tensors: torch.Tensor) -> None:
        # This job's graph ends with the detached tensors. Parameters are leaves: no graph continues from them.
        inputs, h0 = (tensor.detach().requires_grad_(tensor.requires_grad) for tensor in tensors)
        self.direction = Direction(rnn, inputs, h0)

    def forward(self) -> torch.Tensor:
        """(steps, texts, H)."""
        self.outputs = self.direction.outputs()
        return self.outputs.detach()

    def backward(self, gradient: torch.Tensor) -> list[torch.Tensor | None]:
        """gradient (steps, texts, H) of the loss with respect to the outputs -> its gradients with respect to the
        inputs, h0 and the parameters; None for a tensor that requires no gradient."""
        rnn, inputs, h0 = self.direction
        sources = [inputs, h0, *rnn.parameters()]
        required = [source for source in sources if source.requires_grad]
        gradients = iter(torch.autograd.grad(self.outputs, required, gradient))
        del self.outputs, self.direction  # frees memory before the gradients of all jobs are put together
        return [next(gradients) if source.requires_grad else None for source in sources]


class _ParallelJobs(torch.autograd.Function):
    """Connects the graphs of the jobs, one for each chunk of each direction, to the graph of the caller, in which all
    jobs together are a single operation.

    sources: for each direction, its inputs (T, B, input_size), h0 and parameters. The jobs have these already, but
    autograd must see them as arguments, since `backward` returns one gradient for each argument.
    """

    @staticmethod
    def forward(ctx: Any, jobs: list[_Job], split: _Split, *sources: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The outputs (T, B, H) of each direction."""
        ctx.jobs, ctx.split = jobs, split
        return tuple(split.concat(pieces) for pieces in split.run([job.forward for job in jobs], torch.enable_grad))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[Any, ...]:
        """gradients: the gradient of the loss with respect to the outputs (T, B, H) of each direction."""
        if ctx.jobs is None:
            raise RuntimeError("the backward pass of a layer that was split among threads can run only once")
        jobs, ctx.jobs = ctx.jobs, None  # their graphs are freed by the backward pass
        split: _Split = ctx.split
        parts = [part for gradient in gradients for part in split.select(gradient)]
        tasks = [partial(job.backward, part) for job, part in zip(jobs, parts, strict=True)]
        results: list[torch.Tensor | None] = []
        for by_chunk in split.run(tasks, torch.no_grad):
            input_gradients, *shared_gradients = zip(*by_chunk, strict=True)
            # Each chunk has its own inputs. All share h0 and the parameters, so their gradients are added up.
            results.append(None if input_gradients[0] is None else split.concat(input_gradients))
            results += [None if terms[0] is None else reduce(torch.add, terms) for terms in shared_gradients]
        return None, None, *results
