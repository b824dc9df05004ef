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

from textrnn.models.gru import GRUReader
from textrnn.models.unique_inputs import Inputs, expand, map_positions, steps_and_texts
from textrnn.runtime.device import cores_to_share

Direction = tuple[nn.Module, Inputs, torch.Tensor]  # an RNN, its inputs (T, B, input_size) and its start (H,)

FEWEST_TEXTS = 16  # of a part: below that its matrix products are too thin to gain from a core of their own
_MANY_TEXTS = 32  # of a part: from here on a GRUReader is faster than the module


class Part(NamedTuple):
    """Texts of a batch that are read together, and for how many steps."""

    texts: slice
    steps: int


def run_layer(directions: Sequence[Direction], lengths: torch.Tensor | None = None) -> list[torch.Tensor]:
    """States (T, B, H) of each direction of a layer. What stands at padded positions has no meaning.

    The matrix products of one step of one direction are too small to be worth splitting, but directions and texts need
    nothing of each other: so on a CPU whole readings are shared out, in the forward and in the backward pass. The
    states are those of one reading after the other, but for rounding where the batch is split.

    lengths (B,): given where the texts stand in order of their length, the longest first, and differ so much that short
    ones had better not be read to the end of the longest.
    """
    steps, texts = steps_and_texts(directions[0][1])
    cores = cores_to_share() if directions[0][2].device.type == "cpu" else 1
    parts = _parts(texts, steps, cores // len(directions), lengths)
    alone = len(parts) == 1 and (cores == 1 or len(directions) == 1)
    if torch.is_grad_enabled():
        given = [(rnn, expand(inputs), start) for rnn, inputs, start in directions]
        if alone:
            return [_read(*direction) for direction in given]
        tensors = [tensor for rnn, *others in given for tensor in (*others, *rnn.parameters())]
        return list(_Shared.apply([rnn for rnn, *_ in directions], parts, *tensors))
    mode = torch.inference_mode if torch.is_inference_mode_enabled() else torch.no_grad
    run = _in_turn if alone else partial(_together, mode=mode)
    many = directions[0][2].device.type == "cpu" and texts >= len(parts) * _MANY_TEXTS
    readers = run([partial(_reader, rnn, inputs, many) for rnn, inputs, start in directions])
    jobs = [
        partial(reader, map_positions(inputs, partial(_cut, part=part)), start)
        for reader, (_, inputs, start) in zip(readers, directions, strict=True)
        for part in parts
    ]
    return [_joined(states, parts, (steps, texts)) for states in _grouped(run(jobs), len(parts))]


def _parts(texts: int, steps: int, cores: int, lengths: torch.Tensor | None) -> list[Part]:
    """The parts of a batch, where each direction has so many cores."""
    wanted = cores if lengths is None else max(4, 2 * cores)  # the more parts, the less padding; and the thinner
    count = max(1, min(wanted, texts // FEWEST_TEXTS))
    slices = [slice(number * texts // count, (number + 1) * texts // count) for number in range(count)]
    return [Part(each, steps if lengths is None else int(lengths[each.start])) for each in slices]


def _cut(tensor: torch.Tensor, part: Part) -> torch.Tensor:
    return tensor[: part.steps, part.texts]


def _reader(rnn: nn.Module, inputs: Inputs, many: bool) -> Callable[[Inputs, torch.Tensor], torch.Tensor]:
    """What reads these inputs, or parts of them with many texts or few (or not on a CPU), without gradients."""
    if many and isinstance(rnn, nn.GRU) and not torch.is_autocast_enabled("cpu"):
        return GRUReader(rnn, inputs).read
    return partial(_read, rnn)


def _read(rnn: nn.Module, inputs: Inputs, start: torch.Tensor) -> torch.Tensor:
    """States of one direction, which begins from `start` (H,); an LSTM's cell begins at zero."""
    inputs = expand(inputs).contiguous()
    hidden = start.expand(1, inputs.shape[1], -1).contiguous()
    return rnn(inputs, (hidden, torch.zeros_like(hidden)) if isinstance(rnn, nn.LSTM) else hidden)[0]


class _Shared(torch.autograd.Function):
    """Every reading has a graph of its own, for its thread to go back through: autograd alone has one for a CPU. It
    can be gone back through once.

    tensors: inputs, start and parameters of one direction after the other.
    """

    @staticmethod
    def forward(ctx: Any, rnns: list[nn.Module], parts: list[Part], *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        ctx.parts, ctx.shape = parts, tensors[0].shape[:2]
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


def _joined(pieces: Sequence[torch.Tensor], parts: Sequence[Part], shape: tuple[int, int]) -> torch.Tensor:
    """The pieces (steps, texts, size) of all parts as one tensor (T, B, size), zero where a part ended earlier."""
    steps, texts = shape
    if all(part.steps == steps for part in parts):
        return torch.cat(list(pieces), dim=1) if len(pieces) > 1 else pieces[0]
    joined = pieces[0].new_zeros(steps, texts, pieces[0].shape[2])
    for piece, part in zip(pieces, parts, strict=True):
        _cut(joined, part).copy_(piece)
    return joined


def _grouped(items: Sequence[Any], size: int) -> list[Sequence[Any]]:
    return [items[begin : begin + size] for begin in range(0, len(items), size)]


def _in_turn(jobs: Sequence[Callable[[], Any]]) -> list[Any]:
    return [job() for job in jobs]


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
