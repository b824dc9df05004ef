"""The keys of the config, but those of `data`: types, limits, defaults and meanings.

A description is the only text on the meaning of its key: the reference, `--help`, the JSON Schema and the docstring of
`RNNClassifier` show it. Each is Markdown without links: values and names of keys in backticks. Limits and defaults do
not belong in it, since they are shown beside it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from textrnn.config import needs, values
from textrnn.config.values import Section

DEFAULT_EMBEDDING_DIM = 96  # without pretrained vectors
_MOST_UNITS = 1 << 16  # of a layer
_MANY = 1_000_000
Cell = Literal["rnn", "gru", "lstm"]  # the keys of `models.encoder.CELLS`
_OR_NULL = values.SchemaKeywords(type=["string", "null"], enum=["none", "balanced", None])
_Weights = Annotated[
    dict[str, Annotated[float, Field(ge=0)]], values.SchemaKeywords(title="mapping of labels to weights")
]


class TokenizerConfig(Section):
    kind: Literal["char", "jieba", "word", "whitespace"] = Field(
        "char", description="How texts are divided into tokens: `char` takes scripts without spaces by character, and "
        "words of other scripts and numbers whole; `jieba` finds Chinese words; `word` takes Unicode words and "
        "punctuation marks; `whitespace` divides at white space alone.",
    )  # fmt: skip
    lowercase: bool = Field(True, description="Convert texts to lower case.")
    normalize: bool = Field(
        True, description="Normalize texts to Unicode NFKC, which makes full-width letters and the like plain ones."
    )
    user_dict: Annotated[values.PathName | None, needs.JIEBA] = Field(
        None, description="File of additional words for jieba, one `word [count] [tag]` per line. It is saved with the "
        "model.",
    )  # fmt: skip

    _paths = field_validator("user_dict")(values.possible_paths)


class VocabConfig(Section):
    min_count: int = Field(
        2, ge=1, le=2**31 - 1, description="Minimum number of occurrences of a token in the training texts. Rarer "
        "tokens become `<unk>`.",
    )  # fmt: skip
    max_size: int = Field(
        50_000, ge=3, le=2**31 - 1, description="Maximum number of entries, including `<pad>` and `<unk>`."
    )


class ModelConfig(Section):
    architecture: Literal["textrnn", "rcnn", "tdnn"] = Field(
        "textrnn", description="Type of network: `textrnn` pools the states of a recurrent network; `rcnn` combines "
        "each word's embedding with its left and right contexts; `tdnn` replaces the cell with convolutions over time, "
        "three steps wide and, in layer n (from 0), 2^n steps apart: 1, 2 and 3 layers see 3, 7 and 15 words.",
    )  # fmt: skip
    cell: Annotated[Cell, needs.CELL] = Field("lstm", description="Type of recurrent cell; `tdnn` has none.")
    nonlinearity: Annotated[Literal["tanh", "relu"], needs.CELL, needs.RNN] = Field(
        "tanh", description="Activation function of the cell `rnn`."
    )
    embedding_dim: int | None = Field(
        None, ge=1, le=_MOST_UNITS, description="Size of the embeddings. `null` means the size of the vectors in "
        "`model.pretrained`, or else 96.",
    )  # fmt: skip
    hidden_size: int = Field(64, ge=1, le=_MOST_UNITS, description="Units of each layer in each direction.")
    num_layers: int = Field(1, ge=1, le=64, description="Number of recurrent layers, or of convolutions in `tdnn`.")
    bidirectional: Annotated[bool, needs.NOT_RCNN] = Field(
        True, description="Read texts in both directions, as `rcnn` always does. In `tdnn`, a unit sees its own step "
        "and one on either side if true, or its own and two earlier ones if false, with half as many units per layer.",
    )  # fmt: skip
    dropout: values.Fraction = Field(
        0.5, description="Dropout rate between layers and before the last linear layer. It never applies to hidden "
        "states from one time step to the next.",
    )  # fmt: skip
    embedding_dropout: values.Fraction = Field(0.5, description="Dropout rate of the embeddings.")
    pooling: Literal["last", "mean", "max", "attention"] = Field(
        "max", description="How the states of all time steps become one vector per text: the `last` one, their `mean`, "
        "their `max`, or their average weighted by `attention`.",
    )  # fmt: skip
    attention_hops: Annotated[int, needs.ATTENTION] = Field(
        1, ge=1, le=64, description="Number of passes of `attention` pooling. With more than one, each pass queries "
        "with the result of the pass before, as in a memory network.",
    )  # fmt: skip
    fc_size: int | None = Field(
        None, ge=1, le=_MOST_UNITS, description="Units of a dense ReLU layer before the output. `null` means no such "
        "layer.",
    )  # fmt: skip
    pretrained: values.PathName | None = Field(
        None, description="File of word vectors, such as GloVe's or Tencent's: word2vec's text format, with or without "
        "its first line, or its binary format, optionally gzipped. `null` means random initial vectors.",
    )  # fmt: skip
    freeze_embedding: Annotated[bool, needs.PRETRAINED] = Field(
        False, description="Keep the embeddings of tokens as they are. Those of n-grams are still trained."
    )
    rare_dim: Annotated[int | None, needs.RANDOM] = Field(
        32, ge=1, le=_MOST_UNITS, description="Size of the embeddings of rare tokens, which are all but the most "
        "frequent quarter of the vocabulary. If it is less than `model.embedding_dim`, a fixed matrix maps them to "
        "that size; `null` means that size, without a matrix. Pretrained vectors keep their own size.",
    )  # fmt: skip
    ngrams: int = Field(
        2, ge=1, le=3, description="Maximum length of the n-grams whose embeddings are added to that of the token at "
        "which they end. 1 means tokens alone.",
    )  # fmt: skip
    ngram_dim: Annotated[int | None, needs.NGRAMS] = Field(
        16, ge=1, le=_MOST_UNITS, description="Size of the embeddings of n-grams. If it is less than "
        "`model.embedding_dim`, a fixed matrix maps them to that size; `null` means that size, without a matrix.",
    )  # fmt: skip
    max_ngrams: Annotated[int, needs.NGRAMS] = Field(
        1 << 17, ge=1, le=1 << 24, description="Maximum number of n-grams that have an embedding: the most frequent "
        "ones, each of which occurs at least three times.",
    )  # fmt: skip
    linear: Literal["mix", "report", "only", "none"] = Field(
        "mix", description="Role of a linear model beside the network (scikit-learn: TF-IDF and LinearSVC on the whole "
        "text): `mix` averages both, with a weight learnt on held-out texts; `report` only evaluates it, and the "
        "network predicts alone; `only` means no network, as `preset: linear` does; `none` means no linear model.",
    )  # fmt: skip

    @property
    def has_network(self) -> bool:
        return self.linear != "only"

    _paths = field_validator("pretrained")(values.possible_paths)


class TrainConfig(Section):
    batch_size: Annotated[int, Field(ge=1, le=_MANY)] | Literal["auto"] = Field(
        "auto", description="Number of texts per batch, over all processes. `auto` means 16, 32 or 64, depending on "
        "the number of training texts.",
    )  # fmt: skip
    epochs: Annotated[int, Field(ge=1, le=_MANY)] | Literal["auto"] = Field(
        "auto", description="Maximum number of passes over the training texts. `auto` means 4, 6 or 7, depending on "
        "their number, and twice as many without adversarial training.",
    )  # fmt: skip
    folds: Annotated[int, needs.FOLDS, needs.FOLDS_OF_TRAIN] = Field(
        4, ge=1, le=100, description="Number of networks in cross-fitting: each is trained without its share of the "
        "texts, on which its best epoch is chosen, and predictions are their average. It applies to fewer than 20,000 "
        "training texts if neither `data.dev` nor `data.dev_fraction` is set. 1 means one network, with a tenth of the "
        "texts held out for dev.",
    )  # fmt: skip
    minutes: float | None = Field(
        None, gt=0, le=_MANY, description="Maximum number of minutes for the whole run. Networks of `train.folds`, "
        "then epochs, are left out as needed, so results depend on the machine's speed. `null` means no limit.",
    )  # fmt: skip
    learning_rate: float = Field(4e-3, gt=0, le=1e38, description="Peak learning rate of AdamW.")
    embedding_lr_multiplier: Annotated[float, needs.TRAINED_EMBEDDING] = Field(
        5.0, gt=0, le=_MANY, description="Learning rate of the embeddings of tokens and n-grams, as a multiple of "
        "`train.learning_rate`. Above 1, rare words learn from few steps.",
    )  # fmt: skip
    weight_decay: float = Field(
        0.01, ge=0, le=1000, description="Weight decay of AdamW on weight matrices. Embeddings and biases have none."
    )
    schedule: Literal["constant", "linear", "cosine"] = Field(
        "linear", description="Learning rate after the warm-up: `constant`, or falling to 0 along a line (`linear`) or "
        "half a cosine wave (`cosine`).",
    )  # fmt: skip
    warmup: values.Fraction = Field(
        0.05, description="Share of all steps over which the learning rate rises to its peak."
    )
    grad_clip_norm: float | None = Field(
        1.0, gt=0, description="Maximum global norm of the gradients, to which larger ones are scaled down (clipping). "
        "`null` means that the norm is only measured.",
    )  # fmt: skip
    accumulate: int = Field(
        1, ge=1, le=_MANY, description="Number of batches whose gradients are added up for one optimizer step."
    )
    label_smoothing: values.Fraction = Field(
        0.0, description="Share of the target probability that the loss spreads evenly over all classes."
    )
    adversarial_norm: float | None = Field(
        1.5, gt=0, le=_MANY, description="Norm of the worst-case offset added to the embeddings of each text when it "
        "is trained on a second time (adversarial training). `null` means no second time, which is twice as fast.",
    )  # fmt: skip
    class_weights: Annotated[Literal["none", "balanced"], _OR_NULL] | _Weights = Field(
        "none", description="Weights of the classes in the losses of network and linear model: `none`; `balanced`, in "
        "inverse proportion to the number of texts of each class (with `data.weight_column`, to the sum of their "
        "weights); or a mapping such as `{spam: 5}`, with 1 for the labels that it lacks.",
    )  # fmt: skip
    monitor: Annotated[Literal["dev_loss", "dev_accuracy", "dev_macro_f1"], needs.DEV] = Field(
        "dev_loss", description="Score on dev, of network and linear model together, that decides the best epoch. The "
        "loss is that of calibrated probabilities, and the least noisy score.",
    )  # fmt: skip
    patience: Annotated[int | None, needs.DEV] = Field(
        3, ge=1, le=_MANY, description="Number of evaluations (one per epoch) without improvement after which training "
        "stops. `null` means that it never stops early.",
    )  # fmt: skip
    seed: int = Field(
        1, ge=0, le=2**63 - 1, description="Random seed of initial weights, dropout, batches and held-out texts."
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="Number format of matrix products in training (autocast). The weights stay float32. `auto` "
        "means `bfloat16` where that is faster: on an x86 CPU with bfloat16 units, for the cell `lstm` with 64 "
        "units or more; else `float32`. The run's config.yaml has the format that was taken, which `--resume` keeps.",
    )  # fmt: skip
    tf32: Annotated[bool, needs.FLOAT32] = Field(
        False, description="Let a GPU round the factors of float32 matrix products to 10 bits of mantissa (TF32), in "
        "training and in its evaluations on dev.",
    )  # fmt: skip
    save_minutes: float = Field(
        5.0, gt=0, description="Maximum number of minutes between saves of the training state, beside each evaluation."
    )
    tensorboard: bool = Field(
        False, description="Write losses, scores, learning rate and gradient norm for TensorBoard into RUN/tensorboard."
    )

    @field_validator("class_weights", mode="before")
    @classmethod
    def _weights_of_labels(cls, value: Any) -> Any:
        if isinstance(value, dict):
            return values.weights_of_labels(value)
        if value not in (None, "none", "balanced"):
            raise ValueError("expected none, balanced, or weights of labels, such as {spam: 5}")
        return value or "none"  # YAML writers use both `none` and `null`
