"""Training in several processes: rank and world size, collective operations, and errors.

torchrun starts the processes and passes each its rank in environment variables. In a single process every function
here does nothing and torch is not imported.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from textrnn.errors import TextRNNError, UsageError, short
from textrnn.runtime.signals import Interrupted

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import nn

T = TypeVar("T")

# Long, because a process that tokenizes for hours looks like one that hangs; a dead one is noticed at once.
_TIMEOUT = timedelta(days=1)
_REMEDY = "start with torchrun, or unset RANK to run a single process"
_FAILED = "textrnn/failed"


def rank() -> int:
    """The number of this process, from 0."""
    return _from_environment("RANK", 0)


def world_size() -> int:
    """The number of processes on all machines."""
    return _from_environment("WORLD_SIZE", 1)


def local_rank() -> int:
    """The number of this process on its machine, from 0."""
    return _from_environment("LOCAL_RANK", rank())


def local_world_size() -> int:
    return _from_environment("LOCAL_WORLD_SIZE", world_size())


def is_first() -> bool:
    """Whether this is rank 0, which alone writes files and logs."""
    return rank() == 0


def check_environment() -> None:
    """Raises TextRNNError if torchrun's variables are all set, but contradict each other."""
    if not _is_started_by_torchrun():
        return
    for name, number, size in (("RANK", rank(), world_size()), ("LOCAL_RANK", local_rank(), local_world_size())):
        if number >= size:
            raise TextRNNError(
                f"{name}: this environment variable was expected to be below {size}, the number of processes, found "
                f"{number}; {_REMEDY}"
            )
    if _from_environment("MASTER_PORT", 0) > 65535:
        raise TextRNNError(
            f"MASTER_PORT: a port, up to 65535, was expected in this environment variable, found "
            f"{short(os.environ['MASTER_PORT'])}; {_REMEDY}"
        )


def _is_started_by_torchrun() -> bool:
    return all(key in os.environ for key in ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"))


def _from_environment(name: str, default: int) -> int:
    if name not in os.environ or not _is_started_by_torchrun():
        return default
    value = os.environ[name]
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        raise TextRNNError(
            f"{name}: a whole number was expected in this environment variable, found {short(value)}; {_REMEDY}"
        )
    return int(value)


@contextmanager
def process_group() -> Iterator[None]:
    """Inside the block the processes form a group: gloo on CPUs, NCCL between GPUs. An error in one process ends all of
    them, because it closes the connection that the others wait on. The first process to fail raises its error; the
    others exit with 1 (130 on Ctrl-C) and print nothing."""
    if world_size() == 1:
        yield
        return
    import torch
    import torch.distributed as dist

    store, number, size = next(iter(dist.rendezvous("env://", timeout=_TIMEOUT)))
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() and dist.is_nccl_available() else "gloo"
    dist.init_process_group(backend, store=store, rank=number, world_size=size, timeout=_TIMEOUT)
    try:
        yield
        dist.destroy_process_group()  # after an error, the exit of the process does this, once the message is printed
    except (Interrupted, SystemExit):
        raise
    except BaseException as error:
        if not _fails_first(store, error):
            raise SystemExit(130 if isinstance(error, KeyboardInterrupt) else 1) from None
        if _is_lost_connection(error):
            raise TextRNNError("another process of this training was killed or lost; continue with --resume") from error
        raise


def _fails_first(store: torch.distributed.Store, error: BaseException) -> bool:
    number = str(rank())
    try:
        return store.compare_set(_FAILED, "", number) == number.encode()
    except RuntimeError:  # rank 0, which holds the store, has ended, perhaps without a message
        return _is_lost_connection(error)


def _is_lost_connection(error: BaseException) -> bool:
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(word in text for word in ("gloo", "nccl", "connection"))


@contextmanager
def single_process() -> Iterator[None]:
    """Refuse to run the block in several processes: the first raises UsageError, the others exit with 2."""
    if world_size() > 1:
        if not is_first():
            raise SystemExit(2)
        raise UsageError("only train runs in more than one process: start this command without torchrun")
    yield


@contextmanager
def local_leader_first() -> Iterator[None]:
    """The first process of each machine runs the block before the others on that machine."""
    if local_rank() > 0:
        barrier()
    yield
    if local_rank() == 0:
        barrier()


def barrier() -> None:
    maximum([0])


def broadcast_from_rank0(make: Callable[[], T]) -> T:
    """The result of `make`, which only rank 0 calls; it must be picklable."""
    if world_size() == 1:
        return make()
    import torch.distributed as dist

    content = [make() if is_first() else None]
    dist.broadcast_object_list(content, src=0)
    return content[0]  # type: ignore[return-value]


def maximum(values: list[int]) -> list[int]:
    """The elementwise maximum over all processes."""
    if world_size() == 1:
        return values
    import torch
    import torch.distributed as dist

    tensor = torch.tensor(values)
    dist.all_reduce(tensor, dist.ReduceOp.MAX)
    return tensor.tolist()


def total(values: torch.Tensor) -> torch.Tensor:
    """The sum of a CPU tensor over all processes, bit for bit the same in all; `values` may be overwritten."""
    if world_size() > 1:
        import torch.distributed as dist

        dist.all_reduce(values)
    return values


def shard(rows: np.ndarray) -> np.ndarray:
    """Every world_size-th row, so that rows sorted by length give all processes about the same work. May be empty."""
    return rows[rank() :: world_size()]


def wrap_ddp(model: nn.Module) -> nn.Module:
    """The model; with several processes, wrapped so that the backward pass averages dense gradients over them."""
    if world_size() == 1:
        return model
    from torch.nn.parallel import DistributedDataParallel

    # DistributedDataParallel cannot accumulate sparse gradients over batches; `average_sparse` averages those
    ignored = [f"{name}.weight" for name, module in model.named_modules() if getattr(module, "sparse", False)]
    ignored += [name for name, _ in model.named_buffers()]  # n-gram keys, which never change
    DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(model, ignored)
    return DistributedDataParallel(model, gradient_as_bucket_view=True)


def no_gradient_sync(model: nn.Module) -> contextlib.AbstractContextManager:
    """Inside the block a wrapped model only accumulates gradients; the next backward pass outside averages them."""
    return contextlib.nullcontext() if world_size() == 1 else model.no_sync()  # type: ignore[operator]


def average_sparse(model: nn.Module) -> None:
    """Average sparse gradients over the processes, bit for bit the same in all."""
    if world_size() == 1:
        return
    import torch

    for parameter in model.parameters():
        if parameter.grad is not None and parameter.grad.is_sparse:
            gradient = parameter.grad.coalesce()
            rows, values = gather_rows(gradient.indices()[0]), gather_rows(gradient.values())
            parameter.grad = torch.sparse_coo_tensor(rows.unsqueeze(0), values / world_size(), parameter.shape)


def gather_rows(rows: torch.Tensor) -> torch.Tensor:
    """The rows (n, ...) of all processes, concatenated; n may differ between processes."""
    import torch
    import torch.distributed as dist

    counts = [torch.zeros(1, dtype=torch.int64, device=rows.device) for _ in range(world_size())]
    dist.all_gather(counts, torch.tensor([len(rows)], device=rows.device))
    most = int(max(counts))
    padded = rows.new_zeros(most, *rows.shape[1:])
    padded[: len(rows)] = rows
    parts = [torch.empty_like(padded) for _ in counts]
    dist.all_gather(parts, padded)
    return torch.cat([part[: int(count)] for part, count in zip(parts, counts, strict=True)])
