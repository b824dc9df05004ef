"""A recurrent layer on several cores: each core takes one direction of one part of the batch."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable

Direction = tuple[nn.Module, torch.Tensor, torch.Tensor]  # an RNN with its inputs (T, B, input_size) and its start (H,)

# OpenMP's threads, their part done, spin while they wait for the next: with GNU's library, where nothing else is set,
# for milliseconds, and on the very cores that are needed here. Sharing out pays only where they soon go to sleep.
SHORT_SPIN = 1000
FEWEST_TEXTS = 16  # of a part: below that its matrix products are too thin to gain from a core of their own


def run_layer(directions: Sequence[Direction]) -> list[torch.Tensor]:
    """States (T, B, H) of each direction of a layer.

    The matrix products of one step of one direction are too small to be worth splitting, but directions and texts need
    nothing of each other: so on a CPU whole readings are shared out, in the forward and in the backward pass. The
    states are those of one reading after the other, but for rounding where the batch is split.
    """
    inputs = directions[0][1]
    cores = cores_to_share() if inputs.device.type == "cpu" else 1
    parts = _parts(inputs.shape[1], cores // len(directions))
    if cores == 1 or len(directions) * len(parts) == 1:
        return [_read(*direction) for direction in directions]
    if torch.is_grad_enabled():
        tensors = [tensor for rnn, *given in directions for tensor in (*given, *rnn.parameters())]
        return list(_Shared.apply([rnn for rnn, *_ in directions], parts, *tensors))
    mode = torch.inference_mode if torch.is_inference_mode_enabled() else torch.no_grad
    jobs = [partial(_read, rnn, inputs[:, part], start) for rnn, inputs, start in directions for part in parts]
    return [_joined(states) for states in _grouped(_together(jobs, mode), len(parts))]


def cores_to_share() -> int:
    """Threads that can run side by side; 1 where waiting ones would stand in each other's way."""
    spin = os.environ.get("GOMP_SPINCOUNT", "")
    passive = os.environ.get("OMP_WAIT_POLICY", "").lower() == "passive"
    soon_asleep = passive or (spin.isdigit() and int(spin) <= SHORT_SPIN)
    return torch.get_num_threads() if soon_asleep else 1


def _parts(texts: int, cores: int) -> list[slice]:
    """The parts of a batch of so many texts, where each direction has so many cores."""
    count = max(1, min(cores, texts // FEWEST_TEXTS))
    return [slice(number * texts // count, (number + 1) * texts // count) for number in range(count)]


def _read(rnn: nn.Module, inputs: torch.Tensor, start: torch.Tensor) -> torch.Tensor:
    """States of one direction; an LSTM's cell begins at zero."""
    hidden = start.expand(1, inputs.shape[1], -1).contiguous()
    return rnn(inputs.contiguous(), (hidden, torch.zeros_like(hidden)) if isinstance(rnn, nn.LSTM) else hidden)[0]


class _Shared(torch.autograd.Function):
    """Every reading has a graph of its own, for its thread to go back through: autograd alone has one for a CPU.

    tensors: inputs, start and parameters of one direction after the other.
    """

    @staticmethod
    def forward(
        ctx: Any, rnns: list[nn.Module], parts: list[slice], *tensors: torch.Tensor
    ) -> tuple[torch.Tensor, ...]:
        ctx.parts = parts
        ctx.sources = []  # of each reading: what its gradients are of
        jobs = []
        for rnn, (inputs, start, *parameters) in zip(rnns, _grouped(tensors, len(tensors) // len(rnns)), strict=True):
            for part in parts:
                # cut off from the graph around them; the parameters are leaves already
                leaves = [_leaf(inputs[:, part], inputs.requires_grad), _leaf(start, start.requires_grad)]
                ctx.sources.append([*leaves, *parameters])
                jobs.append(partial(_read, rnn, *leaves))
        ctx.states = _together(jobs, torch.enable_grad)
        return tuple(_joined([each.detach() for each in states]) for states in _grouped(ctx.states, len(parts)))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[Any, ...]:
        of_readings = [gradient[:, part] for gradient in gradients for part in ctx.parts]
        readings = zip(ctx.states, ctx.sources, of_readings, strict=True)
        found = _together([partial(_gradients, *reading) for reading in readings], torch.no_grad)
        del ctx.states
        results: list[torch.Tensor | None] = []
        for readings_of_direction in _grouped(found, len(ctx.parts)):
            of_inputs, *others = zip(*readings_of_direction, strict=True)
            results.append(None if of_inputs[0] is None else _joined(of_inputs))
            results += [None if each[0] is None else sum(each[1:], each[0]) for each in others]
        return None, None, *results


def _leaf(tensor: torch.Tensor, requires_grad: bool) -> torch.Tensor:
    return tensor.detach().contiguous().requires_grad_(requires_grad)


def _gradients(states: torch.Tensor, sources: list[torch.Tensor], gradient: torch.Tensor) -> list[torch.Tensor | None]:
    """Of each source, None where it needs none."""
    found = iter(torch.autograd.grad(states, [source for source in sources if source.requires_grad], gradient))
    return [next(found) if source.requires_grad else None for source in sources]


def _joined(parts: Sequence[torch.Tensor]) -> torch.Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(list(parts), dim=1)


def _grouped(items: Sequence[Any], size: int) -> list[Sequence[Any]]:
    return [items[begin : begin + size] for begin in range(0, len(items), size)]


def _together(jobs: Sequence[Callable[[], Any]], mode: Callable[[], Any]) -> list[Any]:
    """Their results. Gradient mode and autocast belong to a thread, and are made in each what they are here."""
    autocast, dtype = torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu")

    def run(job: Callable[[], Any]) -> Any:
        with mode(), torch.autocast("cpu", dtype, enabled=autocast):
            return job()

    return list(_pool(torch.get_num_threads()).map(run, jobs))


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    """So many workers that compute in one thread each."""
    pool = ThreadPoolExecutor(threads, "textrnn", torch.set_num_threads, (1,))
    started = threading.Barrier(threads)
    list(pool.map(lambda _: started.wait(), range(threads)))
    torch.set_num_threads(threads)  # what they set for themselves is also the default of threads to come
    return pool
