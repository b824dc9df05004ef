from __future__ import annotations

from pathlib import Path

import pytest

from textrnn import TextClassifier


@pytest.fixture(scope="session")
def classifier(template: Path) -> TextClassifier:
    """The tiny run that many tests copy."""
    return TextClassifier.load(template / "run")
