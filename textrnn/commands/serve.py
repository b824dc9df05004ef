"""`textrnn serve`: a model as a web service."""

from __future__ import annotations

from pathlib import Path

from textrnn.classifier import TextClassifier
from textrnn.runtime.progress import timed
from textrnn.serving.server import bind
from textrnn.serving.server import serve as serve_at


def serve(run: Path, *, host: str, port: int, device: str) -> None:
    """Serve a model until a signal. Raises TextRNNError for an address that cannot be served, CheckpointError."""
    opened = bind(host, port)  # before the model is read, which takes longer
    classifier = TextClassifier.load(run, device=device)
    with timed("computing a first text"):
        classifier.predict_proba([""])  # the first answer takes longer than later ones
    serve_at(classifier, opened)
