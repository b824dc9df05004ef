"""The folder of a model: all that prediction needs. Loading never executes code."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import torch
from torch import nn

from textrnn.config import Config, build_config
from textrnn.data.tokenizer import Tokenizer, user_dict_problem
from textrnn.data.transform import Transform
from textrnn.data.vocab import Vocab, load_labels, save_labels
from textrnn.errors import CheckpointError, ConfigError, command, short
from textrnn.linear.model import LinearModel
from textrnn.models.build import build_network, least_weights
from textrnn.models.decision import Decision
from textrnn.models.ensemble import Ensemble
from textrnn.models.network import Network
from textrnn.run.environment import is_environment
from textrnn.run.linear_files import load_linear, remove_linear, save_linear
from textrnn.run.model_config import model_yaml, read_description
from textrnn.run.old_models import load_old_network
from textrnn.run.tensors import check_finite, difference, read_model_tensors, save_tensors
from textrnn.runtime.files import make_folder, write_text

WEIGHTS, DECISION, CONFIG, VOCAB, LABELS, USER_DICT = (
    "model.safetensors", "decision.json", "config.yaml", "vocab.txt", "labels.txt", "user_dict.txt",
)  # fmt: skip
BFLOAT16 = "bfloat16_agreement"  # in decision.json


@dataclass
class Model:
    """A trained model. trained_on: the format of the files it was trained on, auto where there were none.
    bfloat16_agreement: a fraction, see `training.precision`; None where it was not measured."""

    networks: nn.Module  # (token_ids, lengths) -> logits
    linear: LinearModel | None
    decision: Decision
    transform: Transform
    labels: list[str]
    config: Config
    trained_on: str = "auto"
    bfloat16_agreement: float | None = None


def parameter_count(model: Model) -> int:
    """Of all networks and, where it has a say, of the linear model."""
    of_networks = sum(each.numel() for each in model.networks.parameters())
    decides = model.linear is not None and model.decision.weight > 0
    return of_networks + (model.linear.weight.size + model.linear.bias.size if model.linear and decides else 0)


def save_decision(folder: Path, decision: Decision, linear: bool, bfloat16_agreement: float | None = None) -> None:
    """How the networks decide. linear: whether a linear model belongs to them."""
    content = {"linear": linear, **asdict(decision), BFLOAT16: bfloat16_agreement}
    write_text(folder / DECISION, json.dumps(content, indent=2) + "\n")


def save_weights(
    folder: Path, networks: Sequence[dict[str, torch.Tensor]], decision: Decision, linear: bool,
    bfloat16_agreement: float | None = None,
) -> None:  # fmt: skip
    """The weights of each network alone, so that equal weights give equal files, and how they decide. linear: whether a
    linear model belongs to it."""
    tensors = {
        f"networks.{number}.{name}": tensor for number, each in enumerate(networks) for name, tensor in each.items()
    }
    # the weights last: where they are, all is that they need
    save_decision(folder, decision, linear, bfloat16_agreement)
    save_tensors(folder / WEIGHTS, tensors)


def read_networks(path: Path) -> list[dict[str, torch.Tensor]]:
    """The weights of each network in model.safetensors. Raises CheckpointError."""
    tensors, _ = read_model_tensors(path)
    found: dict[str, dict[str, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        _, _, rest = name.partition("networks.")
        number, _, own = rest.partition(".")
        found.setdefault(number, {})[own] = tensor
    wanted = [str(number) for number in range(len(found))]
    if not found or sorted(found) != sorted(wanted):
        raise CheckpointError(f"{path}: damaged: networks.0, networks.1, ... were expected in it, found other names")
    check_finite(path, tensors)
    return [found[number] for number in wanted]


def load_networks(path: Path, config: Config, *, vocab_size: int, num_classes: int) -> list[Network]:
    """Raises CheckpointError where the file is missing, damaged or of another model."""
    networks = []
    for number, tensors in enumerate(read_networks(path)):
        keys = [tensors.get(f"embedding.ngrams.keys_{length}") for length in range(2, config.model.ngrams + 1)]
        known = [each.numpy() for each in keys if each is not None and each.ndim == 1 and each.dtype == torch.int64]
        known = known if len(known) == len(keys) else []
        with torch.random.fork_rng(devices=[]):  # loading a model must not change the caller's random state
            network = build_network(config.model, vocab_size=vocab_size, num_classes=num_classes, ngram_keys=known)
        wrong = difference(tensors, network.state_dict())
        if wrong is not None:
            raise CheckpointError(
                f"{path}: networks.{number}.{wrong}: the file does not belong to the config.yaml, vocab.txt and "
                f"labels.txt next to it, or another version of textrnn saved it"
            )
        network.load_state_dict(tensors)
        networks.append(network)
    return networks


def read_decision(path: Path) -> tuple[Decision, bool, float | None]:
    """The decision, whether a linear model belongs to it, and the agreement of bfloat16. Raises CheckpointError."""
    try:
        found = json.loads(path.read_bytes())
        has_linear, agreement = found.pop("linear"), found.pop(BFLOAT16, None)
        decision = Decision(**found)
        values = asdict(decision).values()
        good = isinstance(has_linear, bool) and all(type(value) in (int, float) for value in values)
        good = good and 0 <= decision.weight <= 1 and min(list(values)[1:]) > 0 and max(values) < 1e9
        good = good and (agreement is None or (type(agreement) in (int, float) and 0 <= agreement <= 1))
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror}; copy it again, or train again") from None
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        good = False
    if not good:
        keys = ", ".join(["linear", *(field.name for field in fields(Decision))])
        raise CheckpointError(f"{path}: damaged: {keys} were expected in it; copy it again, or train again")
    return decision, has_linear, agreement


def save_model(folder: Path, model: Model) -> None:
    """Everything that prediction needs. Raises CheckpointError for a run's folder, whose files must stay together;
    TextRNNError where it cannot be written."""
    if any(os.path.exists(folder / name) for name in ("model", "resume", "history.jsonl")):
        raise CheckpointError(f"{folder}: the folder of a run; give another folder to save a model in")
    assert isinstance(model.networks, Ensemble)
    networks = [network.state_dict() for network in model.networks.networks]
    save_description(folder, model.transform, model.labels, model.config, _embedding_dim(model.networks))
    if model.linear is not None:
        save_linear(folder, model.linear)
    else:
        remove_linear(folder)
    save_weights(folder, networks, model.decision, model.linear is not None, model.bfloat16_agreement)


def _embedding_dim(networks: Ensemble) -> int:
    first = networks.networks[0]
    assert isinstance(first, Network)
    return first.embedding.table.embedding_dim


def save_description(
    folder: Path, transform: Transform, labels: list[str], config: Config, embedding_dim: int, trained_on: str = "auto"
) -> None:
    """Everything that prediction needs except what training makes. trained_on: the format of the training texts."""
    make_folder(folder)
    for name in (VOCAB, LABELS, USER_DICT, CONFIG):
        if (folder / name).is_symlink():  # perhaps to /dev/null
            (folder / name).unlink()
    transform.vocab.save(folder / VOCAB)
    save_labels(folder / LABELS, labels)
    user_dict = None if transform.tokenizer.user_dict is None else USER_DICT
    if transform.tokenizer.user_dict is not None:
        write_text(folder / USER_DICT, transform.tokenizer.user_dict)
    content = model_yaml(config, embedding_dim=embedding_dim, user_dict=user_dict, trained_on=trained_on)
    write_text(folder / CONFIG, content)


def load_model(folder: Path) -> Model:
    """The model of a `model/` folder, in evaluation mode on the CPU. Raises CheckpointError."""
    try:
        description = read_description(folder / CONFIG)
        config = build_config(description.tree, origin=str(folder / CONFIG))
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
    least, size = 4 * least_weights(config.model, len(vocab)), (folder / WEIGHTS).stat().st_size
    if size < least:
        raise CheckpointError(
            f"{folder / WEIGHTS}: the sizes in {CONFIG} need {least:,} bytes or more, found {size:,}: the file is cut "
            f"short, or does not belong to the {CONFIG} next to it; copy it again, or train again"
        )
    sizes = {"vocab_size": len(vocab), "num_classes": len(labels)}
    networks: nn.Module
    if description.old is not None:
        networks, linear, decision = (
            load_old_network(folder / WEIGHTS, config, description.old, **sizes),
            None,
            Decision(),
        )
        agreement = None
    else:
        decision, has_linear, agreement = read_decision(folder / DECISION)
        networks = Ensemble(load_networks(folder / WEIGHTS, config, **sizes))
        linear = load_linear(folder, num_classes=len(labels), tokenizer=config.tokenizer) if has_linear else None
    transform = Transform(tokenizer, vocab, config.data.max_length)
    return Model(networks.eval(), linear, decision, transform, labels, config, description.trained_on, agreement)
