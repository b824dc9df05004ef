"""Saving and loading models (a folder) and training states (one file). Loading never executes code."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from textrnn.config import Config, build_config
from textrnn.data.tokenizer import Tokenizer, user_dict_problem
from textrnn.data.transform import Transform
from textrnn.data.vocab import Vocab, load_labels, save_labels
from textrnn.errors import CheckpointError, ConfigError, command, short
from textrnn.models.build import build_model, least_weights, network_of
from textrnn.models.network import not_finite
from textrnn.run.environment import is_environment
from textrnn.run.model_config import model_yaml, read_model_yaml, read_trained_on
from textrnn.runtime.files import make_folder, write_bytes, write_text
from textrnn.runtime.memory import check_memory

# what safetensors and json raise for a damaged file
_UNREADABLE = (
    SafetensorError, KeyError, TypeError, ValueError, AttributeError, RuntimeError, RecursionError, OverflowError,
)  # fmt: skip

WEIGHTS, CONFIG, VOCAB, LABELS, USER_DICT = (
    "model.safetensors",
    "config.yaml",
    "vocab.txt",
    "labels.txt",
    "user_dict.txt",
)


def save_weights(path: Path, model: nn.Module) -> None:
    """The weights alone, so that equal weights give equal files."""
    _save(path, model.state_dict())


def read_weights(path: Path, model: nn.Module) -> dict[str, torch.Tensor]:
    """The weights in a file, mapped from it; the model's own ones do not matter, only their names, shapes and types.

    Raises: CheckpointError where the file is missing, damaged or of another model.
    """
    try:
        tensors, _ = _load(path)
    except OSError as error:
        raise CheckpointError(f"{path}: the weights cannot be read: {error.strerror}") from None
    except _UNREADABLE as error:
        raise CheckpointError(f"{path}: damaged or cut short ({error}); copy it again, or train again") from None
    difference = _difference(tensors, model.state_dict())
    if difference is not None:
        raise CheckpointError(
            f"{path}: {difference}: the file does not belong to the config.yaml, vocab.txt and labels.txt next to it, "
            f"or another version of textrnn saved it"
        )
    name = not_finite(tensors)
    if name is not None:
        raise CheckpointError(
            f"{path}: damaged: {name} has a number that is NaN or infinite; copy it again, or train again"
        )
    return tensors


def save_model(folder: Path, model: nn.Module, transform: Transform, labels: list[str], config: Config) -> None:
    """Everything that prediction needs. Raises CheckpointError for a run's folder, whose files must stay together;
    TextRNNError where it cannot be written."""
    if any((folder / name).exists() for name in ("model", "resume", "history.jsonl")):
        raise CheckpointError(f"{folder}: the folder of a run; give another folder to save a model in")
    save_model_parts(folder, model, transform, labels, config)
    save_weights(folder / WEIGHTS, model)


def save_model_parts(
    folder: Path, model: nn.Module, transform: Transform, labels: list[str], config: Config, trained_on: str = "auto"
) -> None:
    """Everything that prediction needs except the weights, which come with the first evaluation. trained_on: the format
    of the training texts."""
    make_folder(folder)
    for name in (VOCAB, LABELS, USER_DICT, CONFIG):
        if (folder / name).is_symlink():  # perhaps to /dev/null
            (folder / name).unlink()
    transform.vocab.save(folder / VOCAB)
    save_labels(folder / LABELS, labels)
    user_dict = None if transform.tokenizer.user_dict is None else USER_DICT
    if transform.tokenizer.user_dict is not None:
        write_text(folder / USER_DICT, transform.tokenizer.user_dict)
    embedding_dim = network_of(model).embedding.table.embedding_dim
    content = model_yaml(config, embedding_dim=embedding_dim, user_dict=user_dict, trained_on=trained_on)
    write_text(folder / CONFIG, content)


def load_model(folder: Path) -> tuple[nn.Module, Transform, list[str], Config, str]:
    """The model of a `model/` folder, in evaluation mode on the CPU, and the format of its training texts. Raises
    CheckpointError."""
    try:
        config = build_config(read_model_yaml(folder / CONFIG), origin=str(folder / CONFIG))
        trained_on = read_trained_on(folder / CONFIG)
    except ConfigError as error:
        raise CheckpointError(str(error)) from None
    vocab, labels = Vocab.load(folder / VOCAB), load_labels(folder / LABELS)
    user_dict = None
    if config.tokenizer.user_dict:
        if config.tokenizer.user_dict != USER_DICT:
            raise CheckpointError(
                f"{folder / CONFIG}: tokenizer.user_dict: expected {USER_DICT}, the file in this folder, found "
                f"{short(config.tokenizer.user_dict)}"
            )
        try:
            user_dict = (folder / USER_DICT).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise CheckpointError(f"{folder / USER_DICT}: the dictionary cannot be read: {error}") from None
    kind = config.tokenizer
    if user_dict is not None:
        problem = user_dict_problem(user_dict, lowercase=kind.lowercase, normalize=kind.normalize)
        if problem is not None:
            raise CheckpointError(f"{folder / USER_DICT}:{problem[0]}: {problem[1]}")
    tokenizer = Tokenizer(kind.kind, lowercase=kind.lowercase, normalize=kind.normalize, user_dict=user_dict)
    if not (folder / WEIGHTS).exists():
        is_in_run = is_environment(folder.parent / "environment.json")
        remedy = f" (continue it with: {command('train', '--resume', '--run-dir', folder.parent)})" if is_in_run else ""
        raise CheckpointError(
            f"{folder / WEIGHTS}: no such file; either training has not reached its first evaluation{remedy}, or "
            f"the file was removed"
        )
    least, size = 4 * least_weights(config.model, len(vocab), len(labels)), (folder / WEIGHTS).stat().st_size
    if size < least:
        raise CheckpointError(
            f"{folder / WEIGHTS}: the sizes in {CONFIG} need {least:,} bytes or more, found {size:,}: the file is cut "
            f"short, or does not belong to the {CONFIG} next to it; copy it again, or train again"
        )
    with torch.random.fork_rng(devices=[]):  # loading a model must not change the caller's random state
        model = build_model(config.model, vocab_size=len(vocab), num_classes=len(labels))
    model.load_state_dict(read_weights(folder / WEIGHTS, model))
    return model.eval(), Transform(tokenizer, vocab, config.data.max_length), labels, config, trained_on


def save_state(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, progress: dict[str, Any]) -> None:
    """Save the whole training state in one file, which replaces the previous one only when it is complete."""
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    for number, values in optimizer.state_dict()["state"].items():
        tensors.update({f"optimizer.{number}.{name}": tensor for name, tensor in values.items()})
    path.parent.mkdir(parents=True, exist_ok=True)
    _save(path, tensors, {"progress": json.dumps(progress, allow_nan=False)})


def read_progress(path: Path) -> dict[str, Any]:
    """The progress in a saved state, read without its tensors. Raises CheckpointError where it is damaged."""
    try:
        with _opened(path) as file:
            return dict(json.loads(file.metadata()["progress"]))
    except (OSError, *_UNREADABLE) as error:
        raise CheckpointError(_damaged_state(path, error)) from None


def load_state(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Restore model and optimizer; returns the progress. Raises CheckpointError where the file does not fit."""
    try:
        tensors, metadata = _load(path)
        progress = json.loads(metadata["progress"])
        begun = progress["step"] > 0
    except (OSError, *_UNREADABLE) as error:
        raise CheckpointError(_damaged_state(path, error)) from None
    problem = _difference(tensors, _expected_in_state(model, optimizer, begun=begun))
    if problem is None and (name := not_finite(tensors)):
        problem = f"{name} has a number that is NaN or infinite"
    if problem is not None:
        raise CheckpointError(_damaged_state(path, problem))
    model.load_state_dict(_below(tensors, "model"))
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, tensor in _below(tensors, "optimizer").items():
        number, _, key = name.partition(".")
        state.setdefault(int(number), {})[key] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    return dict(progress)


def _save(path: Path, tensors: dict[str, torch.Tensor], metadata: dict[str, str] | None = None) -> None:
    on_cpu = {name: tensor.contiguous().cpu() for name, tensor in tensors.items()}
    check_memory(3 * sum(tensor.nbytes for tensor in on_cpu.values()))  # safetensors copies all, and would abort
    write_bytes(path, save(on_cpu, metadata))


def _load(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """Tensors, mapped from the file, and metadata."""
    check_memory(2 * path.stat().st_size)
    with _opened(path) as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118 - not a dict


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """A safetensors file. The library takes only names in UTF-8, and others by way of a descriptor."""
    with open(path, "rb") as stream:
        name = path if os.fsencode(path).decode(errors="replace") == str(path) else f"/dev/fd/{stream.fileno()}"
        with safe_open(name, framework="pt") as file:
            yield file


def _expected_in_state(model: nn.Module, optimizer: torch.optim.Optimizer, *, begun: bool) -> dict[str, torch.Tensor]:
    """Tensors of the names, shapes and types in a state. begun: whether a step has been done, and left moments."""
    expected = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for number, parameter in enumerate(parameters if begun else ()):
        moments = {"step": torch.zeros(()), "exp_avg": parameter, "exp_avg_sq": parameter}
        expected.update({f"optimizer.{number}.{name}": tensor for name, tensor in moments.items()})
    return expected


def _difference(tensors: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> str | None:
    """The first difference in names, shapes or types; None where there is none."""
    for name in sorted({*expected, *tensors}):
        wanted, found = _described(expected.get(name)), _described(tensors.get(name))
        if wanted != found:
            return f"{name}: {wanted} was expected, found {found}"
    return None


def _described(tensor: torch.Tensor | None) -> str:
    if tensor is None:
        return "nothing"
    kind = "" if tensor.dtype == torch.float32 else f" of {str(tensor.dtype).removeprefix('torch.')}"
    return f"{tuple(tensor.shape)}{kind}"


def _damaged_state(path: Path, problem: Exception | str) -> str:
    reason = (str(problem).strip().splitlines() or [type(problem).__name__])[0]
    return (
        f"{path}: the saved state is damaged or of another model ({reason}); start over with: "
        f"{command('train', '--force', '--run-dir', path.parents[1])}"
    )


def _below(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {
        name.removeprefix(f"{prefix}."): tensor for name, tensor in tensors.items() if name.startswith(f"{prefix}.")
    }
