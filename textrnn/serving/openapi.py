"""The description of the service for programs: OpenAPI 3.1."""

from __future__ import annotations

from typing import Any

from textrnn import __version__
from textrnn.serving import limits

Schema = dict[str, Any]
_STRING, _NUMBER, _INTEGER = {"type": "string"}, {"type": "number"}, {"type": "integer"}
_PROBABILITY = {"type": "number", "minimum": 0, "maximum": 1}
_ERRORS = {
    "400": "The request cannot be understood.",
    "408": "The request was not received in time.",
    "413": "The request is too large, or has too many texts.",
    "500": "The model cannot answer.",
    "503": "Too many requests; Retry-After says when to try again.",
}


def _object(properties: Schema, *required: str, **others: Any) -> Schema:
    return {"type": "object", "properties": properties, "required": list(required), **others}


def _list(items: Schema, **others: Any) -> Schema:
    return {"type": "array", "items": items, **others}


def _content(description: str, schema: Schema) -> Schema:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _get(summary: str, schema: Schema) -> Schema:
    return {"get": {"summary": summary, "responses": {"200": _content(summary, schema)}}}


def openapi() -> Schema:
    """The document of GET /openapi.json."""
    likeliest = {"label": _STRING, "probability": _PROBABILITY}
    word = _object(
        {"token": _STRING, "start": _INTEGER, "end": _INTEGER, "contribution": _NUMBER},
        "token", "start", "end", "contribution",
        description="A token, its characters of the text (in Unicode code points), and what it adds to the label's "
        "log-odds.",
    )  # fmt: skip
    top = _list(_object(likeliest, "label", "probability"), description="With top_k: the likeliest labels.")
    words = _list(word, description="With explain: the tokens in the order of the text.")
    result = _object({**likeliest, "top": top, "words": words}, "label", "probability")
    request = _object(
        {
            "text": _STRING,
            "texts": _list(_STRING, maxItems=limits.TEXTS),
            "top_k": {"type": ["integer", "null"], "minimum": 1, "description": "Labels to list, by probability."},
            "explain": {
                "type": "boolean",
                "description": f"Which words decided; for at most {limits.EXPLAINED_TEXTS} texts.",
            },
        },
        additionalProperties=False, oneOf=[{"required": ["text"]}, {"required": ["texts"]}],
    )  # fmt: skip
    error = _object({"error": _STRING}, "error")
    results = _content("A result for each text, in order.", _object({"results": _list(result)}, "results"))
    predict = {
        "summary": "Classify a text, or several.",
        "requestBody": {"required": True, **_content(f"At most {limits.BODY_BYTES:,} bytes.", request)},
        "responses": {"200": results, **{status: _content(text, error) for status, text in _ERRORS.items()}},
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "textrnn", "version": __version__, "description": "A trained text classifier."},
        "paths": {
            "/predict": {"post": predict},
            "/labels": _get("All labels.", _object({"labels": _list(_STRING)}, "labels")),
            "/health": _get("Whether the service answers.", _object({"status": _STRING}, "status")),
        },
    }
