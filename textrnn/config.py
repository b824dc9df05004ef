"""The YAML config: its keys, their defaults and limits, and how `--set a.b=v` changes them."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any, Literal, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from textrnn.errors import ConfigError
from textrnn.runtime.decoding import check_encoding

Column = Annotated[int, Field(ge=0)] | str
Paths = str | list[str]
Fraction = Annotated[float, Field(ge=0, lt=1)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, protected_namespaces=(), validate_default=False)

    @field_validator("*", mode="before")
    @classmethod
    def _true_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        kind = cls.model_fields[info.field_name or ""].annotation
        if isinstance(value, bool) and kind is not bool and get_origin(kind) is not Literal:
            raise ValueError("true and false have no meaning here")
        return value


class DataConfig(Section):
    train: Paths | None = Field(None, description="training texts: a file, a list, a glob or a folder")
    dev: Paths | None = Field(None, description="texts to choose the model on; null = a part of train")
    test: Paths | None = Field(None, description="texts that `eval` judges the model on")
    dev_fraction: Fraction = Field(0.1, description="share of train kept for dev when there is no dev file")
    format: Literal["auto", "tsv", "csv", "jsonl", "fasttext", "folder"] = "auto"
    text_column: Column | None = Field(None, description="a name (first row is a header) or a 0-based index (none is)")
    label_column: Column | None = Field(None, description="as text_column")
    label_names: str | None = Field(None, description="a file of label names, where labels are 0-based ids")
    encoding: str = "utf-8"
    max_length: int = Field(512, ge=1, description="tokens of a text that are read; the rest is cut")
    bad_rows: Literal["error", "skip"] = "error"
    cache_dir: str = ".textrnn_cache"

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str) -> str:
        try:
            check_encoding(value)
        except LookupError as error:
            raise ValueError(error.args[0]) from None
        return value

    @field_validator("train", "dev", "test")
    @classmethod
    def _some_path(cls, value: Paths | None) -> Paths | None:
        if value is not None and (not value or (isinstance(value, list) and not all(value))):
            raise ValueError("a path is empty")
        return value


class TokenizerConfig(Section):
    kind: Literal["char", "jieba", "word", "whitespace"] = "char"
    lowercase: bool = True
    normalize: bool = Field(True, description="Unicode NFKC: full-width letters and the like become plain ones")
    user_dict: str | None = Field(None, description="jieba: a file of further words, `word [count] [tag]` a line")


class VocabConfig(Section):
    min_count: int = Field(2, ge=1, description="rarer tokens become <unk>")
    max_size: int = Field(50_000, ge=3, description="entries at most, <pad> and <unk> included")


class ModelConfig(Section):
    architecture: Literal["textrnn", "rcnn"] = "textrnn"
    cell: Literal["rnn", "lstm", "gru"] = "gru"
    nonlinearity: Literal["tanh", "relu"] = Field("tanh", description="of the cell rnn")
    embedding_dim: int | None = Field(None, ge=1, description="null = that of `pretrained`, else 96")
    hidden_size: int = Field(96, ge=1, description="of one direction")
    num_layers: int = Field(1, ge=1)
    bidirectional: bool = True
    dropout: Fraction = Field(0.5, description="between layers, and before the last linear layer")
    embedding_dropout: Fraction = Field(0.5, description="on the embeddings")
    pooling: Literal["last", "mean", "max", "attention"] = "max"
    attention_hops: int = Field(1, ge=1, description="how often attention reads; more = a memory network")
    fc_size: int | None = Field(None, ge=1, description="a hidden dense layer with relu; null = none")
    pretrained: str | None = Field(None, description="word vectors in word2vec text format, .gz too")
    freeze_embedding: bool = False
    ngrams: int = Field(2, ge=1, le=3, description="add the vectors of n-grams up to this length that end at a token")
    ngram_buckets: int = Field(1 << 17, ge=1, le=1 << 24, description="rows of their table, shared by equal hashes")
    linear_ngrams: int | None = Field(2, ge=1, le=3, description="of a linear path beside the network; null = none")
    linear_buckets: int = Field(1 << 19, ge=1, le=1 << 24, description="rows of its weights, shared by equal hashes")
    linear_scale: float = Field(4.0, gt=0, description="its margins times this are averaged with the network's logits")


class TrainConfig(Section):
    batch_size: int = Field(64, ge=1, description="documents, over all processes")
    epochs: int = Field(6, ge=1)
    learning_rate: float = Field(2e-3, gt=0)
    embedding_lr_multiplier: float = Field(5.0, gt=0, description="learning rate of embeddings, times that of the rest")
    weight_decay: float = Field(0.01, ge=0, description="of weight matrices, embeddings apart")
    schedule: Literal["constant", "linear", "cosine"] = Field("linear", description="after the warm-up, down to 0")
    warmup: Fraction = Field(0.05, description="share of all steps")
    grad_clip_norm: float | None = Field(1.0, gt=0, description="null = measure, don't clip")
    accumulate: int = Field(1, ge=1, description="batches whose gradients make one step")
    label_smoothing: Fraction = 0.0
    adversarial_norm: float | None = Field(1.5, gt=0, description="of a worst-case shift of each text's embeddings")
    class_weights: Literal["none", "balanced"] = "none"
    monitor: Literal["dev_accuracy", "dev_macro_f1", "dev_loss"] = "dev_accuracy"
    patience: int | None = Field(3, ge=1, description="evaluations without a better one before training stops")
    seed: int = Field(1, ge=0, le=2**63 - 1)
    precision: Literal["float32", "bfloat16"] = "float32"
    tf32: bool = Field(False, description="a GPU may round the factors of float32 products to 10 bits")
    save_minutes: float = Field(5.0, gt=0, description="the training state is saved at least this often")

    @field_validator("class_weights", mode="before")
    @classmethod
    def _none_means_none(cls, value: Any) -> Any:
        return "none" if value is None else value  # YAML readers type both `none` and `null`


class Config(Section):
    data: DataConfig = DataConfig()
    tokenizer: TokenizerConfig = TokenizerConfig()
    vocab: VocabConfig = VocabConfig()
    model: ModelConfig = ModelConfig()
    train: TrainConfig = TrainConfig()

    def to_yaml(self) -> str:
        return to_yaml(self.model_dump())


def to_yaml(tree: dict[str, Any]) -> str:
    return yaml.safe_dump(tree, sort_keys=False, allow_unicode=True)


class _UniqueKeyLoader(yaml.SafeLoader):
    """SafeLoader takes the last of two equal keys in silence; here it is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, (str, int, float, bool)) and key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} is given twice", key_node.start_mark
                )
            if isinstance(key, (str, int, float, bool)):
                seen.add(key)
        return super().construct_mapping(node, deep=deep)


def load_config(path: Path | str | None, overrides: list[tuple[str, Any]] | None = None) -> Config:
    """Defaults < file < overrides, checked. Raises ConfigError that names every problem, a line each."""
    tree: dict[str, Any] = {} if path is None else read_yaml(path)
    for key, value in overrides or []:
        set_key(tree, key, value)
    return build_config(tree, origin=str(path), set_keys={key for key, _ in overrides or []})


def build_config(tree: dict[str, Any], origin: str, set_keys: Collection[str] = ()) -> Config:
    """Check a nested dict of config keys. Raises ConfigError, a line per key at fault, which begins with `origin`, or
    with --set for those of `set_keys`."""
    try:
        return Config.model_validate(tree)
    except ValidationError as error:
        problems: dict[str, list[Any]] = {}  # a key that takes several types has one for each
        for problem in error.errors():
            problems.setdefault(_dotted(problem["loc"]), []).append(problem)
        lines = [
            ("--set " if key in set_keys else f"{origin}: ") + _explain(key, found)
            for key, found in sorted(problems.items())
        ]
        raise ConfigError("\n".join(lines)) from None


def read_yaml(path: Path | str) -> dict[str, Any]:
    """The mapping in a YAML file. Raises ConfigError with `file:line` where it is not one."""
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{path}: the config cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: a config must be UTF-8; byte {error.start + 1} is not") from None
    try:
        tree = yaml.load(text, Loader=_UniqueKeyLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{path}:{line}: not valid YAML: {error.problem or error.context}") from None
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"{path}: not valid YAML: {str(error).splitlines()[0]}") from None
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise ConfigError(f"{path}: a mapping with the sections {', '.join(Config.model_fields)} was expected")
    # `data:` with nothing below it is an empty section
    return {key: {} if value is None and key in Config.model_fields else value for key, value in tree.items()}


def parse_override(option: str) -> tuple[str, Any]:
    """`a.b=v` -> ("a.b", v read as YAML). Raises ValueError where the form is another."""
    key, equals, value = option.partition("=")
    if not equals or "." not in key:
        raise ValueError(f"expected SECTION.KEY=VALUE, found {option!r}; for example model.cell=lstm")
    try:
        return key.strip(), yaml.safe_load(value)
    except yaml.YAMLError:
        raise ValueError(f"{key}: the value {value!r} is not valid YAML") from None


def set_key(tree: dict[str, Any], dotted: str, value: Any) -> None:
    """Set `section.key` in a nested dict. Raises ConfigError with the nearest key where there is none such."""
    known = known_keys()
    if dotted not in known:
        raise ConfigError(f"--set {dotted}: no such key{_nearest(dotted, known)}")
    section, key = dotted.split(".")
    if not isinstance(tree.get(section), dict):
        tree[section] = {}
    tree[section][key] = value


def known_keys() -> dict[str, Any]:
    """Every `section.key` with its default."""
    return {f"{section}.{key}": value for section, keys in Config().model_dump().items() for key, value in keys.items()}


def changed_keys(one: Config, other: Config) -> list[str]:
    """The dotted keys in which two configs differ."""
    a, b = one.model_dump(), other.model_dump()
    return [key for key in known_keys() if _value(a, key) != _value(b, key)]


def _value(tree: dict[str, Any], dotted: str) -> Any:
    section, key = dotted.split(".")
    return tree[section][key]


def _nearest(name: str, known: Any) -> str:
    match = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean {match[0]}?" if match else f"; known are: {', '.join(known)}"


def _dotted(place: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in place[:2])


def _explain(key: str, problems: list[Any]) -> str:
    kinds, found = {problem["type"] for problem in problems}, min(problems, key=lambda item: len(item["loc"]))["input"]
    if kinds & {"extra_forbidden", "invalid_key"}:
        if "." not in key:
            return f"{key}: no such section{_nearest(key, Config.model_fields)}"
        return f"{key}: no such key{_nearest(key, known_keys())}"
    if "." not in key:
        return f"{key}: a section with keys was expected, found {found!r}"
    if "value_error" in kinds:
        return f"{key}: {problems[0]['msg'].removeprefix('Value error, ')} (found {found!r})"
    expected = dict.fromkeys(problem["msg"].removeprefix("Input should be ") for problem in problems)
    return f"{key}: expected {' or '.join(expected)}, found {found!r}"


def dead_keys(config: Config) -> list[str]:
    """A sentence for each key that was given a value other than its default and has no effect in this config."""
    model, data = config.model, config.data
    without_dev = data.dev is None and data.dev_fraction == 0
    cases = [
        ("model.nonlinearity", model.cell != "rnn", f"model.cell is {model.cell}, not rnn"),
        ("model.bidirectional", model.architecture == "rcnn", "rcnn always reads both directions"),
        ("data.dev_fraction", data.dev is not None, "data.dev is given"),
        (
            "tokenizer.user_dict",
            config.tokenizer.kind != "jieba",
            f"tokenizer.kind is {config.tokenizer.kind}, not jieba",
        ),
        ("model.attention_hops", model.pooling != "attention", f"model.pooling is {model.pooling}, not attention"),
        ("model.ngram_buckets", model.ngrams == 1, "model.ngrams is 1"),
        ("model.linear_buckets", model.linear_ngrams is None, "model.linear_ngrams is null"),
        ("model.linear_scale", model.linear_ngrams is None, "model.linear_ngrams is null"),
        (
            "train.embedding_lr_multiplier",
            model.freeze_embedding and model.ngrams == 1,
            "model.freeze_embedding is true",
        ),
        ("train.patience", without_dev, "there is no dev set"),
        ("train.monitor", without_dev, "there is no dev set"),
        ("train.tf32", config.train.precision == "bfloat16", "train.precision is bfloat16"),
        (
            "model.freeze_embedding",
            model.pretrained is None,
            "model.pretrained is not given: embeddings stay as random as they begin",
        ),
    ]
    given, default = config.model_dump(), known_keys()
    return [
        f"{key}: {_value(given, key)} has no effect, since {reason}"
        if key != "model.freeze_embedding"
        else f"{key}: {reason}"
        for key, applies, reason in cases
        if applies and _value(given, key) != default[key]
    ]
