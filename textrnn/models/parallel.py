"""A recurrent layer on several cores: each core takes one direction of one part of the batch."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.autograd.function import once_differentiable

from textrnn.device import cores_to_share
from textrnn.models.gru import may_read_gru, read_gru

Direction = tuple[nn.Module, torch.Tensor, torch.Tensor]  # an RNN, its inputs (T, B, input_size) and its start (H,)

FEWEST_TEXTS = 16  # of a part: below that its matrix products are too thin to gain from a core of their own


class Part(NamedTuple):
    """Texts of a batch that are read together, and for how many steps."""

    texts: slice
    steps: int


def run_layer(
    directions: Sequence[Direction], lengths: torch.Tensor | None = None, vectors: torch.Tensor | None = None
) -> list[torch.Tensor]:
    """States (T, B, H) of each direction of a layer. What stands at padded positions has no meaning.

    The matrix products of one step of one direction are too small to be worth splitting, but directions and texts need
    nothing of each other: so on a CPU whole readings are shared out, in the forward and in the backward pass. The
    states are those of one reading after the other, but for rounding where the batch is split.

    lengths (B,): given where the texts stand in order of their length, the longest first, and differ so much that short
    ones had better not be read to the end of the longest.
    vectors (U, input_size): given where the inputs are rows (T, B) of these; without gradients only.
    """
    inputs = directions[0][1]
    cores = cores_to_share() if inputs.device.type == "cpu" else 1
    parts = _parts(inputs.shape[1], inputs.shape[0], cores // len(directions), lengths)
    if len(parts) == 1 and (cores == 1 or len(directions) == 1):
        return [_read(*direction, vectors) for direction in directions]
    if torch.is_grad_enabled():
        tensors = [tensor for rnn, *given in directions for tensor in (*given, *rnn.parameters())]
        return list(_Shared.apply([rnn for rnn, *_ in directions], parts, *tensors))
    mode = torch.inference_mode if torch.is_inference_mode_enabled() else torch.no_grad
    jobs = [
        partial(_read, rnn, _cut(inputs, part), start, vectors) for rnn, inputs, start in directions for part in parts
    ]
    found = _together(jobs, mode)
    return [_joined(states, parts, inputs.shape) for states in _grouped(found, len(parts))]


def _parts(texts: int, steps: int, cores: int, lengths: torch.Tensor | None) -> list[Part]:
    """The parts of a batch, where each direction has so many cores."""
    wanted = cores if lengths is None else max(4, 2 * cores)  # the more parts, the less padding; and the thinner
    count = max(1, min(wanted, texts // FEWEST_TEXTS))
    slices = [slice(number * texts // count, (number + 1) * texts // count) for number in range(count)]
    return [Part(each, steps if lengths is None else int(lengths[each.start])) for each in slices]


def _cut(tensor: torch.Tensor, part: Part) -> torch.Tensor:
    return tensor[: part.steps, part.texts]


def _read(
    rnn: nn.Module, inputs: torch.Tensor, start: torch.Tensor, vectors: torch.Tensor | None = None
) -> torch.Tensor:
    """States of one direction; an LSTM's cell begins at zero."""
    hidden = start.expand(1, inputs.shape[1], -1).contiguous()
    if isinstance(rnn, nn.GRU) and may_read_gru(inputs):
        return read_gru(rnn, inputs, hidden[0], vectors)
    if vectors is not None:
        inputs = vectors[inputs]
    return rnn(inputs.contiguous(), (hidden, torch.zeros_like(hidden)) if isinstance(rnn, nn.LSTM) else hidden)[0]


class _Shared(torch.autograd.Function):
    """Every reading has a graph of its own, for its thread to go back through: autograd alone has one for a CPU. It
    can be gone back through once.

    tensors: inputs, start and parameters of one direction after the other.
    """

    @staticmethod
    def forward(ctx: Any, rnns: list[nn.Module], parts: list[Part], *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        ctx.parts, ctx.shape = parts, tensors[0].shape
        ctx.sources = []  # of each reading: what its gradients are of
        jobs = []
        for rnn, (inputs, start, *parameters) in zip(rnns, _grouped(tensors, len(tensors) // len(rnns)), strict=True):
            for part in parts:
                # cut off from the graph around them; the parameters are leaves already
                leaves = [_leaf(_cut(inputs, part), inputs.requires_grad), _leaf(start, start.requires_grad)]
                ctx.sources.append([*leaves, *parameters])
                jobs.append(partial(_read, rnn, *leaves))
        ctx.states = _together(jobs, torch.enable_grad)
        detached = [states.detach() for states in ctx.states]
        return tuple(_joined(states, parts, ctx.shape) for states in _grouped(detached, len(parts)))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[Any, ...]:
        if not hasattr(ctx, "states"):
            raise RuntimeError("a layer that is shared out to the cores can be gone back through only once")
        of_readings = [_cut(gradient, part) for gradient in gradients for part in ctx.parts]
        readings = zip(ctx.states, ctx.sources, of_readings, strict=True)
        found = _together([partial(_gradients, *reading) for reading in readings], torch.no_grad)
        del ctx.states, ctx.sources
        results: list[torch.Tensor | None] = []
        for readings_of_direction in _grouped(found, len(ctx.parts)):
            of_inputs, *others = zip(*readings_of_direction, strict=True)
            results.append(None if of_inputs[0] is None else _joined(of_inputs, ctx.parts, ctx.shape))
            results += [None if each[0] is None else sum(each[1:], each[0]) for each in others]
        return None, None, *results


def _leaf(tensor: torch.Tensor, requires_grad: bool) -> torch.Tensor:
    return tensor.detach().contiguous().requires_grad_(requires_grad)


def _gradients(states: torch.Tensor, sources: list[torch.Tensor], gradient: torch.Tensor) -> list[torch.Tensor | None]:
    """Of each source, None where it needs none."""
    found = iter(torch.autograd.grad(states, [source for source in sources if source.requires_grad], gradient))
    return [next(found) if source.requires_grad else None for source in sources]


def _joined(pieces: Sequence[torch.Tensor], parts: Sequence[Part], shape: torch.Size) -> torch.Tensor:
    """The pieces (steps, texts, size) of all parts as one tensor (T, B, size), zero where a part ended earlier."""
    if all(part.steps == shape[0] for part in parts):
        return torch.cat(list(pieces), dim=1) if len(pieces) > 1 else pieces[0]
    joined = pieces[0].new_zeros((*shape[:2], pieces[0].shape[2]))
    for piece, part in zip(pieces, parts, strict=True):
        _cut(joined, part).copy_(piece)
    return joined


def _grouped(items: Sequence[Any], size: int) -> list[Sequence[Any]]:
    return [items[begin : begin + size] for begin in range(0, len(items), size)]


def _together(jobs: Sequence[Callable[[], Any]], mode: Callable[[], Any]) -> list[Any]:
    """Their results. Gradient mode and autocast belong to a thread, and are made in each what they are here."""
    autocast, dtype = torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu")

    def run(job: Callable[[], Any]) -> Any:
        with mode(), torch.autocast("cpu", dtype, enabled=autocast):
            return job()

    threads = torch.get_num_threads()
    return list((_pool(threads).map if cores_to_share() > 1 else map)(run, jobs))


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    """So many workers that compute in one thread each."""
    pool = ThreadPoolExecutor(threads, "textrnn", _compute_in_one_thread)
    started = threading.Barrier(threads)
    list(pool.map(lambda _: started.wait(), range(threads)))
    torch.set_num_threads(threads)  # what they set for themselves is also the default of threads to come
    return pool


def _compute_in_one_thread() -> None:
    torch.set_num_threads(1)
    torch.get_num_threads()  # or the thread's first operation takes the default, whatever it is by then
