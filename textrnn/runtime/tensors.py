"""Tensors in safetensors files, which execute no code when they are loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save
from torch import nn
from torch.overrides import TorchFunctionMode

from textrnn.errors import CheckpointError
from textrnn.runtime.files import write_bytes
from textrnn.runtime.process import check_memory
from textrnn.runtime.tensor_files import UNREADABLE, open_tensors


def save_tensors(path: Path, tensors: dict[str, torch.Tensor], metadata: dict[str, str] | None = None) -> None:
    """Raises TextRNNError if the file cannot be written."""
    on_cpu = {name: tensor.contiguous().cpu() for name, tensor in tensors.items()}
    check_memory(3 * sum(tensor.nbytes for tensor in on_cpu.values()))  # safetensors copies all bytes, and would abort
    write_bytes(path, save(on_cpu, metadata))


def load_tensors(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """The tensors, memory-mapped from the file, and the metadata. Raises OSError and UNREADABLE."""
    check_memory(2 * path.stat().st_size)
    with open_tensors(path, "pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118 - not a dict


def read_model_tensors(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """As `load_tensors`. Raises CheckpointError if the file is missing or damaged."""
    try:
        return load_tensors(path)
    except OSError as error:
        raise CheckpointError(f"{path}: the weights cannot be read: {error.strerror}") from None
    except UNREADABLE as error:
        raise CheckpointError(f"{path}: damaged or cut short ({error}); copy it again, or train again") from None


def check_finite(path: Path, tensors: dict[str, torch.Tensor]) -> None:
    """Raises CheckpointError for a float32 that is NaN or infinite; models have floats of no other type.

    This and `fill` use numpy, because torch would start OpenMP threads, which a process forked later would lack.
    """
    for name, tensor in tensors.items():
        if tensor.dtype != torch.float32:
            continue
        numbers = tensor.numpy()
        if not np.isfinite((numbers.min(initial=0), numbers.max(initial=0))).all():  # NaN if any number is NaN
            raise CheckpointError(
                f"{path}: damaged: {name} has a number that is NaN or infinite; copy it again, or train again"
            )


class SkipInitialization(TorchFunctionMode):
    """Inside the block, torch's initializers do nothing. On the meta device, they would make torch import its compiler,
    which takes a second."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func == torch.Tensor.normal_ or getattr(func, "__module__", "") == nn.init.__name__:
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)


def fill(module: nn.Module, tensors: dict[str, torch.Tensor]) -> None:
    """Give a module on the meta device copies of `tensors` as its weights: copies, because tensors mapped from a file
    would change if the file is overwritten while the module is in use."""
    copies = {name: torch.from_numpy(tensor.numpy().copy()) for name, tensor in tensors.items()}
    module.load_state_dict(copies, assign=True)


def difference(tensors: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> str | None:
    """The first difference in names, shapes or types, or None."""

    def description(tensor: torch.Tensor | None) -> str:
        if tensor is None:
            return "nothing"
        dtype = "" if tensor.dtype == torch.float32 else f" of {str(tensor.dtype).removeprefix('torch.')}"
        return f"{tuple(tensor.shape)}{dtype}"

    for name in sorted({*expected, *tensors}):
        right, actual = description(expected.get(name)), description(tensors.get(name))
        if right != actual:
            return f"{name}: {right} was expected, found {actual}"
    return None
