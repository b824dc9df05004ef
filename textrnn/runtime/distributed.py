"""What a process knows of the others that train the same model with it, and how they agree.

torchrun starts the processes and tells each its place by environment variables. Each function here does nothing for a
process on its own, and torch is imported only where there are others.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from textrnn.errors import TextRNNError, UsageError
from textrnn.runtime.signals import Interrupted

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import nn

T = TypeVar("T")

# Nobody can tell a process that tokenizes for hours from one that hangs; one that died is noticed at once.
_PATIENCE = timedelta(days=1)
_FAILED = "textrnn/failed"


def rank() -> int:
    """The number of this process among all, from 0."""
    return _told("RANK", 0)


def world_size() -> int:
    """How many processes there are, on all machines."""
    return _told("WORLD_SIZE", 1)


def local_rank() -> int:
    """The number of this process among those of its machine."""
    return _told("LOCAL_RANK", rank())


def local_world_size() -> int:
    return _told("LOCAL_WORLD_SIZE", world_size())


def is_first() -> bool:
    """Whether this is the process that writes files and speaks for all."""
    return rank() == 0


def _told(name: str, otherwise: int) -> int:
    together = all(key in os.environ for key in ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"))
    return int(os.environ.get(name, otherwise)) if together else otherwise


@contextmanager
def process_group() -> Iterator[None]:
    """Inside the block the processes can talk to each other: by gloo on CPUs, by NCCL between GPUs.

    An error in one of them ends all: whoever waits for it finds the connection closed. The first one to fail raises
    its error; the others, which fail because of it or just like it, leave with 1 (130 on Ctrl-C) and say nothing.
    """
    if world_size() == 1:
        yield
        return
    import torch
    import torch.distributed as dist

    store, number, size = next(iter(dist.rendezvous("env://", timeout=_PATIENCE)))
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() and dist.is_nccl_available() else "gloo"
    dist.init_process_group(backend, store=store, rank=number, world_size=size, timeout=_PATIENCE)
    try:
        yield
        dist.destroy_process_group()  # after an error the end of the process does it, when its message is out
    except (Interrupted, SystemExit):
        raise
    except BaseException as error:
        if not _fails_first(store, error):
            raise SystemExit(130 if isinstance(error, KeyboardInterrupt) else 1) from None
        if _is_lost_connection(error):
            raise TextRNNError("another process of this training was killed or lost; --resume goes on") from error
        raise


def _fails_first(store: torch.distributed.Store, error: BaseException) -> bool:
    try:
        return bool(store.compare_set(_FAILED, "", str(rank())) == str(rank()).encode())
    except RuntimeError:  # the process that kept the store has gone, perhaps without a word
        return _is_lost_connection(error)


def _is_lost_connection(error: BaseException) -> bool:
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(word in text for word in ("gloo", "nccl", "connection"))


@contextmanager
def alone() -> Iterator[None]:
    """The block is for one process. Raises UsageError where there are several, which the first of them says."""
    if world_size() > 1:
        if not is_first():
            raise SystemExit(2)
        raise UsageError("only train runs in more than one process: start this command without torchrun")
    yield


@contextmanager
def one_by_machine() -> Iterator[None]:
    """The first process of each machine does the block before the machine's others, who find what it has made."""
    if local_rank() > 0:
        barrier()
    yield
    if local_rank() == 0:
        barrier()


def barrier() -> None:
    maximum([0])


def broadcast_from_rank0(make: Callable[[], T]) -> T:
    """What `make` returns in the first process, where alone it is called; it must pickle."""
    if world_size() == 1:
        return make()
    import torch.distributed as dist

    content = [make() if is_first() else None]
    dist.broadcast_object_list(content, src=0)
    return content[0]  # type: ignore[return-value]


def maximum(values: list[int]) -> list[int]:
    """The largest of each value over all processes."""
    if world_size() == 1:
        return values
    import torch
    import torch.distributed as dist

    tensor = torch.tensor(values)
    dist.all_reduce(tensor, dist.ReduceOp.MAX)
    return tensor.tolist()


def total(values: torch.Tensor) -> torch.Tensor:
    """The sum of a tensor on the CPU over all processes, the same to the last bit in each; `values` may be changed."""
    if world_size() > 1:
        import torch.distributed as dist

        dist.all_reduce(values)
    return values


def shard(rows: np.ndarray) -> np.ndarray:
    """Every world_size-th row, so that rows sorted by length give the processes equal work; may be empty."""
    return rows[rank() :: world_size()]


def wrap_ddp(model: nn.Module) -> nn.Module:
    """The model itself, or around it what averages dense gradients over the processes during the backward pass."""
    if world_size() == 1:
        return model
    from torch.nn.parallel import DistributedDataParallel

    # with sparse gradients it cannot wait for further batches; `average_sparse` is for them
    tables = [f"{name}.weight" for name, module in model.named_modules() if getattr(module, "sparse", False)]
    DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(model, tables)
    return DistributedDataParallel(model, gradient_as_bucket_view=True)


def no_gradient_sync(model: nn.Module) -> contextlib.AbstractContextManager:
    """Inside the block a wrapped model does not exchange gradients; the next backward pass outside makes up."""
    return contextlib.nullcontext() if world_size() == 1 else model.no_sync()  # type: ignore[operator]


def average_sparse(model: nn.Module) -> None:
    """Average sparse gradients over the processes, to the same last bit in each."""
    if world_size() == 1:
        return
    import torch

    for parameter in model.parameters():
        if parameter.grad is not None and parameter.grad.is_sparse:
            gradient = parameter.grad.coalesce()
            rows, values = joined(gradient.indices()[0]), joined(gradient.values())
            parameter.grad = torch.sparse_coo_tensor(rows.unsqueeze(0), values / world_size(), parameter.shape)


def joined(rows: torch.Tensor) -> torch.Tensor:
    """The rows (n, ...) of all processes one after the other; each has another n."""
    import torch
    import torch.distributed as dist

    counts = [torch.zeros(1, dtype=torch.int64, device=rows.device) for _ in range(world_size())]
    dist.all_gather(counts, torch.tensor([len(rows)], device=rows.device))
    most = int(max(counts))
    padded = rows.new_zeros(most, *rows.shape[1:])
    padded[: len(rows)] = rows
    found = [torch.empty_like(padded) for _ in counts]
    dist.all_gather(found, padded)
    return torch.cat([part[: int(count)] for part, count in zip(found, counts, strict=True)])
