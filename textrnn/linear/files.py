"""The files of a linear model: weights in linear.safetensors, words or characters as text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch

from textrnn.config import TokenizerConfig
from textrnn.errors import CheckpointError, TextRNNError
from textrnn.linear.features import Features, Kind, NgramVocabulary, Unit
from textrnn.linear.model import Folding, LinearModel
from textrnn.runtime.files import write_text
from textrnn.runtime.tensors import UNREADABLE, check_finite, read_model_tensors, save_tensors
from textrnn.texts.vocab import read_name_lines

WEIGHTS = "linear.safetensors"
SYMBOLS = {"words": "linear_words.txt", "characters": "linear_characters.txt", "within_words": "linear_characters.txt"}
_LARGEST_IDF = 100.0  # of more texts than there can be


def remove_linear(folder: Path) -> None:
    """Remove the files of an older linear model, which hold words of its training texts. Raises TextRNNError."""
    try:
        for name in {WEIGHTS, *SYMBOLS.values()}:
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise TextRNNError(f"{error.filename}: cannot be removed: {error.strerror}") from None


def save_linear(folder: Path, model: LinearModel) -> None:
    """In place of an older one. Raises TextRNNError where it cannot be written."""
    remove_linear(folder)
    tensors = {"weight": model.weight, "bias": model.bias}
    kinds = []
    for number, features in enumerate(model.features):
        vocabulary, kind = features.vocabulary, features.kind
        write_text(folder / SYMBOLS[kind.unit], "".join(f"{symbol}\n" for symbol in vocabulary.symbols))
        tensors[f"{number}.idf"] = features.idf
        for length, keys in enumerate(vocabulary.keys, start=2):
            tensors[f"{number}.keys_{length}"] = keys
        kinds.append([kind.unit, kind.shortest, kind.longest])
    content = {name: torch.from_numpy(np.ascontiguousarray(each)) for name, each in tensors.items()}
    save_tensors(folder / WEIGHTS, content, {"features": json.dumps(kinds)})


def load_linear(folder: Path, *, num_classes: int, tokenizer: TokenizerConfig) -> LinearModel:
    """Raises CheckpointError where a file is missing or damaged, or belongs to another model."""
    path = folder / WEIGHTS
    tensors, metadata = read_model_tensors(path)
    check_finite(path, tensors)
    try:
        features = [
            _features(folder, tensors, number, *each) for number, each in enumerate(json.loads(metadata["features"]))
        ]
        terms, columns = sum(len(each.vocabulary) for each in features), 1 if num_classes == 2 else num_classes
        weight, bias = (
            _array(tensors[name], np.float32, shape)
            for name, shape in (("weight", (terms, columns)), ("bias", (columns,)))
        )
        if len({SYMBOLS[each.kind.unit] for each in features}) < len(features) or not features:
            raise ValueError("two kinds of features of one file")
    except UNREADABLE as error:
        raise CheckpointError(
            f"{path}: damaged, or of another model than the files next to it ({error}); copy the folder again, or "
            f"train again"
        ) from None
    return LinearModel(Folding(tokenizer.lowercase, tokenizer.normalize), features, weight, bias)


def _features(
    folder: Path, tensors: dict[str, torch.Tensor], number: int, unit: Unit, shortest: int, longest: int
) -> Features:
    if (
        unit not in get_args(Unit)
        or type(shortest) is not int
        or type(longest) is not int
        or not 1 <= shortest <= longest
    ):
        raise ValueError(f"features of {unit!r}, {shortest!r} to {longest!r}")
    text = folder / SYMBOLS[unit]
    symbols = read_name_lines(text)
    symbols = [] if symbols == [""] else symbols
    keys = [_array(tensors[f"{number}.keys_{length}"], np.int64) for length in range(2, longest + 1)]
    vocabulary = NgramVocabulary(symbols, keys, shortest=shortest)
    before = len(symbols)
    if len(set(symbols)) < len(symbols) or (unit != "words" and any(len(each) != 1 for each in symbols)):
        raise ValueError(f"{text.name} has other lines than were saved")
    for each in keys:
        if len(each) and (each[0] < 0 or each[-1] >= before * len(symbols) or (np.diff(each) <= 0).any()):
            raise ValueError(f"n-grams that do not fit {text.name}")
        before = len(each)
    idf = _array(tensors[f"{number}.idf"], np.float32, (len(vocabulary),))
    if not ((idf >= 1) & (idf <= _LARGEST_IDF)).all():
        raise ValueError(f"{number}.idf: 1 to {_LARGEST_IDF:g} was expected, found {idf.min():g} to {idf.max():g}")
    return Features(Kind(unit, shortest, longest), vocabulary, idf)


def _array(tensor: torch.Tensor, kind: Any, shape: tuple[int, ...] | None = None) -> np.ndarray:
    found: np.ndarray = tensor.numpy()
    if found.dtype != kind or (found.ndim != 1 if shape is None else found.shape != shape):
        raise ValueError(f"{shape or 'one dimension'} was expected, found {found.shape} of {found.dtype}")
    return found
