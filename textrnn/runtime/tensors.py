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
from textrnn.runtime.tensor_files import UNREADABLE, opened


def save_tensors(path: Path, tensors: dict[str, torch.Tensor], metadata: dict[str, str] | None = None) -> None:
    """Raises TextRNNError if the file cannot be written."""
    on_cpu = {name: tensor.contiguous().cpu() for name, tensor in tensors.items()}
    check_memory(3 * sum(tensor.nbytes for tensor in on_cpu.values()))  # safetensors copies all, and would abort
    write_bytes(path, save(on_cpu, metadata))


def load_tensors(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """Tensors, mapped from the file, and metadata. Raises OSError and UNREADABLE."""
    check_memory(2 * path.stat().st_size)
    with opened(path, "pt") as file:
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

    This and `fill` use numpy, as torch would start the threads of OpenMP: a process that is forked later lacks them.
    """
    for name, tensor in tensors.items():
        if tensor.dtype != torch.float32:
            continue
        numbers = tensor.numpy()
        if not np.isfinite((numbers.min(initial=0), numbers.max(initial=0))).all():  # NaN if there is one
            raise CheckpointError(
                f"{path}: damaged: {name} has a number that is NaN or infinite; copy it again, or train again"
            )


class WithoutRandomNumbers(TorchFunctionMode):
    """Inside the block, the initializers of torch do nothing. On the meta device, torch would import its compiler for
    random numbers, which takes a second."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func == torch.Tensor.normal_ or getattr(func, "__module__", "") == nn.init.__name__:
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)


def fill(module: nn.Module, tensors: dict[str, torch.Tensor]) -> None:
    """Give a module on the meta device its weights: copies of tensors that are mapped from a file, since the file may
    be overwritten while the module is in use."""
    copies = {name: torch.from_numpy(tensor.numpy().copy()) for name, tensor in tensors.items()}
    module.load_state_dict(copies, assign=True)


def difference(tensors: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> str | None:
    """The first difference in names, shapes or types, or None."""

    def described(tensor: torch.Tensor | None) -> str:
        if tensor is None:
            return "nothing"
        dtype = "" if tensor.dtype == torch.float32 else f" of {str(tensor.dtype).removeprefix('torch.')}"
        return f"{tuple(tensor.shape)}{dtype}"

    for name in sorted({*expected, *tensors}):
        wanted, actual = described(expected.get(name)), described(tensors.get(name))
        if wanted != actual:
            return f"{name}: {wanted} was expected, found {actual}"
    return None
