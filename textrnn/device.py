"""Where and in which precision to compute."""

from __future__ import annotations

import contextlib

import torch

from textrnn.errors import ConfigError


def choose_device(name: str) -> torch.device:
    """ "auto" (a GPU if there is one), "cpu", "cuda" or "cuda:N". Raises ConfigError where there is no such device."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    device = torch.device(name)
    if device.type == "cuda":
        count = torch.cuda.device_count()
        if not torch.cuda.is_available() or count == 0:
            raise ConfigError(f"--device {name}: this machine has no CUDA device that torch can use; use --device cpu")
        if (device.index or 0) >= count:
            raise ConfigError(f"--device {name}: there are {count} CUDA devices, cuda:0 to cuda:{count - 1}")
        torch.backends.cudnn.allow_tf32 = False  # float32 means float32: TF32 rounds to 10 bits
    return device


def device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return f"{device} ({torch.get_num_threads()} threads)"


def has_bfloat16_units(device: torch.device) -> bool:
    """Whether bfloat16 is faster here than float32, rather than emulated."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    if capabilities.get("architecture", "x86_64") != "x86_64":
        return bool(capabilities.get("bf16", False))
    return bool(capabilities.get("avx512_bf16", torch.cpu._is_avx512_bf16_supported()))


def autocast(device: torch.device, precision: str) -> contextlib.AbstractContextManager:
    """A context in which matrix products are computed in `precision`; weights stay float32."""
    if precision == "bfloat16":
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return contextlib.nullcontext()
