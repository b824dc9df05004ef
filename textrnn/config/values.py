"""Types and checks of values that several keys share."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import Field

from textrnn.errors import short
from textrnn.runtime.files import expand_user


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
