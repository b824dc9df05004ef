"""The folder of a model, which has everything that prediction needs. Loading never executes code."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch

from textrnn.config import Config, TokenizerConfig, build_config
from textrnn.errors import CheckpointError, ConfigError, short
from textrnn.evaluation.drift import TextStatistics
from textrnn.linear.files import load_linear, remove_linear, save_linear
from textrnn.linear.mixture import COOLEST, HOTTEST, Mixture
from textrnn.linear.model import LinearModel
from textrnn.models.build import build_network
from textrnn.models.network import Ensemble, Network
from textrnn.run.folder import LABELS, MODEL_CONFIG, RunFolder
from textrnn.run.model_config import CLASS_SHARES_KEY, model_yaml, read_description
from textrnn.run.records import is_environment
from textrnn.runtime.files import make_folder, write_text
from textrnn.runtime.tensors import SkipInitialization, check_finite, difference, fill, read_model_tensors, save_tensors
from textrnn.texts.tokenizer import Tokenizer, user_dict_problem
from textrnn.texts.transform import EncodedTexts, Transform
from textrnn.texts.vocab import Vocab, load_labels, save_labels

WEIGHTS, DECISION, VOCAB, USER_DICT = "model.safetensors", "decision.json", "vocab.txt", "user_dict.txt"
STATISTICS = "training_texts.json"
BFLOAT16 = "bfloat16_agreement"  # in decision.json
LEAST_SHARE = 1e-9  # for a class without training texts, whose logit must be finite


@dataclass
class Model:
    """A trained model. trained_on: the format of its training files, auto without any. bfloat16_agreement: a fraction,
    see `training.networks`; None if it was not measured. class_shares (C,): the share of each class in the training
    texts; None if the model reads texts without a token as one unknown token. statistics: those expected of new texts;
    None if they are unknown, as in a model saved by an earlier version."""

    networks: Ensemble
    linear: LinearModel | None
    decision: Mixture
    transform: Transform
    labels: list[str]
    config: Config
    trained_on: str = "auto"
    bfloat16_agreement: float | None = None
    class_shares: np.ndarray | None = None
    statistics: TextStatistics | None = None

    @property
    def has_network(self) -> bool:
        """Whether the model has networks beside its linear model."""
        return len(self.networks.networks) > 0

    def decide(self, network: torch.Tensor | None, margins: torch.Tensor | None, texts: EncodedTexts) -> torch.Tensor:
        """Logits and margins (n, classes) of texts -> the logits of the whole model."""
        return self.with_shares(self.decision.logits(network, margins), texts)

    def with_shares(self, logits: torch.Tensor, texts: EncodedTexts) -> torch.Tensor:
        """The logits (n, classes), replaced for texts without a token, whose probabilities are the class shares."""
        empty = self.without_token(texts)
        if not empty.any():
            return logits
        shares = torch.log(torch.from_numpy(self.class_shares).to(logits.dtype).clamp(min=LEAST_SHARE))
        return torch.where(torch.from_numpy(empty)[:, None], shares, logits)

    def without_token(self, texts: EncodedTexts) -> np.ndarray:
        """(n,) bool: the texts whose probabilities are the class shares."""
        if self.class_shares is None or texts.is_empty is None:
            return np.zeros(len(texts), dtype=bool)
        return texts.is_empty


def parameter_count(model: Model) -> int:
    """The number of parameters of the networks and of the linear model, if they have weight in the decision."""
    networks = model.networks.networks if model.decision.needs_network else []
    count = sum(network.parameter_count for network in networks)
    if model.linear is not None and model.decision.needs_linear:
        count += model.linear.weight.size + model.linear.bias.size
    return count


def save_decision(folder: Path, decision: Mixture, linear: bool, bfloat16_agreement: float | None = None) -> None:
    """Write decision.json. linear: whether the model has a linear model."""
    content = {"linear": linear, **asdict(decision), BFLOAT16: bfloat16_agreement}
    write_text(folder / DECISION, json.dumps(content, indent=2) + "\n")


def save_statistics(folder: Path, statistics: TextStatistics | None) -> None:
    """Write the statistics; None removes an older file."""
    if statistics is None:
        (folder / STATISTICS).unlink(missing_ok=True)
    else:
        content = statistics._asdict() | {"class_shares": statistics.class_shares.tolist()}
        write_text(folder / STATISTICS, json.dumps(content, indent=2) + "\n")


def read_statistics(path: Path, classes: int) -> TextStatistics | None:
    """The statistics, or None if there is no such file. Raises CheckpointError if it is damaged."""
    try:
        saved = TextStatistics(**json.loads(path.read_bytes()))
        shares = saved.class_shares
        good = len(shares) == classes and type(saved.texts) is int and 0 < saved.texts < 2**53
        good = good and all(_is_between(0, share, 1) for share in (saved.unknown_share, saved.cut_share, *shares))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror}; copy it again, or remove it") from None
    except (ValueError, TypeError, RecursionError):
        good = False
    if not good:
        raise CheckpointError(
            f"{path}: damaged: {', '.join(TextStatistics._fields)} were expected in it, shares from 0 to 1, one for "
            f"each of {classes} classes; copy it again, or remove it"
        )
    return saved._replace(class_shares=np.asarray(shares, np.float64))


def save_weights(folder: Path, networks: Mapping[int, dict[str, torch.Tensor]]) -> None:
    """Save the weights of networks, by number, in their own file, so that equal weights give equal files. Call this
    last: a folder with weights has everything that they need."""
    tensors: dict[str, torch.Tensor] = {}
    for number, network in networks.items():
        tensors |= {f"networks.{number}.{name}": tensor for name, tensor in network.items()}
    save_tensors(folder / WEIGHTS, tensors)


def read_networks(path: Path) -> dict[int, dict[str, torch.Tensor]]:
    """The weights of each network in model.safetensors, by number, in ascending order; while folds are trained side by
    side, a number may be missing. Raises CheckpointError."""
    tensors, _ = read_model_tensors(path)
    networks: dict[str, dict[str, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        number, _, own_name = name.partition("networks.")[2].partition(".")
        networks.setdefault(number, {})[own_name] = tensor
    if not networks or not all(re.fullmatch(r"0|[1-9]\d{0,5}", number, re.ASCII) for number in networks):
        raise CheckpointError(f"{path}: damaged: networks.0, networks.1, ... were expected in it, found other names")
    check_finite(path, tensors)
    return {int(number): networks[number] for number in sorted(networks, key=int)}


def load_networks(path: Path, config: Config, *, vocab_size: int, num_classes: int) -> list[Network]:
    """The networks of a model. Raises CheckpointError if the file is missing, damaged or from another model."""
    networks = []
    for number, tensors in read_networks(path).items():
        names = [f"embedding.ngrams.keys_{length}" for length in range(2, config.model.ngrams + 1)]
        saved = [tensors[name] for name in names if name in tensors]
        valid = len(saved) == len(names) and all(keys.ndim == 1 and keys.dtype == torch.int64 for keys in saved)
        ngram_keys = [keys.numpy() for keys in saved] if valid else []
        with torch.device("meta"), SkipInitialization():  # weights of the config's sizes might not fit into memory
            network = build_network(config.model, vocab_size=vocab_size, num_classes=num_classes, ngram_keys=ngram_keys)
        mismatch = difference(tensors, network.state_dict())
        if mismatch is not None:
            raise CheckpointError(
                f"{path}: networks.{number}.{mismatch}: the file does not belong to the config.yaml, vocab.txt and "
                f"labels.txt next to it"
            )
        fill(network, tensors)
        networks.append(network)
    return networks


def read_decision(path: Path) -> tuple[Mixture, bool, float | None]:
    """The decision, whether the model has a linear model, and the agreement with bfloat16. Raises CheckpointError."""
    try:
        content = json.loads(path.read_bytes())
        has_linear, agreement = content.pop("linear"), content.pop(BFLOAT16)
        decision = Mixture(**content)
        weight, *temperatures = asdict(decision).values()
        least, most = 0.99 * COOLEST, 1.01 * HOTTEST  # the optimizer may pass its bounds by rounding
        good = isinstance(has_linear, bool) and all(_is_between(least, value, most) for value in temperatures)
        good = good and _is_between(0, weight, 1) and (agreement is None or _is_between(0, agreement, 1))
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror}; copy it again, or train again") from None
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        good = False
    if not good:
        keys = ", ".join(["linear", *(field.name for field in fields(Mixture)), BFLOAT16])
        raise CheckpointError(
            f"{path}: damaged: {keys} were expected in it, a weight of 0 to 1 and temperatures of {COOLEST:g} to "
            f"{HOTTEST:g}; copy it again, or train again"
        )
    return decision, has_linear, agreement


def _is_between(least: float, value: Any, most: float) -> bool:
    return type(value) in (int, float) and least <= value <= most


def save_model(folder: Path, model: Model) -> None:
    """Save everything that prediction needs. Raises CheckpointError for a run's folder, whose files must stay together;
    TextRNNError if the folder cannot be written."""
    run, networks = RunFolder(folder), list(model.networks.networks)
    if any(map(os.path.exists, (run.model, run.resume, run.history))):
        raise CheckpointError(f"{folder}: this is the folder of a run; give another folder to save a model in")
    dim = networks[0].embedding.table.embedding_dim if networks else None
    shares = None if model.class_shares is None else model.class_shares.tolist()
    save_description(folder, model.transform, model.labels, model.config, dim, class_shares=shares)
    if model.linear is None:
        remove_linear(folder)
    else:
        save_linear(folder, model.linear)
    save_decision(folder, model.decision, model.linear is not None, model.bfloat16_agreement)
    save_statistics(folder, model.statistics)
    if networks:
        save_weights(folder, {number: network.state_dict() for number, network in enumerate(networks)})
    else:
        (folder / WEIGHTS).unlink(missing_ok=True)  # of an older model


def save_description(
    folder: Path, transform: Transform, labels: list[str], config: Config, embedding_dim: int | None,
    trained_on: str = "auto", class_shares: Sequence[float] | None = None,
) -> None:  # fmt: skip
    """Save everything that prediction needs except the results of training. Arguments as in `Model`."""
    make_folder(folder)
    for name in (VOCAB, LABELS, USER_DICT, MODEL_CONFIG):
        if (folder / name).is_symlink():  # perhaps to /dev/null
            (folder / name).unlink()
    transform.vocab.save(folder / VOCAB)
    save_labels(folder / LABELS, labels)
    user_dict = None
    if transform.tokenizer.user_dict is not None:
        user_dict = USER_DICT
        write_text(folder / USER_DICT, transform.tokenizer.user_dict)
    write_text(folder / MODEL_CONFIG, model_yaml(config, embedding_dim, user_dict, trained_on, class_shares))


def load_model(folder: Path) -> Model:
    """The model of a `model/` folder, in evaluation mode on the CPU. Raises CheckpointError."""
    path = folder / MODEL_CONFIG
    try:
        tree, trained_on, class_shares = read_description(path)
        config = build_config(tree, origin=str(path))
    except ConfigError as error:
        raise CheckpointError(str(error)) from None
    vocab, labels = Vocab.load(folder / VOCAB), load_labels(folder / LABELS)
    transform = Transform(_load_tokenizer(folder, config.tokenizer), vocab, config.data.max_length)
    is_linear = not config.model.has_network
    last = folder / (DECISION if is_linear else WEIGHTS)  # of the files that training saves
    if not last.exists():
        run = RunFolder(folder.parent)
        remedy = f" (continue it with: {run.resume_command()})" if is_environment(run.environment) else ""
        raise CheckpointError(
            f"{last}: no such file; either training has not reached its first evaluation{remedy}, or the file was "
            f"removed"
        )
    decision, has_linear, agreement = read_decision(folder / DECISION)
    if is_linear and (decision.needs_network or not has_linear):
        raise CheckpointError(
            f"{last}: linear true and a weight of 1 were expected, as in {path} model.linear is only; copy it again"
        )
    networks = [] if is_linear else load_networks(last, config, vocab_size=len(vocab), num_classes=len(labels))
    linear = load_linear(folder, num_classes=len(labels), tokenizer=config.tokenizer) if has_linear else None
    shares = None if config.data.empty_texts == "keep" else _class_shares(class_shares, len(labels), path)
    ensemble = Ensemble(networks).eval()
    statistics = read_statistics(folder / STATISTICS, len(labels))
    return Model(ensemble, linear, decision, transform, labels, config, trained_on, agreement, shares, statistics)


def _load_tokenizer(folder: Path, settings: TokenizerConfig) -> Tokenizer:
    path, user_dict = folder / USER_DICT, None
    options = {"lowercase": settings.lowercase, "normalize": settings.normalize}
    if settings.user_dict:
        if settings.user_dict != USER_DICT:
            raise CheckpointError(
                f"{folder / MODEL_CONFIG}: tokenizer.user_dict: expected {USER_DICT}, the file in this folder, found "
                f"{short(settings.user_dict)}"
            )
        try:
            user_dict = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise CheckpointError(f"{path}: the dictionary cannot be read: {error}") from None
        if (problem := user_dict_problem(user_dict, **options)) is not None:
            raise CheckpointError(f"{path}:{problem[0]}: {problem[1]}")
    return Tokenizer(settings.kind, **options, user_dict=user_dict)


def _class_shares(shares: Any, classes: int, path: Path) -> np.ndarray:
    """The class shares (classes,). Raises CheckpointError unless they are valid."""
    good = isinstance(shares, list) and len(shares) == classes and all(_is_between(0, share, 1) for share in shares)
    if not good or abs(sum(shares) - 1) > 1e-3:
        raise CheckpointError(
            f"{path}: {CLASS_SHARES_KEY}: expected {classes} shares of classes, from 0 to 1, with the sum 1, found "
            f"{short(shares)}; copy the file again, or train again"
        )
    return np.asarray(shares, np.float64)
