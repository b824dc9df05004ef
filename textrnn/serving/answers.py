"""Requests -> results, computed together in the thread that calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from textrnn.classifier import TextClassifier
from textrnn.errors import TextRNNError
from textrnn.explaining.explanations import Explanation
from textrnn.runtime.progress import log
from textrnn.serving.limits import Refused
from textrnn.serving.requests import Request

Result = dict[str, Any]


def answer(classifier: TextClassifier, requests: Sequence[Request]) -> list[list[Result] | Refused]:
    """The results of each request, one a text, or why it has none. Texts of all requests are one batch; if that fails,
    each request is computed alone, so that a request never fails because of another one."""
    try:
        probabilities = classifier.predict_proba([text for request in requests for text in request.texts])
    except Exception as error:
        if len(requests) > 1:
            return [answered for request in requests for answered in answer(classifier, [request])]
        return [_failure(error)]
    results: list[list[Result] | Refused] = []
    for request in requests:
        rows, probabilities = probabilities[: len(request.texts)], probabilities[len(request.texts) :]
        try:
            words = _words(classifier.explain(request.texts)) if request.explain else [None] * len(rows)
        except Exception as error:
            results.append(_failure(error))
            continue
        results.append([_result(classifier.labels, *pair, request.top_k) for pair in zip(rows, words, strict=True)])
    return results


def _failure(error: Exception) -> Refused:
    """The error's own message goes to the client if it is meant for users, never to the log: it may quote a text."""
    log.error("a request could not be answered: %s", type(error).__name__)
    told = str(error) if isinstance(error, (TextRNNError, ValueError)) else type(error).__name__
    return Refused(500, f"the model could not answer: {told}")


def _result(labels: list[str], row: np.ndarray, words: list[Result] | None, top_k: int | None) -> Result:
    order = np.argsort(-row, kind="stable")[: top_k or 1].tolist()
    top = [{"label": labels[column], "probability": round(float(row[column]), 4)} for column in order]
    result: Result = dict(top[0])
    if top_k is not None:
        result["top"] = top
    if words is not None:
        result["words"] = words
    return result


def _words(explanations: list[Explanation]) -> list[list[Result]]:
    """The tokens of each text in its order, named as in `textrnn explain --output-format jsonl`."""
    return [
        [
            {"token": token, "start": start, "end": end, "contribution": round(value, 5)}
            for token, start, end, value in explanation.tokens
        ]
        for explanation in explanations
    ]
