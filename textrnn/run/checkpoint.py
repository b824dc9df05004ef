"""Saving and loading models (a folder) and training states (one file). Loading never executes code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save
from torch import nn

from textrnn.config import Config, build_config, read_yaml, to_yaml
from textrnn.data.tokenizer import Tokenizer, user_dict_problem
from textrnn.data.transform import Transform
from textrnn.data.vocab import Vocab, load_labels, save_labels
from textrnn.errors import CheckpointError, ConfigError
from textrnn.models.build import build_model, network_of
from textrnn.runtime.files import make_folder, write_bytes, write_text

WEIGHTS, CONFIG, VOCAB, LABELS, USER_DICT = (
    "model.safetensors",
    "config.yaml",
    "vocab.txt",
    "labels.txt",
    "user_dict.txt",
)


def save_weights(path: Path, model: nn.Module) -> None:
    """The weights alone, so that equal weights give equal files."""
    write_bytes(path, save({name: tensor.contiguous().cpu() for name, tensor in model.state_dict().items()}))


def load_weights(path: Path, model: nn.Module) -> None:
    """Raises CheckpointError where the file is missing, damaged or of another model."""
    try:
        tensors = load(path.read_bytes())
    except OSError as error:
        raise CheckpointError(f"{path}: the weights cannot be read: {error.strerror}") from None
    except SafetensorError as error:
        raise CheckpointError(f"{path}: damaged or cut short ({error}); copy it again, or train again") from None
    _check_shapes(path, {name: tuple(tensor.shape) for name, tensor in tensors.items()}, model)
    model.load_state_dict(tensors)


def check_weights_fit(path: Path, model: nn.Module) -> None:
    """Raises CheckpointError where the file, read without its tensors, is of another model."""
    try:
        with safe_open(path, framework="pt") as file:
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError):
        return  # load_weights says why
    _check_shapes(path, shapes, model)


def _check_shapes(path: Path, shapes: dict[str, tuple[int, ...]], model: nn.Module) -> None:
    expected = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    for name in sorted({*expected, *shapes}):
        found, wanted = shapes.get(name, "nothing"), expected.get(name, "nothing")
        if found != wanted:
            raise CheckpointError(
                f"{path}: {name}: {wanted} was expected, found {found}: the file does not belong to the config.yaml, "
                f"vocab.txt and labels.txt next to it, or another version of textrnn saved it"
            )


def save_model(folder: Path, model: nn.Module, transform: Transform, labels: list[str], config: Config) -> None:
    """Everything that prediction needs. Raises CheckpointError for a run's folder, whose files must stay together;
    TextRNNError where it cannot be written."""
    if any((folder / name).exists() for name in ("model", "resume", "history.jsonl")):
        raise CheckpointError(f"{folder}: the folder of a run; give another folder to save a model in")
    save_model_parts(folder, model, transform, labels, config)
    save_weights(folder / WEIGHTS, model)


def save_model_parts(folder: Path, model: nn.Module, transform: Transform, labels: list[str], config: Config) -> None:
    """Everything that prediction needs except the weights, which come with the first evaluation."""
    make_folder(folder)
    transform.vocab.save(folder / VOCAB)
    save_labels(folder / LABELS, labels)
    tree = config.model_dump(include={"data", "tokenizer", "model"})
    for key in ("train", "dev", "test", "dev_fraction", "cache_dir"):
        del tree["data"][key]
    embedding_dim = network_of(model).embedding.table.embedding_dim
    tree["model"].update(pretrained=None, freeze_embedding=False, embedding_dim=embedding_dim)
    if transform.tokenizer.user_dict is not None:
        write_text(folder / USER_DICT, transform.tokenizer.user_dict)
        tree["tokenizer"]["user_dict"] = USER_DICT
    else:
        tree["tokenizer"]["user_dict"] = None
    write_text(folder / CONFIG, to_yaml(tree))


def load_model(folder: Path) -> tuple[nn.Module, Transform, list[str], Config]:
    """The model of a `model/` folder, in evaluation mode on the CPU. Raises CheckpointError."""
    try:
        config = build_config(read_yaml(folder / CONFIG), origin=str(folder / CONFIG))
    except ConfigError as error:
        raise CheckpointError(str(error)) from None
    vocab, labels = Vocab.load(folder / VOCAB), load_labels(folder / LABELS)
    user_dict = None
    if config.tokenizer.user_dict:
        try:
            user_dict = (folder / config.tokenizer.user_dict).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CheckpointError(
                f"{folder / config.tokenizer.user_dict}: the dictionary cannot be read: {error}"
            ) from None
    kind = config.tokenizer
    if user_dict is not None:
        problem = user_dict_problem(user_dict, lowercase=kind.lowercase, normalize=kind.normalize)
        if problem is not None:
            raise CheckpointError(f"{folder / str(config.tokenizer.user_dict)}:{problem[0]}: {problem[1]}")
    tokenizer = Tokenizer(kind.kind, lowercase=kind.lowercase, normalize=kind.normalize, user_dict=user_dict)
    if not (folder / WEIGHTS).exists():
        raise CheckpointError(
            f"{folder / WEIGHTS}: no such file; either training has not reached its first evaluation (--resume "
            f"continues it), or the file was removed"
        )
    with torch.device("meta"):  # without memory: a config.yaml of other weights may ask for terabytes
        plan = build_model(config.model, vocab_size=len(vocab), num_classes=len(labels))
    check_weights_fit(folder / WEIGHTS, plan)
    with torch.random.fork_rng(devices=[]):  # loading a model must not change the caller's random state
        model = build_model(config.model, vocab_size=len(vocab), num_classes=len(labels))
    load_weights(folder / WEIGHTS, model)
    return model.eval(), Transform(tokenizer, vocab, config.data.max_length), labels, config


def save_state(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, progress: dict[str, Any]) -> None:
    """Save the whole training state in one file, which replaces the previous one only when it is complete."""
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    for number, values in optimizer.state_dict()["state"].items():
        tensors.update({f"optimizer.{number}.{name}": tensor for name, tensor in values.items()})
    content = save(
        {name: tensor.contiguous().cpu() for name, tensor in tensors.items()}, {"progress": json.dumps(progress)}
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, content)


def read_progress(path: Path) -> dict[str, Any]:
    """The progress in a saved state, read without its tensors. Raises CheckpointError where it is damaged."""
    try:
        with safe_open(path, framework="pt") as file:
            return dict(json.loads(file.metadata()["progress"]))
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(_damaged_state(path, error)) from None


def load_state(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Restore model and optimizer; returns the progress. Raises CheckpointError where the file does not fit."""
    try:
        with safe_open(path, framework="pt") as file:
            progress = json.loads(file.metadata()["progress"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        model.load_state_dict(_below(tensors, "model"))
        state: dict[int, dict[str, torch.Tensor]] = {}
        for name, tensor in _below(tensors, "optimizer").items():
            number, _, key = name.partition(".")
            state.setdefault(int(number), {})[key] = tensor
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(_damaged_state(path, error)) from None
    return dict(progress)


def _damaged_state(path: Path, error: Exception) -> str:
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return f"{path}: the saved state is damaged or of another model ({reason}); start over with --force"


def _below(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {
        name.removeprefix(f"{prefix}."): tensor for name, tensor in tensors.items() if name.startswith(f"{prefix}.")
    }
