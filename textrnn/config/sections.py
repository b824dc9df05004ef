"""The keys of the config: types, limits, defaults, and what a key needs to have an effect."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal, NamedTuple, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from textrnn.errors import short
from textrnn.reading.decoding import check_encoding
from textrnn.runtime.files import expand_user

MAX_COLUMN = 999_999
Column = Annotated[int, Field(ge=0, le=MAX_COLUMN)] | str
Paths = str | list[str]
Fraction = Annotated[float, Field(ge=0, lt=1)]
_MOST_UNITS = 1 << 16  # of a layer
_MANY = 1_000_000
Cell = Literal["rnn", "gru", "lstm"]  # the keys of `models.encoder.CELLS`


class Needs(NamedTuple):
    """A precondition of a key: if `met` is false and the value is not the default, the user is warned.

    reason: with `{section.key}` for the value of another key. result: what the key does then.
    """

    met: Callable[[Config], bool]
    reason: str
    result: str = "has no effect"


_CSV = Needs(lambda c: c.data.format in ("auto", "csv"), "data.format is {data.format}, not csv")
_DEV = Needs(lambda c: c.data.dev is not None or c.data.dev_fraction != 0, "there is no dev set")
_CELL = Needs(lambda c: c.model.architecture != "tdnn", "tdnn has no recurrent cell")
_RNN = Needs(lambda c: c.model.cell == "rnn" or not _CELL.met(c), "model.cell is {model.cell}, not rnn")
_NOT_RCNN = Needs(lambda c: c.model.architecture != "rcnn", "rcnn always reads both directions")
_ATTENTION = Needs(lambda c: c.model.pooling == "attention", "model.pooling is {model.pooling}, not attention")
_NGRAMS = Needs(lambda c: c.model.ngrams > 1, "model.ngrams is 1")
_JIEBA = Needs(lambda c: c.tokenizer.kind == "jieba", "tokenizer.kind is {tokenizer.kind}, not jieba")
_NO_DEV_FILE = Needs(lambda c: c.data.dev is None, "data.dev is given")
_FOLDS = Needs(lambda c: c.train.folds == 1 or c.data.dev is None, "data.dev is given")
_FOLDS_OF_TRAIN = Needs(lambda c: c.train.folds == 1 or c.data.dev_fraction is None, "data.dev_fraction is given")
_FLOAT32 = Needs(lambda c: c.train.precision == "float32", "train.precision is {train.precision}")
_TRAINED_EMBEDDING = Needs(
    lambda c: not c.model.freeze_embedding or c.model.ngrams > 1, "model.freeze_embedding is true"
)
_RANDOM = Needs(lambda c: c.model.pretrained is None or c.model.rare_dim is None, "model.pretrained is given")
_PRETRAINED = Needs(
    lambda c: c.model.pretrained is not None, "model.pretrained is not given", "keeps embeddings at their random values"
)


def _possible_paths(value: Paths | None) -> Paths | None:
    """The paths, with home folders in place of `~`. Raises ValueError."""
    if value is None:
        return None
    paths = [expand_user(path) for path in ([value] if isinstance(value, str) else value)]
    if not paths or not all(paths):
        raise ValueError("a path is empty")
    if re.search("[\0\ud800-\udc7f\udd00-\udfff]", "".join(paths)):  # halves of characters, but those that are bytes
        raise ValueError("a path holds a character that no file name can have")
    return paths[0] if isinstance(value, str) else paths


def check_delimiter(value: Any) -> str:
    """The character that separates the fields of a csv file. Raises ValueError."""
    character = "\t" if value in ("\\t", "tab") else value
    if not isinstance(character, str) or len(character) != 1 or character in '"\r\n\0 ':
        raise ValueError(f"expected one character, such as ;, or tab, found {short(value)}")
    return character


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, protected_namespaces=())

    @field_validator("*", mode="before")
    @classmethod
    def _booleans_are_not_numbers(cls, value: Any, info: ValidationInfo) -> Any:
        kind = cls.model_fields[info.field_name or ""].annotation
        if isinstance(value, bool) and kind is not bool and get_origin(kind) is not Literal:
            raise ValueError("expected a value other than true or false")
        return value


class DataConfig(Section):
    train: Paths | None = Field(None, description="training texts: a file, a list, a glob or a folder")
    dev: Paths | None = Field(None, description="texts to choose the model on; null = a part of train")
    test: Paths | None = Field(None, description="texts that `eval` evaluates the model on")
    dev_fraction: Annotated[Fraction | None, _NO_DEV_FILE] = Field(
        None, description="share of train held out for dev when there is no dev file; null = see train.folds"
    )
    format: Literal["auto", "tsv", "csv", "jsonl", "fasttext", "folder"] = "auto"
    text_column: Column | list[Column] | None = Field(
        None, description="a name (first row is a header) or a 0-based index (none is); of a list, the texts are joined"
    )
    label_column: Column | None = Field(None, description="a name or an index, likewise")
    label_names: str | None = Field(None, description="a file of label names, where labels are 0-based ids")
    delimiter: Annotated[str | None, _CSV] = Field(None, description="of csv files; null = the one that fits")
    encoding: str = "utf-8"
    max_length: int = Field(512, ge=1, le=2**31 - 2, description="tokens of a text that are read; the rest is cut")
    bad_rows: Literal["error", "skip"] = "error"
    empty_texts: Literal["skip", "keep"] = Field(
        "skip", description="texts without a token: skip = train and judge without them; keep = as one unknown token"
    )
    cache_dir: str = ".textrnn_cache"

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str) -> str:
        try:
            check_encoding(value)
        except LookupError as error:
            raise ValueError(error.args[0]) from None
        return value

    @field_validator("text_column", mode="before")
    @classmethod
    def _columns_are_no_booleans(cls, value: Any) -> Any:
        if isinstance(value, list) and (not value or any(isinstance(column, bool) for column in value)):
            raise ValueError("expected a name, a 0-based index, or a list of these")
        return value

    @field_validator("delimiter", mode="before")
    @classmethod
    def _one_character(cls, value: Any) -> Any:
        return value if value is None else check_delimiter(value)

    _paths = field_validator("train", "dev", "test", "label_names", "cache_dir")(_possible_paths)


class TokenizerConfig(Section):
    kind: Literal["char", "jieba", "word", "whitespace"] = "char"
    lowercase: bool = True
    normalize: bool = Field(True, description="Unicode NFKC: full-width letters and the like become plain ones")
    user_dict: Annotated[str | None, _JIEBA] = Field(
        None, description="jieba: a file of further words, `word [count] [tag]` a line"
    )

    _paths = field_validator("user_dict")(_possible_paths)


class VocabConfig(Section):
    min_count: int = Field(2, ge=1, le=2**31 - 1, description="rarer tokens become <unk>")
    max_size: int = Field(50_000, ge=3, le=2**31 - 1, description="entries at most, <pad> and <unk> included")


class ModelConfig(Section):
    architecture: Literal["textrnn", "rcnn", "tdnn"] = "textrnn"
    cell: Annotated[Cell, _CELL] = "gru"
    nonlinearity: Annotated[Literal["tanh", "relu"], _CELL, _RNN] = Field("tanh", description="of the cell rnn")
    embedding_dim: int | None = Field(None, ge=1, le=_MOST_UNITS, description="null = that of `pretrained`, else 96")
    hidden_size: int = Field(96, ge=1, le=_MOST_UNITS, description="of one direction")
    num_layers: int = Field(1, ge=1, le=64)
    bidirectional: Annotated[bool, _NOT_RCNN] = True
    dropout: Fraction = Field(0.5, description="between layers, and before the last linear layer")
    embedding_dropout: Fraction = Field(0.5, description="on the embeddings")
    pooling: Literal["last", "mean", "max", "attention"] = "max"
    attention_hops: Annotated[int, _ATTENTION] = Field(
        1, ge=1, le=64, description="how often attention reads; more = a memory network"
    )
    fc_size: int | None = Field(None, ge=1, le=_MOST_UNITS, description="a hidden dense layer with relu; null = none")
    pretrained: str | None = Field(None, description="word vectors of word2vec, text or binary, .gz too")
    freeze_embedding: Annotated[bool, _PRETRAINED] = False
    rare_dim: Annotated[int | None, _RANDOM] = Field(
        32, ge=1, le=_MOST_UNITS, description="size of the vectors of all tokens but the most frequent quarter; where "
        "it is less than embedding_dim, a matrix maps them to that; null = embedding_dim",
    )  # fmt: skip
    ngrams: int = Field(2, ge=1, le=3, description="add the vectors of n-grams up to this length that end at a token")
    ngram_dim: Annotated[int | None, _NGRAMS] = Field(
        16, ge=1, le=_MOST_UNITS, description="size of the vectors of n-grams; where it is less than embedding_dim, a "
        "matrix maps them to that; null = embedding_dim",
    )  # fmt: skip
    max_ngrams: Annotated[int, _NGRAMS] = Field(
        1 << 17, ge=1, le=1 << 24, description="n-grams at most, the most frequent ones; each occurs 3 times or more"
    )
    linear: Literal["mix", "report", "none"] = Field(
        "mix", description="a linear model beside the network: decides with it, is only evaluated, or none"
    )

    _paths = field_validator("pretrained")(_possible_paths)


class TrainConfig(Section):
    batch_size: Annotated[int, Field(ge=1, le=_MANY)] | Literal["auto"] = Field(
        "auto", description="documents, over all processes; auto = by the number of training texts"
    )
    epochs: Annotated[int, Field(ge=1, le=_MANY)] | Literal["auto"] = Field(
        "auto", description="auto = by the number of training texts"
    )
    folds: Annotated[int, _FOLDS, _FOLDS_OF_TRAIN] = Field(
        4, ge=1, le=100, description="networks of a small corpus without dev, each trained without its share; 1 = "
        "one, with a tenth held out for dev",
    )  # fmt: skip
    learning_rate: float = Field(4e-3, gt=0, le=1e38)
    embedding_lr_multiplier: Annotated[float, _TRAINED_EMBEDDING] = Field(
        5.0, gt=0, le=_MANY, description="learning rate of embeddings, as a multiple of that of the rest"
    )
    weight_decay: float = Field(0.01, ge=0, le=1000, description="of weight matrices, embeddings apart")
    schedule: Literal["constant", "linear", "cosine"] = Field("linear", description="after the warm-up, down to 0")
    warmup: Fraction = Field(0.05, description="share of all steps")
    grad_clip_norm: float | None = Field(1.0, gt=0, description="null = measure, don't clip")
    accumulate: int = Field(1, ge=1, le=_MANY, description="batches whose gradients make one step")
    label_smoothing: Fraction = 0.0
    adversarial_norm: float | None = Field(
        1.5, gt=0, le=_MANY, description="length of a worst-case offset of each text's embeddings; null = none"
    )
    class_weights: Literal["none", "balanced"] = "none"
    monitor: Annotated[Literal["dev_loss", "dev_accuracy", "dev_macro_f1"], _DEV] = "dev_loss"
    patience: Annotated[int | None, _DEV] = Field(
        3, ge=1, le=_MANY, description="evaluations without a better one before training stops"
    )
    seed: int = Field(1, ge=0, le=2**63 - 1)
    precision: Literal["float32", "bfloat16"] = "float32"
    tf32: Annotated[bool, _FLOAT32] = Field(False, description="a GPU may round factors of float32 products to 10 bits")
    save_minutes: float = Field(5.0, gt=0, description="the training state is saved at least this often")
    tensorboard: bool = Field(False, description="write losses and scores for TensorBoard into RUN/tensorboard")

    @field_validator("class_weights", mode="before")
    @classmethod
    def _null_means_none(cls, value: Any) -> Any:
        return "none" if value is None else value  # YAML writers use both `none` and `null`


# What `preset: plain` changes of the defaults: the network of the config, and nothing else.
PLAIN: dict[str, dict[str, Any]] = {
    "model": {"rare_dim": None, "ngrams": 1, "linear": "report"},
    "train": {"adversarial_norm": None, "embedding_lr_multiplier": 1.0, "folds": 1},
}


class Config(Section):
    preset: Literal["best", "plain"] = Field("best", description="which defaults the keys have that are not stated")
    data: DataConfig = DataConfig()
    tokenizer: TokenizerConfig = TokenizerConfig()
    vocab: VocabConfig = VocabConfig()
    model: ModelConfig = ModelConfig()
    train: TrainConfig = TrainConfig()

    @model_validator(mode="before")
    @classmethod
    def _preset_defaults(cls, tree: Any) -> Any:
        """Keys that are not stated take the defaults of the preset."""
        if not isinstance(tree, dict) or tree.get("preset", "best") != "plain":
            return tree
        tree = dict(tree)
        for section, defaults in PLAIN.items():
            given = tree.get(section, {})
            if isinstance(given, dict):
                tree[section] = defaults | given
        return tree

    def default(self, section: str, key: str) -> Any:
        """The value of a key that is not stated."""
        changed = PLAIN.get(section, {}) if self.preset == "plain" else {}
        return changed.get(key, type(getattr(self, section)).model_fields[key].default)

    def sections(self) -> Iterator[tuple[str, Section]]:
        return ((name, getattr(self, name)) for name in SECTIONS)

    def replaced(self, **sections: dict[str, Any]) -> Config:
        """A copy with other values, which are not checked. sections: the keys to change, by the name of the section."""
        changed = {name: getattr(self, name).model_copy(update=keys) for name, keys in sections.items()}
        return self.model_copy(update=changed)

    def to_yaml(self) -> str:
        return to_yaml(self.model_dump())


SECTIONS = [name for name in Config.model_fields if name != "preset"]


def to_yaml(tree: dict[str, Any]) -> str:
    return yaml.safe_dump(tree, sort_keys=False, allow_unicode=True)


def dead_keys(config: Config) -> list[str]:
    """A sentence for each key whose value is not the default and which lacks what it needs in this config."""
    sentences = []
    for name, section in config.sections():
        for key, value in section:
            for needs in type(section).model_fields[key].metadata:
                if isinstance(needs, Needs) and value != config.default(name, key) and not needs.met(config):
                    reason = needs.reason.format(**dict(config.sections()))
                    sentences.append(f"{name}.{key}: {value} {needs.result}: {reason}")
    return sentences
