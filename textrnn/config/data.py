"""The keys of `data`; `sections.py` has those of the other sections, and says how descriptions are written."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from textrnn.config import needs, values
from textrnn.config.values import Section
from textrnn.reading.decoding import check_encoding


class DataConfig(Section):
    train: values.Paths | None = Field(
        None, description="Training texts: a file, a list of files, a glob pattern or a folder."
    )
    dev: values.Paths | None = Field(
        None, description="Texts on which the best epoch is chosen. `null` holds out a part of the training texts "
        "(`data.dev_fraction`).",
    )  # fmt: skip
    test: values.Paths | None = Field(None, description="Texts on which `textrnn eval` evaluates the model.")
    unlabelled: Annotated[values.Paths | None, needs.LINEAR] = Field(
        None, description="Texts without labels, from which the linear model learns which n-grams go together: files "
        "or glob patterns in any format that `textrnn predict` reads. Texts equal to one of dev or test are left out.",
    )  # fmt: skip
    dev_fraction: Annotated[values.Fraction | None, needs.NO_DEV_FILE] = Field(
        None, description="Share of the training texts that is held out for dev, stratified by class, if `data.dev` is "
        "`null`. 0 means no dev set: the last epoch is kept, and network and linear model count equally. `null` means "
        "0.1 or, with fewer than 20,000 texts, cross-fitting (`train.folds`).",
    )  # fmt: skip
    format: Literal["auto", "tsv", "csv", "jsonl", "fasttext", "folder"] = Field(
        "auto", description="Format of the files. `auto` decides by the suffix or else by the first line; "
        "`folder` means a folder for each class, with one text per file.",
    )  # fmt: skip
    text_column: values.TextColumns | None = Field(
        None, description="Column of the texts: a name (the first row is a header) or a 0-based number (there is no "
        "header). A list such as `[title, body]` joins several columns with line ends and leaves out empty cells. "
        "`null` means column 1 in tsv files and `text` in csv and jsonl files.",
    )  # fmt: skip
    label_column: values.Column | None = Field(
        None, description="Column of the labels: a name or a 0-based number. `null` means column 0 in tsv files and "
        "`label` in csv and jsonl files.",
    )  # fmt: skip
    label_names: values.PathName | None = Field(
        None, description="File with one class name per line, optionally preceded by its id, for labels that are ids "
        "0, 1, ... `null` means that the labels are names.",
    )  # fmt: skip
    weight_column: values.Column | None = Field(
        None, description="Column of the weights of the texts in `data.train`, numbers of 0 or more, in csv, tsv and "
        "jsonl files: a name or a 0-based number. A text of weight 2 counts as if it stood there twice, one of weight "
        "0 is left out. Evaluation does not use them. `null` means that all texts count the same.",
    )  # fmt: skip
    delimiter: Annotated[values.Delimiter | None, needs.CSV] = Field(
        None, description="Character between the fields of csv files, or `tab`. `null` means the one that a first line "
        "`sep=;` states, or else the comma, semicolon, tab or vertical bar that fits the first lines.",
    )  # fmt: skip
    encoding: values.Name = Field(
        "utf-8", description="Encoding of the files: any text encoding that Python knows. A byte order mark is dropped."
    )
    max_length: int = Field(
        512, ge=1, le=2**31 - 2, description="Maximum number of tokens per text; the rest is cut off. A warning "
        "suggests a larger value if more than a quarter of the texts are cut.",
    )  # fmt: skip
    bad_rows: Literal["error", "skip"] = Field(
        "error", description="What happens to rows that do not fit the format or cannot be decoded: `error` stops at "
        "the first one; `skip` leaves them out, counts them and reports the first.",
    )  # fmt: skip
    empty_texts: Literal["skip", "keep"] = Field(
        "skip", description="What happens to texts without a token: `skip` trains and evaluates without them and lists "
        "them, and `textrnn predict` gives them the class frequencies (with `--min-probability`, the unsure "
        "label); `keep` treats each as one unknown token.",
    )  # fmt: skip
    cache_dir: values.PathName = Field(
        ".textrnn_cache", description="Folder for tokenized corpora. It may be deleted at any time. The environment "
        "variable `TEXTRNN_CACHE_DIR` replaces the default.",
    )  # fmt: skip

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
        return value if value is None else values.check_delimiter(value)

    _paths = field_validator("train", "dev", "test", "unlabelled", "label_names", "cache_dir")(values.possible_paths)
