"""The device, precision and random numbers of torch's computations."""

from __future__ import annotations

import math
import os
import platform
import re
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import numpy as np
import torch

from textrnn.errors import ConfigError, short
from textrnn.runtime.distributed import local_rank, local_world_size, world_size
from textrnn.runtime.terminal import count_of


def choose_device(name: str) -> torch.device:
    """ "auto" (a GPU if there is one), "cpu", "cuda" or "cuda:N". Raises ConfigError if there is no such device;
    ValueError for another name."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if not isinstance(name, str) or not re.fullmatch(r"cpu|cuda(:\d+)?", name, re.ASCII):
        raise ValueError(f"device: auto, cpu, cuda or cuda:N was expected, found {short(name)}")
    device = torch.device(name)
    if device.type == "cuda":
        count = torch.cuda.device_count()
        if not torch.cuda.is_available() or count == 0:
            raise ConfigError(f"--device {name}: this machine has no CUDA device that torch can use; use --device cpu")
        if (device.index or 0) >= count:
            raise ConfigError(f"--device {name}: there are {count} CUDA devices, cuda:0 to cuda:{count - 1}")
    return device


def training_device(name: str) -> torch.device:
    """As choose_device, but each of several processes on a machine gets its own CUDA device. Raises ConfigError."""
    device = choose_device(name)
    if device.type != "cuda" or world_size() == 1:
        return device
    processes, count = local_world_size(), torch.cuda.device_count()
    if device.index is not None:
        raise ConfigError(f"--device {name}: {world_size()} processes cannot share one device; use --device cuda")
    if processes > count:
        raise ConfigError(
            f"--device {name}: {processes} processes on this machine need as many CUDA devices, found {count}; start "
            f"{count}, or use --device cpu"
        )
    device = torch.device("cuda", local_rank())
    torch.cuda.set_device(device)  # otherwise NCCL would start on the first device in every process
    return device


def allow_tf32(allowed: bool) -> None:
    """For the rest of the process, allow a GPU to round the factors of float32 products to 10 bits, which is faster, or
    forbid it. torch's own default is to allow it inside cuDNN only."""
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = allowed


_tf32_blocks: dict[object, tuple[bool, bool]] = {}  # running `tf32` blocks -> settings; the first are those outside
_tf32_lock = threading.Lock()


@contextmanager
def tf32(device: torch.device, allowed: bool) -> Iterator[None]:
    """Apply `allow_tf32` inside the block if `device` is a GPU.

    Threads share the setting: if blocks overlap, the one that began last decides; when all have ended, the setting
    from before the first one is restored.
    """
    if device.type != "cuda":
        yield
        return
    block = object()
    with _tf32_lock:
        if not _tf32_blocks:
            _tf32_blocks[None] = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
        _tf32_blocks[block] = allowed, allowed
        allow_tf32(allowed)
    try:
        yield
    finally:
        with _tf32_lock:
            del _tf32_blocks[block]
            last = list(_tf32_blocks)[-1]
            torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = _tf32_blocks[last]
            if last is None:
                _tf32_blocks.clear()


_rng_lock = threading.Lock()


@contextmanager
def fork_rng(device: torch.device) -> Iterator[None]:
    """Restore torch's global random state at the end of the block. Only one thread at a time enters such a block; the
    others wait."""
    with _rng_lock, torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        yield


def seed_step(seed: int, step: int, process: int, device: torch.device) -> None:
    """Seed dropout for one step of one process from these numbers alone, so that no generator state has to be saved."""
    # mixed, because torch's CPU generator uses only the lower 32 bits
    mixed = int(np.random.SeedSequence([seed, step, process]).generate_state(1, np.uint64)[0])
    if device.type == "cuda":
        torch.cuda.manual_seed_all(mixed)
    else:
        torch.default_generator.manual_seed(mixed)  # torch.manual_seed also looks for GPUs: ten times as slow


def device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return f"{device} ({count_of(torch.get_num_threads(), 'thread')})"


def has_bfloat16_units(device: torch.device) -> bool:
    """Whether bfloat16 is faster here than float32, rather than emulated."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    if capabilities.get("architecture", "x86_64") != "x86_64":
        return bool(capabilities.get("bf16", False))
    return bool(capabilities.get("avx512_bf16", torch.cpu._is_avx512_bf16_supported()))


# cell -> the smallest layer that trains faster in bfloat16 than in float32 on processors with AVX512_BF16, with or
# without AMX. docs/explanation/performance.md has the figures.
_FASTER_IN_BFLOAT16 = {"lstm": 64}


def training_precision(asked: str, device: torch.device, *, cell: str | None, hidden_size: int) -> str:
    """float32 or bfloat16; `auto` is a function of processor and network alone, so that equal runs stay equal. cell:
    None for a network without one. It was not measured on GPUs and other architectures, where it is float32."""
    if asked != "auto":
        return asked
    is_measured = device.type == "cpu" and platform.machine().lower() in ("x86_64", "amd64")
    is_faster = hidden_size >= _FASTER_IN_BFLOAT16.get(cell or "", math.inf)
    return "bfloat16" if is_measured and is_faster and has_bfloat16_units(device) else "float32"


def autocast(device: torch.device, precision: str) -> AbstractContextManager:
    """A context in which matrix products are computed in `precision`; weights stay float32."""
    return torch.autocast(device.type, dtype=torch.bfloat16) if precision == "bfloat16" else nullcontext()


def cores_to_share() -> int:
    """The number of jobs worth running side by side. It is 1 unless idle OpenMP threads go to sleep soon: by default,
    GNU's library lets them busy-wait for milliseconds, on cores that other threads need."""
    is_passive = os.environ.get("OMP_WAIT_POLICY", "").lower() == "passive"
    is_spin_short = re.fullmatch(r"0*([0-9]{1,3}|1000)", os.environ.get("GOMP_SPINCOUNT", ""))  # at most 1000
    return torch.get_num_threads() if is_passive or is_spin_short else 1
