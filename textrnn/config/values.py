"""What the sections of the config share: their base class, and types and checks of values."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, Literal, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from textrnn.errors import short
from textrnn.runtime.files import expand_user


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, protected_namespaces=())

    @field_validator("*", mode="before")
    @classmethod
    def _booleans_are_not_numbers(cls, value: Any, info: ValidationInfo) -> Any:
        kind = cls.model_fields[info.field_name or ""].annotation
        if isinstance(value, bool) and kind is not bool and get_origin(kind) is not Literal:
            raise ValueError("expected a value other than true or false")
        return value


class SchemaKeywords:
    """An annotation that adds keywords to the JSON Schema of a type, for what a validator checks. title: what the
    reference calls such a value."""

    def __init__(self, **keywords: Any) -> None:
        self.keywords = keywords

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return {**handler(schema), **self.keywords}


MAX_COLUMN = 999_999
Name = Annotated[str, SchemaKeywords(title="name")]
Column = Annotated[int, Field(ge=0, le=MAX_COLUMN)] | Name
TextColumns = Column | Annotated[list[Column], SchemaKeywords(minItems=1, title="list of columns")]
Fraction = Annotated[float, Field(ge=0, lt=1)]
PathName = Annotated[str, SchemaKeywords(minLength=1, title="path")]
Paths = PathName | Annotated[list[PathName], SchemaKeywords(minItems=1, title="list of paths")]
Delimiter = Annotated[str, SchemaKeywords(pattern=r'^([^"\r\n\u0000 ]|tab|\\t)$', title="one character, `tab`")]


def possible_paths(value: Paths | None) -> Paths | None:
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


def weights_of_labels(mapping: dict[Any, Any]) -> dict[str, float]:
    """Label -> weight, labels as text. Raises ValueError."""
    weights = {}
    for label, weight in mapping.items():
        if not isinstance(label, (str, int, float)) or isinstance(label, bool):
            raise ValueError(f"expected labels, found {short(label)}: put yes, no, true, false and null in quotes")
        is_number = isinstance(weight, (int, float)) and not isinstance(weight, bool)
        if not is_number or not 0 <= weight < math.inf:
            raise ValueError(f"expected a number of 0 or more as the weight of {short(label)}, found {short(weight)}")
        weights[str(label)] = float(weight)
    return weights
