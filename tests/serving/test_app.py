"""The web application: what it answers, and what it refuses."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Sequence
from typing import Any

import jsonschema
import numpy as np
import pytest
from starlette.testclient import TestClient

from textrnn import TextClassifier
from textrnn.serving import limits
from textrnn.serving.app import make_app

TEXTS = ["the late goal", "soup and bread", "", "   ", "汤 hotel", "a\nb\tc", "goal " * 900]


@pytest.fixture(scope="module")
def client(classifier: TextClassifier) -> Iterator[TestClient]:
    with TestClient(make_app(classifier)) as opened:
        yield opened


def results(client: TestClient, **fields: Any) -> list[dict[str, Any]]:
    response = client.post("/predict", json=fields)
    assert response.status_code == 200, response.text
    return response.json()["results"]


def test_answers_are_those_of_the_classifier(client: TestClient, classifier: TextClassifier) -> None:
    found = results(client, texts=TEXTS)
    assert [result["label"] for result in found] == classifier.predict(TEXTS)
    expected = classifier.predict_proba(TEXTS).max(axis=1)
    np.testing.assert_allclose([result["probability"] for result in found], expected, atol=1e-4)
    assert [{*result} for result in found] == [{"label", "probability"}] * len(TEXTS)
    assert results(client, text=TEXTS[0]) == found[:1]
    assert results(client, texts=[]) == []


def test_top_k_lists_the_likeliest_labels(client: TestClient, classifier: TextClassifier) -> None:
    (two,), (all_,) = results(client, text=TEXTS[0], top_k=2), results(client, text=TEXTS[0], top_k=99)
    assert len(two["top"]) == 2 and two["top"] == all_["top"][:2]
    assert two["top"][0] == {"label": two["label"], "probability": two["probability"]}
    assert {item["label"] for item in all_["top"]} == {*classifier.labels}
    assert "top" not in results(client, text=TEXTS[0], top_k=None)[0]


def test_explain_lists_the_words_in_their_order(client: TestClient, classifier: TextClassifier) -> None:
    for result, why in zip(results(client, texts=TEXTS, explain=True), classifier.explain(TEXTS), strict=True):
        assert result["label"] == why.label
        assert [(word["token"], word["start"], word["end"]) for word in result["words"]] == [
            (token, start, end) for token, start, end, _ in why.tokens
        ]
        values = [word["contribution"] for word in result["words"]]
        np.testing.assert_allclose(values, [token.value for token in why.tokens], atol=1e-4)


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "application/x-www-form-urlencoded", None])
def test_json_is_read_whatever_the_content_type(client: TestClient, kind: str | None) -> None:
    headers = {} if kind is None else {"Content-Type": kind}
    for body in (b'{"text": "goal"}', b'\xef\xbb\xbf {"text": "goal"}\n'):
        assert client.post("/predict", content=body, headers=headers).status_code == 200


def test_halves_of_characters_are_answered_in_json_that_all_can_read(client: TestClient) -> None:
    response = client.post("/predict", content=rb'{"text": "goal \ud800 soup", "explain": true}')
    assert response.status_code == 200
    response.content.decode("utf-8")
    assert "\ud800" in [word["token"] for word in response.json()["results"][0]["words"]]


BAD = {
    b"": "expected JSON", b"{": "expected JSON", b"\xff": "UTF-8", '{"text": "a"}'.encode("utf-16"): "UTF-8",
    b"[1]": "found list", b"null": "found NoneType", b"{}": "found none", b'{"text": 3}': "text: expected a string",
    b'{"text": null}': "text: expected a string", b'{"text": "a", "texts": ["a"]}': "found both",
    b'{"texts": "a"}': "expected a list", b'{"texts": {"a": 1}}': "expected a list",
    b'{"texts": ["a", 4]}': "found 4 at 1", b'{"texts": [["a"]]}': "at 0", b'{"txt": "a"}': "unknown field 'txt'",
    b'{"text": "a", "x": 1}': "unknown field 'x'",
    b'{"text": "a", "top_k": 0}': "top_k", b'{"text": "a", "top_k": true}': "top_k",
    b'{"text": "a", "top_k": 1.0}': "top_k", b'{"text": "a", "top_k": "1"}': "top_k",
    b'{"text": "a", "explain": 1}': "explain", b'{"text": "a", "explain": null}': "explain",
    b'{"text": NaN}': "found nan", b"[" * 100_000: "nesting", b'{"top_k": ' + b"9" * 10_000 + b"}": "short numbers",
}  # fmt: skip


@pytest.mark.parametrize("body", BAD, ids=range(len(BAD)))
def test_a_bad_body_is_an_error_that_says_why(client: TestClient, body: bytes) -> None:
    response = client.post("/predict", content=body)
    assert response.status_code == 400
    assert {*response.json()} == {"error"} and len(response.json()["error"]) < 400
    assert BAD[body] in response.json()["error"]


def test_too_much_is_refused(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "TEXTS", 3)
    monkeypatch.setattr(limits, "EXPLAINED_TEXTS", 2)
    assert len(results(client, texts=["a"] * 3)) == 3
    assert client.post("/predict", json={"texts": ["a"] * 4}).status_code == 413
    assert len(results(client, texts=["a"] * 2, explain=True)) == 2
    response = client.post("/predict", json={"texts": ["a"] * 3, "explain": True})
    assert response.status_code == 413 and "at most 2 " in response.json()["error"]


def test_a_large_body_is_not_read_to_its_end(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    body = json.dumps({"text": "goal " * 15}).encode()
    monkeypatch.setattr(limits, "BODY_BYTES", len(body))
    assert client.post("/predict", content=body).status_code == 200
    assert client.post("/predict", content=body + b" ").status_code == 413
    monkeypatch.setattr(limits, "HELD_BYTES", len(body) - 1)
    response = client.post("/predict", content=body)
    assert response.status_code == 503 and int(response.headers["Retry-After"]) > 0
    monkeypatch.setattr(limits, "HELD_BYTES", len(body))
    for _ in range(3):  # what is refused is not held any more
        assert client.post("/predict", content=body).status_code == 200


def test_other_routes(client: TestClient, classifier: TextClassifier) -> None:
    assert client.get("/labels").json() == {"labels": classifier.labels}
    assert client.get("/health").json() == {"status": "ok"}
    assert client.head("/").status_code == 200
    for method, path, status in (
        ("GET", "/no", 404),
        ("GET", "/predict", 405),
        ("POST", "/", 405),
        ("GET", "/labels/", 404),
    ):
        response = client.request(method, path, follow_redirects=False)
        assert response.status_code == status and {*response.json()} == {"error"}


def test_the_page_asks_only_this_server_and_has_no_inline_code(client: TestClient) -> None:
    page = client.get("/")
    assert page.headers["Content-Type"].startswith("text/html")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
    assert not re.search(r"\son\w+=|\sstyle=|<style|<script(?! src)", page.text)
    for address in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        assert address.startswith("data:,") or client.get(f"/{address}").status_code == 200
    for path in ("page.css", "page.js"):
        assert not re.search(r"https?:|//[a-z]|innerHTML|eval", client.get(f"/{path}").text)


def test_answers_are_as_openapi_json_describes_them(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    operation = document["paths"]["/predict"]["post"]
    asked = operation["requestBody"]["content"]["application/json"]["schema"]

    def schema(status: str) -> dict[str, Any]:
        return operation["responses"][status]["content"]["application/json"]["schema"]

    validate = jsonschema.Draft202012Validator
    for fields in ({"text": "goal"}, {"texts": TEXTS[:2], "top_k": 2, "explain": True}):
        assert validate(asked).is_valid(fields)
        response = client.post("/predict", json=fields)
        validate({**schema("200"), "unevaluatedProperties": False}).validate(response.json())
    assert not validate(asked).is_valid({"text": "a", "texts": ["a"]})
    assert not validate(asked).is_valid({"text": "a", "x": 1})
    validate(schema("400")).validate(client.post("/predict", content=b"{").json())


class Failing:
    """A classifier that cannot answer some texts."""

    labels = ("a", "b")

    def predict_proba(self, texts: Sequence[str]) -> np.ndarray:
        if any("secret" in text for text in texts):
            raise RuntimeError(f"no luck with {texts}")
        return np.tile(np.float32([0.25, 0.75]), (len(texts), 1))


def test_a_failure_is_answered_and_neither_it_nor_a_text_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), TestClient(make_app(Failing())) as client:  # type: ignore[arg-type]
        response = client.post("/predict", json={"text": "my secret"})
        assert response.status_code == 500 and {*response.json()} == {"error"}
        assert results(client, text="fine")[0] == {"label": "b", "probability": 0.75}
        assert client.get("/my-secret").status_code == 404
    assert "RuntimeError" in caplog.text and "secret" not in "".join(
        record.getMessage() for record in caplog.records if record.name.startswith(("textrnn", "uvicorn"))
    )
