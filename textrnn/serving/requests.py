"""The body of POST /predict -> texts and options; every fault is named."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from textrnn.errors import short
from textrnn.serving import limits
from textrnn.serving.limits import Refused

FIELDS = ("text", "texts", "top_k", "explain")


class Request(NamedTuple):
    """top_k: number of likeliest labels to list for each text; None for none. explain: whether to list the words."""

    texts: list[str]
    top_k: int | None
    explain: bool


def parse_request(body: bytes) -> Request:
    """Raises Refused (400, or 413 for too many texts)."""
    fields = _json_object(body)
    for name in fields:
        if name not in FIELDS:
            raise Refused(400, f"unknown field {short(name)}; known are {', '.join(FIELDS)}")
    if ("text" in fields) == ("texts" in fields):
        found = "both" if "text" in fields else "none"
        raise Refused(400, f'expected one of "text" (a string) and "texts" (a list of strings), found {found}')
    texts = _texts(fields)
    top_k, explain = fields.get("top_k"), fields.get("explain", False)
    if top_k is not None and (type(top_k) is not int or top_k < 1):
        raise Refused(400, f"top_k: expected a whole number of at least 1, found {short(top_k)}")
    if type(explain) is not bool:
        raise Refused(400, f"explain: expected true or false, found {short(explain)}")
    most = limits.EXPLAINED_TEXTS if explain else limits.TEXTS
    if len(texts) > most:
        reason = " with explain" if explain else ""
        raise Refused(413, f"texts: at most {most:,} are allowed in a request{reason}, found {len(texts):,}")
    return Request(texts, top_k, explain)


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise Refused(400, f"expected UTF-8, but the bytes at {error.start:,} are not valid in it") from None
    except json.JSONDecodeError as error:
        raise Refused(400, f'expected JSON such as {{"text": "..."}}: {error.msg} at {error.pos:,}') from None
    except (ValueError, RecursionError):  # a number of thousands of digits, or lists within lists
        raise Refused(400, "expected JSON with short numbers and without deep nesting") from None
    if not isinstance(value, dict):
        raise Refused(400, f'expected a JSON object such as {{"text": "..."}}, found {type(value).__name__}')
    return value


def _texts(fields: dict[str, Any]) -> list[str]:
    if "text" in fields:
        if not isinstance(fields["text"], str):
            raise Refused(400, f"text: expected a string, found {short(fields['text'])}")
        return [fields["text"]]
    texts = fields["texts"]
    if not isinstance(texts, list):
        raise Refused(400, f"texts: expected a list of strings, found {short(texts)}")
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            raise Refused(400, f"texts: expected strings, found {short(text)} at {number}")
    return texts
