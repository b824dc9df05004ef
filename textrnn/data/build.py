"""Config -> the objects that read and encode texts; nothing else in data/ knows the config."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from textrnn.config import Config, DataConfig, Paths, TokenizerConfig
from textrnn.data.labels import read_label_names
from textrnn.data.loading import load_splits
from textrnn.data.source import Source
from textrnn.data.splits import Splits
from textrnn.data.tokenizer import Tokenizer, user_dict_problem
from textrnn.errors import ConfigError, DataError
from textrnn.runtime.decoding import read_text


def build_source(paths: Paths, data: DataConfig, label_names: list[str] | None = None) -> Source:
    """The source of one split. label_names: if already known, else they are read from data.label_names."""
    if data.label_names is not None and label_names is None:
        label_names = read_label_names(data.label_names)
    return Source(
        [paths] if isinstance(paths, str) else list(paths),
        format=data.format,
        text_column=data.text_column,
        label_column=data.label_column,
        label_names=None if data.label_names is None else label_names,
        delimiter=data.delimiter,
        encoding=data.encoding,
        skip_bad_rows=data.bad_rows == "skip",
        cache_dir=Path(data.cache_dir),
    )


def build_tokenizer(config: TokenizerConfig) -> Tokenizer:
    user_dict = None
    if config.user_dict is not None and config.kind == "jieba":
        user_dict = read_text(config.user_dict)
        problem = user_dict_problem(user_dict, lowercase=config.lowercase, normalize=config.normalize)
        if problem is not None:
            raise DataError(f"{config.user_dict}:{problem[0]}: {problem[1]}")
    return Tokenizer(config.kind, lowercase=config.lowercase, normalize=config.normalize, user_dict=user_dict)


def build_splits(config: Config, tokenizer: Tokenizer, progress: Callable[[str, int], object]) -> Splits:
    """All splits of a config, read, checked and encoded. Raises ConfigError, DataError."""
    data = config.data
    if data.train is None:
        raise ConfigError(
            "data.train: expected a file or folder of labelled texts, found none: pass --data FILE or set data.train"
        )
    return load_splits(
        build_source(data.train, data),
        None if data.dev is None else build_source(data.dev, data),
        None if data.test is None else build_source(data.test, data),
        dev_fraction=data.dev_fraction,
        folds=config.train.folds,
        seed=config.train.seed,
        tokenizer=tokenizer,
        max_length=data.max_length,
        min_count=config.vocab.min_count,
        max_size=config.vocab.max_size,
        skip_empty=data.empty_texts == "skip",
        cache_dir=Path(data.cache_dir),
        progress=progress,
    )


def with_absolute_paths(config: Config) -> Config:
    """The config with absolute paths, so that it means the same in any working directory."""

    def absolute(value: Paths | None) -> Paths | None:
        if isinstance(value, list):
            return [os.path.abspath(path) for path in value]
        return None if value is None else os.path.abspath(value)

    of_data = ("train", "dev", "test", "label_names", "cache_dir")
    return config.replaced(
        data={key: absolute(getattr(config.data, key)) for key in of_data},
        tokenizer={"user_dict": absolute(config.tokenizer.user_dict)},
        model={"pretrained": absolute(config.model.pretrained)},
    )


def other_files(config: Config) -> dict[str, str]:
    """Config key -> path of each file, other than texts, on which the result of training depends."""
    named = {
        "data.label_names": config.data.label_names,
        "tokenizer.user_dict": config.tokenizer.user_dict if config.tokenizer.kind == "jieba" else None,
        "model.pretrained": config.model.pretrained,
    }
    return {key: path for key, path in named.items() if path is not None}
