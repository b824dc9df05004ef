"""The files of a linear model: weights in linear.safetensors, and words or characters as text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from textrnn.config import TokenizerConfig
from textrnn.errors import CheckpointError, TextRNNError
from textrnn.linear.model import Features, Folding, LinearModel
from textrnn.linear.ngrams import Kind, NgramVocabulary
from textrnn.runtime.files import write_text
from textrnn.runtime.tensor_files import UNREADABLE
from textrnn.runtime.tensors import check_finite, read_model_tensors, save_tensors
from textrnn.texts.vocab import read_name_lines

WEIGHTS = "linear.safetensors"
SYMBOLS = {"words": "linear_words.txt", "characters": "linear_characters.txt", "within_words": "linear_characters.txt"}
ALL_SYMBOLS = {"words": "linear_all_words.txt", "characters": "linear_all_characters.txt"}  # of lsa and ppmi
_LARGEST_IDF = 100.0  # no possible number of texts gives more


def remove_linear(folder: Path) -> None:
    """Remove the files of an older linear model, which contain words of its training texts. Raises TextRNNError."""
    try:
        for name in {WEIGHTS, *SYMBOLS.values(), *ALL_SYMBOLS.values()}:
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise TextRNNError(f"{error.filename}: cannot be removed: {error.strerror}") from None


def save_linear(folder: Path, model: LinearModel) -> None:
    """Replace the files of an older model. Raises TextRNNError if they cannot be written."""
    remove_linear(folder)
    arrays = {"weight": model.weight, "bias": model.bias}
    for number, features in enumerate(model.features):
        arrays[f"{number}.idf"] = features.idf
        if any(features.vocabulary is earlier.vocabulary for earlier in model.features[:number]):
            continue
        symbols = features.vocabulary.symbols
        write_text(folder / _symbol_file(features.kind), "".join(f"{symbol}\n" for symbol in symbols))
        for length, keys in enumerate(features.vocabulary.keys, start=2):
            arrays[f"{number}.keys_{length}"] = keys
    tensors = {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}
    kinds = [_saved_kind(features.kind) for features in model.features]
    save_tensors(folder / WEIGHTS, tensors, {"features": json.dumps(kinds)})


def load_linear(folder: Path, *, num_classes: int, tokenizer: TokenizerConfig) -> LinearModel:
    """Raises CheckpointError if a file is missing or damaged, or belongs to another model."""
    path = folder / WEIGHTS
    tensors, metadata = read_model_tensors(path)
    check_finite(path, tensors)
    try:
        kinds = [Kind(*kind) for kind in json.loads(metadata["features"])]
        features: list[Features] = []
        for number, kind in enumerate(kinds):
            features.append(_features(folder, tensors, number, kind, features))
        terms, columns = sum(len(kind.vocabulary) for kind in features), 1 if num_classes == 2 else num_classes
        weight = _array(tensors["weight"], np.float32, (terms, columns))
        bias = _array(tensors["bias"], np.float32, (columns,))
        own = [_symbol_file(kind) for kind in kinds if kind.weighting == "tf_idf"]
        if len(set(own)) < len(own) or len(set(kinds)) < len(kinds) or not kinds:
            raise ValueError("two kinds of features share a file")
    except UNREADABLE as error:
        raise CheckpointError(
            f"{path}: damaged, or from another model than the files next to it ({error}); copy the folder again, or "
            f"train again"
        ) from None
    return LinearModel(Folding(tokenizer.lowercase, tokenizer.normalize), features, weight, bias)


def _saved_kind(kind: Kind) -> tuple[Any, ...]:
    """Its fields; those of a kind that older versions know are as they saved them."""
    return astuple(kind)[:3] if kind.weighting == "tf_idf" else astuple(kind)


def _symbol_file(kind: Kind) -> str:
    return (SYMBOLS if kind.weighting == "tf_idf" else ALL_SYMBOLS)[kind.unit]


def _features(
    folder: Path, tensors: dict[str, torch.Tensor], number: int, kind: Kind, earlier: Sequence[Features]
) -> Features:
    if kind.weighting not in ("tf_idf", "lsa", "ppmi") or not 1 <= kind.shortest <= kind.longest:
        raise ValueError(f"features of {kind}")
    shared = next((other for other in earlier if _symbol_file(other.kind) == _symbol_file(kind)), None)
    vocabulary = _vocabulary(folder, tensors, number, kind) if shared is None else shared.vocabulary
    if shared is not None and kind != replace(shared.kind, weighting=kind.weighting):
        raise ValueError(f"features of {kind} beside those of {shared.kind}")
    idf, least = _array(tensors[f"{number}.idf"], np.float32, (len(vocabulary),)), int(kind.weighting != "ppmi")
    if not ((idf >= least) & (idf <= _LARGEST_IDF)).all():
        raise ValueError(
            f"{number}.idf: {least} to {_LARGEST_IDF:g} was expected, found {idf.min():g} to {idf.max():g}"
        )
    return Features(kind, vocabulary, idf)


def _vocabulary(folder: Path, tensors: dict[str, torch.Tensor], number: int, kind: Kind) -> NgramVocabulary:
    text = folder / _symbol_file(kind)
    symbols = read_name_lines(text)
    symbols = [] if symbols == [""] else symbols
    if len(set(symbols)) < len(symbols) or (kind.unit != "words" and any(len(symbol) != 1 for symbol in symbols)):
        raise ValueError(f"{text.name} differs from what was saved")
    all_keys = [_array(tensors[f"{number}.keys_{length}"], np.int64) for length in range(2, kind.longest + 1)]
    shorter = len(symbols)  # the number of n-grams that are shorter by one
    for keys in all_keys:
        if len(keys) and (keys[0] < 0 or keys[-1] >= shorter * len(symbols) or (np.diff(keys) <= 0).any()):
            raise ValueError(f"n-grams that do not fit {text.name}")
        shorter = len(keys)
    return NgramVocabulary(symbols, all_keys, shortest=kind.shortest)


def _array(tensor: torch.Tensor, dtype: Any, shape: tuple[int, ...] | None = None) -> np.ndarray:
    array: np.ndarray = tensor.numpy()
    if array.dtype != dtype or (array.ndim != 1 if shape is None else array.shape != shape):
        raise ValueError(f"{shape or 'one dimension'} was expected, found {array.shape} of {array.dtype}")
    return array
